"""Values and texts that resemble each other.

They are drawn from alphabets of two to four letters, so that overlaps, repetitions and collisions with the mark are
the rule. Texts are made of pieces of the values and of their encodings.
"""

import base64
import contextlib
import json
import urllib.parse
from unittest.mock import patch

from hypothesis import strategies as st

from secretref import _matcher
from secretref._redactor import Redactor

PLAIN = ("ab", "ab ", "abé", "a_b-", "aA4=", "a\"'b", "a%4b", "a&;b")
MARKED = ("ab*", "a*", "a é*", "a*\\")
BROKEN = ("ab \n", "ab\\n")
ENCODERS = (
    str,
    lambda value: base64.b64encode(value.encode()).decode(),
    lambda value: base64.b64encode(b"a" + value.encode() + b"a").decode(),
    lambda value: value.encode().hex(),
    lambda value: value.encode().hex().upper(),
    lambda value: urllib.parse.quote(value, safe=""),
    lambda value: json.dumps(value)[1:-1],
    lambda value: value[1:],
    lambda value: value[:-1],
)


@contextlib.contextmanager
def automaton():
    """Build Hyperscan at once, for any set of forms."""
    with patch.multiple(_matcher, _BUILD=0, _BUILD_LITERAL=0):
        yield


@st.composite
def cases(draw, alphabets=PLAIN + MARKED + BROKEN, least=1):
    """Draw up to four values and a text that resembles them."""
    alphabet = draw(st.sampled_from(alphabets))
    values = draw(st.lists(st.text(alphabet, min_size=least, max_size=12), min_size=1, max_size=4))
    pieces = st.builds(lambda value, encode: encode(value), st.sampled_from(values), st.sampled_from(ENCODERS))
    return values, "".join(draw(st.lists(st.text(alphabet, max_size=4) | pieces, max_size=8)))


def redactor(values, views="strict"):
    return Redactor({f"name{number}": value for number, value in enumerate(values)}, views=views)


def is_safe(value, mark="***"):
    """Tell whether a value must never be left: six characters or more that no mark can stand for."""
    return max(map(len, value.strip().strip(mark[0]).split(mark))) >= 6
