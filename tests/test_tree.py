"""Plain trees, frozen trees, names of places."""

import collections
import enum
import types
import typing

import pytest

from secretref._tree import DEPTH, compact, freeze, place, plain, pointer, thaw
from secretref.errors import InputError, LimitError


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Ratio(float):
    pass


class Point(typing.NamedTuple):
    x: int
    y: int


class Broken(collections.abc.Mapping):
    def __getitem__(self, key):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError("canary in a mapping")

    def __len__(self):
        return 1


def nested(levels):
    tree = []
    for _ in range(levels - 1):
        tree = [tree]
    return tree


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (types.MappingProxyType({"a": collections.OrderedDict(b=1)}), {"a": {"b": 1}}),
        (Point(1, 2), [1, 2]),
        ([Colour.RED, Level.LOW, Ratio(0.5), True, None], ["red", 1, 0.5, True, None]),
        ({Colour.RED: 1}, {"red": 1}),
        ("text", "text"),
    ],
)
def test_a_plain_tree_holds_exact_types_only(tree, expected):
    made = plain(tree)
    assert made == expected
    if isinstance(made, list):
        assert [type(member) for member in made] == [type(member) for member in expected]


@pytest.mark.parametrize(
    ("tree", "place", "reason"),
    [
        ({"a": [b"bytes"]}, "/a/0", "bytes is not JSON"),
        ({"a": {1, 2}}, "/a", "set is not JSON"),
        ([0, 1, iter([])], "/2", "list_iterator is not JSON"),
        ({"a": {1: 2}}, "/a", "a key is no string"),
        ([float("nan")], "/0", "a number JSON cannot hold"),
        ([float("inf")], "/0", "a number JSON cannot hold"),
        ([10**4_300], "/0", "a number JSON cannot hold"),
        (["\ud800"], "/0", "a lone surrogate is no text"),
        ([{"\udfff": 1}], "/0", "a lone surrogate is no text"),
        ([Broken()], "/0", "a Broken cannot be read: RuntimeError"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(tree, place, reason):
    with pytest.raises(InputError) as caught:
        plain(tree)
    assert (caught.value.place, caught.value.reason) == (place, reason)
    assert caught.value.__context__ is None


def test_the_largest_number_is_taken():
    assert plain([10**4_300 - 1, -(10**4_300) + 1])


def test_lone_surrogates_are_taken_where_wanted():
    assert plain({"\ud800": "\udfff"}, surrogates=True) == {"\ud800": "\udfff"}


@pytest.mark.parametrize("make", [lambda loop: [loop], lambda loop: {"a": {"b": loop}}])
def test_a_tree_that_contains_itself_is_refused(make):
    loop = []
    loop.append(make(loop))
    with pytest.raises(InputError, match="contains itself"):
        plain(loop)


def test_depth_is_limited_exactly():
    assert plain(nested(DEPTH)) == nested(DEPTH)
    with pytest.raises(LimitError) as caught:
        plain(nested(DEPTH + 1))
    assert (caught.value.limit, caught.value.maximum) == ("levels of nesting", DEPTH)
    assert plain(nested(3), depth=3) == [[[]]]
    with pytest.raises(LimitError):
        plain(nested(4), depth=3)


def test_any_depth_ends():
    with pytest.raises(LimitError):
        plain(nested(100_000))


def test_sharing_cannot_multiply_without_end():
    tree = [1]
    for _ in range(60):
        tree = [tree, tree]
    with pytest.raises(LimitError) as caught:
        plain(tree, nodes=1_000)
    assert (caught.value.limit, caught.value.maximum) == ("nodes", 1_000)


def test_a_frozen_tree_thaws_fresh():
    tree = {"a": [1, {"b": "\ud800 é"}]}
    frozen = freeze(tree)
    first, second = thaw(frozen), thaw(frozen)
    assert first == second == tree
    assert first["a"] is not second["a"]


def test_places_are_json_pointers():
    assert pointer([]) == ""
    assert pointer(["a/b", 0, "c~d", ""]) == "/a~1b/0/c~0d/"
    assert place((None, 0)) == ""
    assert place((((None, 0), "a"), 3)) == "/a/3"


def test_compact_json_keeps_letters():
    assert compact({"ä": [1, None]}) == '{"ä":[1,null]}'


def test_the_keys_of_a_plain_tree_are_exact_strings():
    assert [type(key) for key in plain({Colour.RED: 1})] == [str]
