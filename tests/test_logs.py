"""No log line holds a value, whatever logger, handler, formatter or failure made it."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: G003, G004, LOG001, N802, PLE1205, PLE1206, PLW1510

import functools
import io
import json
import logging
import logging.handlers
import queue
import subprocess
import sys
import threading

import pytest
from _standin import MARK, NUMBER, SECRET, leaks, redactor

from secretref.logs import install


@pytest.fixture(autouse=True)
def armed():
    undo = install(redactor())
    yield undo
    undo()


@pytest.fixture
def log():
    """A logger of its own with a handler that keeps lines."""
    logger = logging.Logger("app")
    logger.out = io.StringIO()
    handler = logging.StreamHandler(logger.out)
    handler.setFormatter(logging.Formatter("%(name)s %(threadName)s %(message)s"))
    logger.addHandler(handler)
    return logger


def lines(logger):
    return logger.out.getvalue()


class Lazy:
    def __str__(self):
        return bytes.fromhex(SECRET.encode().hex()).decode()

    __repr__ = __str__


def boom():
    local = SECRET
    raise ValueError(f"boom {local}")


ROUTES = {
    "message": lambda log: log.error(f"a {SECRET} b"),
    "argument": lambda log: log.error("a %s b", SECRET),
    "halves": lambda log: log.error(SECRET[:9] + "%s", SECRET[9:]),
    "two arguments": lambda log: log.error("%s%s", SECRET[:9], SECRET[9:]),
    "mapping": lambda log: log.error("%(k)s", {"k": SECRET}),
    "lazy object": lambda log: log.error("%s %r", Lazy(), Lazy()),
    "lazy message": lambda log: log.error(Lazy()),
    "number": lambda log: log.error("%d", int(NUMBER)),
    "bytes": lambda log: log.error("%r", SECRET.encode()),
    "container": lambda log: log.error("%s", [{"k": SECRET}]),
    "broken format": lambda log: log.error("%d %d", SECRET),
    "unused argument": lambda log: log.error("nothing", SECRET),
    "stack": lambda log: log.error("x", stack_info=True),
}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_each_route_into_a_line_is_redacted(log, route, capsys):
    route(log)
    assert lines(log).startswith("app MainThread ")
    assert not leaks([lines(log), capsys.readouterr()])


def test_clean_lines_are_untouched(log):
    log.error("a %s b %5.1f 100%%", "x", 2.0)
    log.error("100%")
    assert lines(log) == "app MainThread a x b   2.0 100%\napp MainThread 100%\n"


def test_exceptions_lose_values_and_locals(log):
    kept = []
    keeper = logging.Handler()
    keeper.emit = kept.append
    log.addHandler(keeper)
    try:
        boom()
    except ValueError:
        log.exception("failed")
    assert f"ValueError: boom {MARK}" in lines(log)
    assert "in boom" in lines(log)
    assert not leaks(vars(kept[0]))
    log.error("direct", exc_info=ValueError(SECRET))
    log.error("none", exc_info=(None, None, None))
    log.handle(logging.makeLogRecord({"levelno": 40, "msg": "odd", "exc_info": True, "exc_text": SECRET}))
    assert not leaks([vars(record) for record in kept])


def test_structured_fields_are_redacted(log):
    class Json(logging.Formatter):
        def format(self, record):
            return json.dumps({name: repr(value) for name, value in vars(record).items()})

    log.handlers[0].setFormatter(Json())
    held = {"token": SECRET, "nested": {"k": [SECRET]}, SECRET: 1, "once": iter([SECRET]), "card": int(NUMBER)}
    log.error("x", extra=held)
    found = json.loads(lines(log))
    assert (found["token"], found["nested"], found["card"]) == ("'***'", "{'k': ['***']}", "'***'")
    assert not leaks(lines(log))
    assert held["token"] == SECRET


def test_the_finished_line_is_redacted(log):
    class Adds(logging.Formatter):
        def format(self, record):
            return f"{super().format(record)} {bytes.fromhex(SECRET.encode().hex()).decode()}"

    log.handlers[0].setFormatter(Adds())
    log.error("x")
    assert MARK in lines(log)
    assert SECRET not in lines(log)


@pytest.mark.parametrize(("made", "wanted"), [(SECRET.encode(), b"***"), ({"k": SECRET}, {"k": "***"})])
def test_formatters_may_return_other_things(log, made, wanted):
    kept = []

    class Keeps(logging.Handler):
        def emit(self, record):
            kept.append(self.format(record))

    handler = Keeps()
    handler.setFormatter(type("Odd", (logging.Formatter,), {"format": lambda _self, _record: made})())
    log.addHandler(handler)
    log.error("x")
    assert kept == [wanted]


def test_a_filter_that_adds_something_is_no_way_round(log):
    kept = []
    keeper = logging.Handler()
    keeper.emit = kept.append
    log.addHandler(keeper)

    def add(record):
        record.added = SECRET
        return True

    log.addFilter(add)
    log.error("x")
    log.removeFilter(add)
    keeper.addFilter(add)
    log.error("x")
    keeper.addFilter(lambda _record: False)
    log.error("dropped")
    assert [record.added for record in kept] == [MARK, MARK]


def test_names_are_redacted_and_cannot_forge_lines():
    for name in (f"app.{NUMBER}", "app\r\nERROR forged \x1b[31m\x00"):
        log = logging.Logger(name)
        out = io.StringIO()
        handler = logging.StreamHandler(out)
        handler.setFormatter(logging.Formatter("%(name)s %(threadName)s: %(message)s"))
        log.addHandler(handler)
        thread = threading.Thread(target=log.error, args=("x",), name=f"t\n{NUMBER}\x1b\u2028")
        thread.start()
        thread.join()
        assert out.getvalue().count("\n") == 1
        assert not set(out.getvalue()) & set("\r\x1b\x00\u2028")
        assert not leaks(out.getvalue())


def test_child_loggers_and_handlers_added_later():
    out = io.StringIO()
    child = logging.getLogger(f"secretref-test.{NUMBER}.child")
    handler = logging.StreamHandler(out)
    logging.getLogger("secretref-test").addHandler(handler)
    logging.LoggerAdapter(child, {"k": SECRET}).error("x %s", SECRET)
    logging.getLogger("secretref-test").removeHandler(handler)
    assert out.getvalue() == f"x {MARK}\n"


def test_the_handler_of_last_resort(monkeypatch, capsys):
    log = logging.Logger("lonely")
    log.warning("x %s", SECRET)
    assert capsys.readouterr().err == f"x {MARK}\n"


def test_a_failing_handler_reports_without_values(log, capsys, monkeypatch):
    class Fails(logging.Handler):
        def emit(self, record):
            try:
                raise ValueError(SECRET)
            except ValueError:
                self.handleError(record)

    log.addHandler(Fails())
    log.error("x %s", SECRET)
    shown = capsys.readouterr().err
    assert "--- Logging error ---" in shown
    assert f"ValueError: {MARK}" in shown
    assert f"Message: 'x {MARK}'" in shown
    assert not leaks(shown)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.error("x %s", SECRET)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(logging, "raiseExceptions", True)
    Fails().handleError(logging.makeLogRecord({"msg": SECRET}))
    assert f"Message: '{MARK}'" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", closed := io.StringIO())
    closed.close()
    log.error("x %s", SECRET)


def test_queues_and_records_from_elsewhere(log):
    passed = queue.Queue()
    out = io.StringIO()
    listener = logging.handlers.QueueListener(passed, logging.StreamHandler(out))
    log.addHandler(logging.handlers.QueueHandler(passed))
    listener.start()
    log.error("x %s", SECRET)
    passed.put(logging.makeLogRecord({"msg": SECRET}))
    listener.stop()
    assert out.getvalue() == f"x {MARK}\n{MARK}\n"
    record = logging.makeLogRecord({"levelno": 40, "msg": "x %s", "args": (SECRET,), "name": "app"})
    log.handle(record)
    log.callHandlers(record)
    log.handlers[0].handle(record)
    assert record.args == (SECRET,), "the caller's record was changed"
    assert not leaks(lines(log))


def test_records_with_a_style_of_their_own(log):
    class Braces(logging.LogRecord):
        def getMessage(self):
            return self.msg.format(*self.args)

    log.handle(Braces("app", 40, "", 0, "a {} {{}}", (SECRET,), None))
    assert lines(log) == f"app MainThread a {MARK} {{}}\n"


def test_a_record_that_cannot_be_redacted_is_withheld(log):
    record = logging.makeLogRecord({"levelno": 40, "msg": Hostile(), "args": (Hostile(),), "token": SECRET})
    log.handle(record)
    assert "[redaction failed]" in lines(log)
    assert not leaks(lines(log))


class Hostile:
    def __repr__(self):
        raise ValueError(SECRET)


OTHER = "other-c4nary-value"


def test_one_handler_alone(log):
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    log.addHandler(handler)
    undo = install(redactor(third=OTHER), handler)
    log.error("x %s", OTHER)
    assert out.getvalue() == f"x {MARK}\n"
    assert OTHER in lines(log)
    undo()
    undo()
    log.error("x %s", OTHER)
    assert out.getvalue() == f"x {MARK}\nx {OTHER}\n"


def test_one_handler_is_covered_on_every_way(capsys):
    class Adds(logging.Formatter):
        def format(self, record):
            return f"{super().format(record)} {OTHER}"

    class Replaces(logging.Handler):
        def filter(self, record):
            return logging.makeLogRecord(vars(record) | {"added": OTHER}) if record.msg != "dropped" else False

        def emit(self, record):
            kept.append((record, self.format(record)))

    kept = []
    handler = Replaces()
    handler.setFormatter(Adds())
    undo = install(redactor(third=OTHER), handler)
    handler.handle(logging.makeLogRecord({"msg": "x %s", "args": (OTHER,), "levelno": 40}))
    assert not handler.handle(logging.makeLogRecord({"msg": "dropped"}))
    assert [(record.msg, record.added, line) for record, line in kept] == [(f"x {MARK}", MARK, f"x {MARK} {MARK}")]
    handler.handleError(logging.makeLogRecord({"msg": OTHER}))
    assert f"Message: '{MARK}'" in capsys.readouterr().err
    undo()
    handler.handleError(logging.makeLogRecord({"msg": OTHER}))
    assert OTHER in capsys.readouterr().err


def test_handlers_share_one_copy_and_their_locks_are_free_again(log):
    kept = []
    for _ in range(2):
        keeper = logging.Handler()
        keeper.emit = kept.append
        log.addHandler(keeper)
    log.error("x")
    assert kept[0] is kept[1]
    keeper.addFilter(lambda _record: True)
    log.error("x")
    assert kept[2] is not kept[3]
    thread = threading.Thread(target=log.error, args=("x",), daemon=True)
    thread.start()
    thread.join(10)
    assert len(kept) == 6


def test_no_standard_error_is_no_failure(monkeypatch):
    class Broken(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    for stream in (None, Broken()):
        monkeypatch.setattr(sys, "stderr", stream)
        logging.Handler().handleError(logging.makeLogRecord({"msg": SECRET}))


def test_several_redactors_in_any_order(log):
    first = install(redactor(a="first-c4nary-value"))
    second = install(redactor(b="second-c4nary-value"))
    first()
    first()
    log.error("first-c4nary-value second-c4nary-value")
    second()
    assert lines(log) == f"app MainThread first-c4nary-value {MARK}\n"


def test_values_registered_later_count(log):
    ours = redactor()
    undo = install(ours)
    ours.register("late", "late-c4nary-value")
    log.error("late-c4nary-value")
    undo()
    assert lines(log) == f"app MainThread {MARK}\n"


REPLACED = (
    (logging.Logger, "handle"),
    (logging.Logger, "callHandlers"),
    (logging.Handler, "handle"),
    (logging.Handler, "format"),
    (logging.Handler, "handleError"),
)


@pytest.mark.parametrize(("owner", "name"), REPLACED, ids=[f"{owner.__name__}.{name}" for owner, name in REPLACED])
def test_what_stays_behind_an_undo_does_what_the_plain_one_did(owner, name, armed, monkeypatch):
    ours = getattr(owner, name)
    with monkeypatch.context() as patched:
        armed()
        seen = []
        patched.setattr(owner, name, lambda _self, record: seen.append(record) or "plain")
        undo = install(redactor())
        left = getattr(owner, name)
        theirs = functools.partial(left)
        patched.setattr(owner, name, theirs)
        undo()
        record = logging.makeLogRecord({"msg": "x"})
        instance = logging.Logger("x") if owner is logging.Logger else logging.Handler()
        assert getattr(owner, name) is theirs is not ours
        theirs(instance, record)
        assert seen == [record]
        assert seen[0] is record


def test_undoing_leaves_logging_as_it_was_even_around_other_patches():
    code = """
import logging, io
from secretref._redactor import Redactor
from secretref.logs import install
before = logging.Handler.format, logging.Logger.handle, logging.Handler.handle, logging.Handler.handleError
undo = install(Redactor({"a": "c4nary-of-the-child"}))
mine = logging.Handler.format
logging.Handler.format = theirs = lambda self, record: mine(self, record) + "!"
undo()
assert logging.Handler.format is theirs
logging.basicConfig(format="%(message)s", stream=(out := io.StringIO()))
logging.error("%s", "c4nary-of-the-child")
try:
    raise ValueError("plain")
except ValueError:
    logging.getLogger().handlers[0].handleError(logging.makeLogRecord({}))
assert out.getvalue() == "c4nary-of-the-child!\\n", out.getvalue()
again = install(Redactor({"a": "c4nary-of-the-child"}))
logging.error("%s", "c4nary-of-the-child")
assert out.getvalue().endswith("***!\\n"), out.getvalue()
again()
logging.Handler.format = before[0]
assert before == (logging.Handler.format, logging.Logger.handle, logging.Handler.handle, logging.Handler.handleError)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--- Logging error ---" in done.stderr
