"""Arrays and tables of other libraries are walked when they come along, and keep their type."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: E501, PD011

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from _standin import MARK, NUMBER, SECRET, leaks, redact

N = int(NUMBER)


def same(done, wanted):
    assert type(done) is type(wanted)
    assert str(done) == str(wanted)


ARRAYS = {
    "text": (np.array([[SECRET, "b"]]), np.array([[MARK, "b"]])),
    "bytes": (np.array([SECRET.encode()]), np.array([MARK.encode()])),
    "objects": (np.array([{"a": SECRET}, 1], dtype=object), np.array([{"a": MARK}, 1], dtype=object)),
    "scalar": (np.array(SECRET), np.array(MARK)),
    "integers": (np.array([1, N]), np.array([1, MARK], dtype=object)),
    "floats": (np.array([0.5, float(N)]), np.array([0.5, MARK], dtype=object)),
    "raw": (np.frombuffer(SECRET.encode(), dtype="u1"), np.frombuffer(MARK.encode(), dtype="u1")),
    "structured": (np.array([(SECRET, 1)], dtype=[("a", "U40"), ("b", "i4")]), np.array([None], dtype=object)),
    "variable": (np.array([SECRET], dtype=np.dtypes.StringDType()), np.array([MARK], dtype=np.dtypes.StringDType())),
}
ARRAYS["structured"][1][0] = (MARK, 1)


@pytest.mark.parametrize(("value", "wanted"), ARRAYS.values(), ids=ARRAYS)
def test_arrays(value, wanted):
    done = redact([value])[0]
    same(done, wanted)
    assert not leaks(done.tolist())
    assert SECRET in str(value) or NUMBER in str(value.tolist()) or value.dtype == "u1"


CLEAN = [
    np.arange(25_000),
    np.array(["a"]),
    np.array([None, []], dtype=object),
    np.array(["2026-01-01"], dtype="M8[D]"),
    np.float64(1.5),
    np.datetime64("2026-01-01"),
    np.str_("a"),
    pd.DataFrame({"a": ["x"], "b": [1], "c": pd.to_datetime(["2026-01-01"])}),
    pd.Series(["a"], dtype="category"),
    pd.Series([1, None], dtype="Int64"),
    pd.Index(["a"]),
    pd.RangeIndex(10**12),
    pd.MultiIndex.from_tuples([("a", 1)]),
    pd.date_range("2026-01-01", periods=3, tz="UTC"),
    pd.Timestamp("2026-01-01"),
    pl.DataFrame({"a": ["x"], "b": [1], "c": [[1, 2]]}),
    pl.Series(["a"], dtype=pl.Categorical),
    pa.table({"a": ["x"], "b": [1]}),
    pa.array(["x"]).dictionary_encode(),
    pa.scalar("x"),
]


@pytest.mark.parametrize("value", CLEAN, ids=lambda value: type(value).__name__)
def test_clean_ones_come_back_themselves(value):
    assert redact(value) is value


def test_wide_raw_memory_is_withheld():
    held = np.frombuffer(SECRET.encode()[:20].ljust(24), dtype="u4")
    assert not leaks(redact(held).tobytes() if isinstance(redact(held), np.ndarray) else redact(held))
    assert redact(np.frombuffer((SECRET + "    ").encode(), dtype="u4")) == "<ndarray>"


def test_views_do_not_lead_to_the_rest():
    for whole in (np.array([N, 1]), np.array([SECRET, "b"]), np.array([SECRET.encode(), b"b"])):
        view = whole[1:]
        done = redact([view])[0]
        assert done.tolist() == view.tolist()
        assert done.base is not whole
        assert not leaks([done.base])
    held = np.frombuffer(SECRET.encode()[:16] + bytes(8), dtype="M8[s]")
    assert redact(held) is held
    assert redact(np.array([N, 0]).view("M8[s]")[1:]).base is None
    masked = redact(np.ma.masked_array([SECRET, "b"], mask=[True, False]))
    assert masked.mask.tolist() == [True, False]
    assert not leaks(masked.data.tolist())
    sliced = redact(pa.array(["a", SECRET])[:1])
    assert SECRET.encode() not in __import__("pickle").dumps(sliced)
    assert sliced.to_pylist() == ["a"]


def test_scalars_of_numpy():
    same(redact(np.str_(SECRET)), np.str_(MARK))
    same(redact(np.bytes_(SECRET.encode())), np.bytes_(MARK.encode()))
    assert redact(np.int64(N)) == MARK
    assert redact(np.float64(N)) == MARK
    assert not leaks(redact(np.ma.masked_array([SECRET, "b"], mask=[True, False])))


FRAMES = {
    "column": (pd.DataFrame({"a": [SECRET, "x"], "n": [1, 2]}), pd.DataFrame({"a": [MARK, "x"], "n": [1, 2]})),
    "header": (pd.DataFrame({SECRET: [1], NUMBER: [2]}), pd.DataFrame([[1, 2]], columns=[MARK, MARK])),
    "index": (pd.DataFrame({"a": [1]}, index=[SECRET]), pd.DataFrame({"a": [1]}, index=[MARK])),
    "numbers": (pd.DataFrame({"a": [1, N]}), pd.DataFrame({"a": [1, MARK]}, dtype=object)),
    "nested": (pd.DataFrame({"a": [{"k": [SECRET]}]}), pd.DataFrame({"a": [{"k": [MARK]}]})),
    "levels": (
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(SECRET, 1)], names=["x", SECRET])),
        pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(MARK, 1)], names=["x", MARK])),
    ),
    "times": (
        pd.DataFrame({"t": pd.to_datetime(["2026-01-01"]), "a": [SECRET]}),
        pd.DataFrame({"t": pd.to_datetime(["2026-01-01"]), "a": [MARK]}),
    ),
    "empty": (pd.DataFrame(columns=[SECRET]), pd.DataFrame(columns=[MARK])),
}


@pytest.mark.parametrize(("value", "wanted"), FRAMES.values(), ids=FRAMES)
def test_frames(value, wanted):
    before = value.copy(deep=True)
    done = redact(value)
    same(done, wanted)
    assert not leaks([done.values.tolist(), list(done.columns), list(done.index), done.to_csv(), repr(done)])
    pd.testing.assert_frame_equal(value, before)


def test_types_of_clean_columns_are_kept():
    done = redact(pd.DataFrame({"a": [SECRET], "n": [1], "f": [0.5], "t": pd.to_datetime(["2026-01-01"])}))
    assert [str(kind) for kind in done.dtypes[1:]] == ["int64", "float64", "datetime64[us]"] or done.dtypes[
        "n"
    ] == "int64"


def test_series_and_indexes():
    series = pd.Series([SECRET, "b"], name=SECRET, dtype="category")
    series.attrs["note"] = SECRET
    done = redact(series)
    assert (list(done), done.name, done.attrs) == ([MARK, "b"], MARK, {"note": MARK})
    unused = pd.Series(pd.Categorical(["b"], categories=["b", SECRET]))
    assert not leaks(list(redact(unused).cat.categories))
    numbers = redact(pd.Series([1, N, None], dtype="Int64"))
    assert list(numbers)[:2] == [1, MARK]
    times = redact(pd.Series(pd.to_datetime(["2026-01-01"]), name=SECRET))
    assert (times.name, str(times.iloc[0])) == (MARK, "2026-01-01 00:00:00")
    assert redact(pd.date_range("2026-01-01", periods=1, name=SECRET)).name == MARK
    assert redact(pd.RangeIndex(3, name=SECRET)).name == MARK
    assert list(redact(pd.RangeIndex(N, N + 2))) == [MARK, MARK]
    assert redact(pd.Index([SECRET], dtype="category")).tolist() == [MARK]
    assert redact(pd.Index([N])).tolist() == [MARK]


def test_polars():
    frame = pl.DataFrame({"a": [SECRET], "n": [N], "l": [[SECRET]], "s": [{"k": SECRET}], SECRET: [1], NUMBER: [2]})
    done = redact(frame)
    assert done.to_dicts() == [{"a": MARK, "n": MARK, "l": [MARK], "s": {"k": MARK}, MARK: 1, f"{MARK}_2": 2}]
    assert redact(pl.Series("x", [1, None, N])).to_list() == ["1", None, MARK]
    categories = redact(pl.Series([SECRET, "b"], dtype=pl.Categorical))
    assert categories.to_list() == [MARK, "b"]
    fixed = redact(pl.Series(["b"], dtype=pl.Enum(["b", SECRET])))
    assert not leaks([fixed.to_list(), str(fixed.dtype)])
    assert redact(frame.lazy()) == "<LazyFrame>"


def test_pyarrow():
    table = pa.table({"a": [SECRET], "n": [N], "l": [[SECRET]]}).replace_schema_metadata({"k": SECRET})
    done = redact(table)
    assert done.to_pylist() == [{"a": MARK, "n": MARK, "l": [MARK]}]
    assert done.schema.metadata == {b"k": MARK.encode()}
    assert type(done) is pa.Table
    assert redact(table.to_batches()[0]).column_names == ["a", "n", "l"]
    assert redact(pa.array([SECRET]).dictionary_encode()).to_pylist() == [MARK]
    unused = pa.DictionaryArray.from_arrays([0], ["b", SECRET])
    assert not leaks([redact(unused).to_pylist(), str(redact(unused))])
    assert redact(pa.scalar(SECRET)).as_py() == MARK
    assert not leaks(redact(pa.py_buffer(SECRET.encode())))
    assert not leaks(redact(table.schema))
    chunked = pa.chunked_array([[SECRET], ["b"]])
    assert redact(chunked).to_pylist() == [MARK, "b"]


def test_nothing_is_imported_for_it():
    code = "import sys, secretref._objects; print([m for m in sys.modules if m.split('.')[0] in ('numpy','pandas','polars','pyarrow','pydantic')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
