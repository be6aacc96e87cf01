"""A copy of a log record holds no value in any field, and no name that could forge a line."""

import logging
import sys

import pytest
from _standin import MARK, SECRET, leaks, redactor

from secretref.logs._records import escaped, hidden, redacted_record

NAMES = (
    "name", "levelname", "pathname", "filename", "module", "funcName", "threadName", "processName", "taskName",
)  # fmt: skip
TEXTS = ("exc_text", "stack_info", "message", "asctime")


def copied(**fields):
    return vars(redacted_record(redactor(), logging.makeLogRecord(fields)))


@pytest.mark.parametrize("field", NAMES)
def test_names_are_redacted_and_stay_on_their_line(field):
    assert copied(**{field: f"a ~\n{SECRET}"})[field] == f"a ~\\n{MARK}"


@pytest.mark.parametrize("field", TEXTS)
def test_texts_are_redacted_and_keep_their_lines(field):
    assert copied(**{field: f"a\n{SECRET}"})[field] == f"a\n{MARK}"


def test_other_fields_stay_as_they_are():
    plain = vars(logging.makeLogRecord({"msg": "x", "levelno": 30, "extra": [1], "name": None}))
    assert redacted_record(redactor(), logging.makeLogRecord(plain)).__dict__ == plain


def test_fields_of_ones_own_are_redacted_with_their_names():
    assert copied(**{SECRET: [SECRET]})[MARK] == [MARK]


def test_the_exception_of_the_moment_is_copied():
    try:
        raise ValueError(SECRET)
    except ValueError:
        kind, error, trace = copied(exc_info=True)["exc_info"]
        assert copied(exc_info=sys.exc_info())["exc_info"][0] is ValueError
    assert (kind, str(error), trace is error.__traceback__) == (ValueError, MARK, True)
    assert str(copied(exc_info=ValueError(SECRET))["exc_info"][1]) == MARK
    assert copied(exc_info=False)["exc_info"] is None


@pytest.mark.parametrize("field", ["exc_text", "extra"])
def test_nothing_of_a_record_that_failed_is_left(field):
    class Fails:
        text = staticmethod(redactor().text)

        def data(self, _value):
            raise ValueError

    held = {"msg": "x", "levelno": 40, "args": [SECRET], field: SECRET, "object": [SECRET]}
    copy = redacted_record(Fails(), logging.makeLogRecord(held))
    assert (copy.levelno, copy.getMessage(), copy.name) == (40, "[redaction failed]", "[redaction failed]")
    assert not hasattr(copy, "object")
    assert not leaks(vars(copy))


def test_what_can_be_read_once_is_named_by_its_type():
    assert hidden(redactor(), iter([SECRET])) == "<list_iterator>"


@pytest.mark.parametrize("code", [*range(33), *range(126, 162), 0x2027, 0x2028, 0x2029])
def test_control_characters_are_shown(code):
    char, wanted = chr(code), {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
    if code < 32 or 127 <= code < 160:
        assert escaped(f"a{char}b") == "a" + wanted.get(char, f"\\x{code:02x}") + "b"
    elif code in (0x2028, 0x2029):
        assert escaped(f"a{char}b") == f"a\\u{code:04x}b"
    else:
        assert escaped(f"a{char}b") == f"a{char}b"
