"""Arrays, tables and trees of other libraries, which are never imported: their objects bring them along.

Numbers are searched in chunks of their decimal text; only where a chunk holds a value is each number looked at.
A typed column that had to take in a mark keeps its type where the library allows, else it becomes text or objects.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import count, islice
from typing import Any

from secretref._objects.kinds import Kind, Leaf, Rules, placeholder
from secretref._objects.scalars import number

__all__ = ["TABLES"]

_CHUNK = 10_000
_NUMBERS = "biufc"
_TIMES = "mM"


def _chunks(items: Iterable[object]) -> list[object]:
    """Join the decimal texts of numbers, so that clean ones cost one search for many."""
    rest = map(repr, items)
    return ["\n".join(chunk) for chunk in iter(lambda: list(islice(rest, _CHUNK)), [])]


def _marked(rules: Rules, items: Iterable[Any]) -> list[Any]:
    return [number(rules, item) for item in items]


def _array_parts(array: Any) -> list[object]:
    kind, names = array.dtype.kind, array.dtype.names
    shared = array.base if isinstance(array.base, (sys.modules["numpy"].ndarray, bytes, bytearray)) else None
    if kind in _TIMES:
        return [shared]
    items = _unmasked(array).ravel().tolist()
    return [shared, array.tobytes(), *_chunks(items)] if kind in _NUMBERS else [shared, names, *items]


def _unmasked(array: Any) -> Any:
    """Return the array itself, without the mask or other manners of a subclass."""
    return array.view(sys.modules["numpy"].ndarray)


def _array(rules: Rules, array: Any, parts: list[Any], _shell: object) -> object:
    numpy = sys.modules["numpy"]
    kind = array.dtype.kind
    if kind in _TIMES:
        return array.copy()
    if kind in _NUMBERS:
        held = array.tobytes()
        if parts[1] != held:  # its bytes are text
            return numpy.frombuffer(parts[1], array.dtype) if array.itemsize == 1 else placeholder(rules, array)
        items = _marked(rules, _unmasked(array).ravel().tolist())
        if rules.mark not in items:  # it is part of a larger array
            return array.copy()
    else:
        items = parts[2:]
    if kind in "US":
        copy = numpy.array(items, dtype=kind)
    else:
        copy = numpy.empty(array.size, dtype=array.dtype if kind == "T" else object)
        for index, item in enumerate(items):
            copy[index] = item
    shaped = copy.reshape(array.shape)
    return numpy.ma.array(shaped, mask=array.mask) if hasattr(array, "mask") else shaped


def _scalar(rules: Rules, value: Any) -> object:
    shown = (str(value), repr(value), value.tobytes())
    return value if value.dtype.kind in _TIMES or all(map(rules.clean, shown)) else rules.mark


def _anew(_rules: Rules, value: Any, parts: list[Any], _shell: object) -> object:
    return type(value)(parts[0])


def _values(held: Any) -> object:
    """Return the values of a pandas column or index as an array, numbers as such."""
    kind = getattr(held.dtype, "kind", "O")
    if kind in _TIMES:
        return None
    return held.to_numpy() if kind in _NUMBERS and not held.hasnans else held.to_numpy(dtype=object)


def _series_parts(series: Any) -> list[object]:
    categories = list(series.cat.categories) if hasattr(series.dtype, "categories") else None
    return [_values(series), series.index, series.name, series.attrs, categories]


def _series(_rules: Rules, series: Any, parts: list[Any], _shell: object) -> object:
    pandas = sys.modules["pandas"]
    values, index, name, attrs, categories = parts
    if values is None:
        copy = pandas.Series(series.array, index=index, name=name)
    elif categories is not None:
        copy = pandas.Series(values, index=index, name=name, dtype="category")
    else:
        copy = pandas.Series(_typed(pandas, values, series.dtype), index=index, name=name)
    copy.attrs = attrs
    return copy


def _typed(pandas: Any, values: Any, dtype: Any) -> Any:
    """Give values the type they had, if they still fit it."""
    try:
        return pandas.array(values, dtype=dtype)
    except (TypeError, ValueError):
        return values


def _frame_parts(frame: Any) -> list[object]:
    return [frame.columns, frame.index, frame.attrs, *(frame.iloc[:, place] for place in range(frame.shape[1]))]


def _frame(_rules: Rules, _frame: Any, parts: list[Any], _shell: object) -> object:
    columns, index, attrs, *series = parts
    copy = sys.modules["pandas"].DataFrame({place: one.array for place, one in enumerate(series)}, index=index)
    copy.columns = columns
    copy.attrs = attrs
    return copy


def _index_parts(index: Any) -> list[object]:
    if type(index).__name__ == "RangeIndex":
        return [index.start, index.stop, index.step, list(index.names)]
    if type(index).__name__ == "MultiIndex":
        return [index.to_list(), [list(level) for level in index.levels], list(index.names)]
    return [_values(index), list(index.categories) if hasattr(index, "categories") else None, list(index.names)]


def _index(rules: Rules, index: Any, parts: list[Any], _shell: object) -> object:
    pandas, names = sys.modules["pandas"], parts[-1]
    if type(index).__name__ == "MultiIndex":
        return pandas.MultiIndex.from_tuples(parts[0], names=names)
    if type(index).__name__ == "RangeIndex":
        kept = all(type(bound) is int for bound in parts[:3])
        return (
            pandas.RangeIndex(*parts[:3], name=names[0])
            if kept
            else pandas.Index([rules.mark] * len(index), name=names[0])
        )
    return index.rename(names[0]) if parts[0] is None else pandas.Index(parts[0], name=names[0])


def _polars_parts(series: Any) -> list[object]:
    if series.dtype.is_numeric():
        return [series.name, *_chunks(series)]
    fixed = series.dtype.categories.to_list() if str(series.dtype).startswith("Enum") else None
    return [series.name, series.to_list(), fixed]


def _polars(rules: Rules, series: Any, parts: list[Any], _shell: object) -> object:
    polars = sys.modules["polars"]
    if not series.dtype.is_numeric():
        return polars.Series(parts[0], parts[1])
    items = _marked(rules, series.to_list())
    if rules.mark not in items:
        return series.rename(parts[0])
    return polars.Series(parts[0], [None if item is None else str(item) for item in items])


def _polars_frame(_rules: Rules, _frame: object, parts: list[Any], _shell: object) -> object:
    taken: set[str] = set()
    for place, series in enumerate(parts):
        name = next(name for n in count(1) if (name := series.name if n == 1 else f"{series.name}_{n}") not in taken)
        taken.add(name)
        parts[place] = series.rename(name)
    return sys.modules["polars"].DataFrame(parts)


def _arrow_parts(array: Any) -> list[object]:
    chunks = array.chunks if hasattr(array, "chunks") else [array]
    shared = [buffer.to_pybytes() for chunk in chunks for buffer in chunk.buffers() if buffer]  # whole, for a slice too
    if sys.modules["pyarrow"].types.is_primitive(array.type):
        return [None, shared, *_chunks(array.to_pylist())]
    return [array.to_pylist(), shared, array.dictionary if hasattr(array, "dictionary") else None]


def _arrow(rules: Rules, array: Any, parts: list[Any], _shell: object) -> object:
    pyarrow = sys.modules["pyarrow"]
    primitive = pyarrow.types.is_primitive(array.type)
    items = _marked(rules, array.to_pylist()) if primitive else parts[0]
    try:
        copy = pyarrow.array(items, type=None if hasattr(array, "dictionary") else array.type)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        copy = pyarrow.array([None if item is None else str(item) for item in items])
    return pyarrow.chunked_array([copy]) if hasattr(array, "chunks") else copy


def _arrow_table_parts(table: Any) -> list[object]:
    fields = [field.metadata for field in table.schema]
    return [table.schema.metadata, table.schema.names, fields, *table.columns]


def _arrow_table(_rules: Rules, table: Any, parts: list[Any], _shell: object) -> object:
    metadata, names, _fields, *columns = parts
    plain = [getattr(column, "combine_chunks", lambda column=column: column)() for column in columns]
    return type(table).from_arrays(plain, names=names).replace_schema_metadata(metadata)


def _arrow_scalar(_rules: Rules, _scalar: object, parts: list[Any], _shell: object) -> object:
    return sys.modules["pyarrow"].scalar(parts[0])


def _element(_rules: Rules, _element: object, parts: list[Any], shell: Any) -> object:
    shell.tag, shell.text, shell.tail = parts[:3]
    shell.attrib.update(parts[3])
    shell.extend(parts[4:])
    return shell


TABLES: dict[str, Kind | Leaf] = {  # by library and class name
    "numpy.str_": Kind(parts=lambda value: [str.__str__(value)], build=_anew),
    "numpy.bytes_": Kind(parts=lambda value: [bytes.__getitem__(value, slice(None))], build=_anew),
    "numpy.generic": _scalar,
    "numpy.ndarray": Kind(parts=_array_parts, build=_array),
    "pandas.DataFrame": Kind(parts=_frame_parts, build=_frame),
    "pandas.Series": Kind(parts=_series_parts, build=_series),
    "pandas.Index": Kind(parts=_index_parts, build=_index),
    "polars.DataFrame": Kind(parts=lambda frame: frame.get_columns(), build=_polars_frame),
    "polars.Series": Kind(parts=_polars_parts, build=_polars),
    "polars.LazyFrame": placeholder,
    "pyarrow.Array": Kind(parts=_arrow_parts, build=_arrow),
    "pyarrow.ChunkedArray": Kind(parts=_arrow_parts, build=_arrow),
    "pyarrow.Table": Kind(parts=_arrow_table_parts, build=_arrow_table),
    "pyarrow.RecordBatch": Kind(parts=_arrow_table_parts, build=_arrow_table),
    "pyarrow.Scalar": Kind(parts=lambda scalar: [scalar.as_py()], build=_arrow_scalar),
    "xml.Element": Kind(
        parts=lambda element: [element.tag, element.text, element.tail, element.attrib, *element],
        build=_element,
        empty=lambda element: type(element)(""),
    ),
}
