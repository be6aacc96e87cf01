"""What the interpreter reports by itself holds no value."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: PLW1510

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import types
import warnings

import pytest
from _standin import MARK, NUMBER, SECRET, leaks, redactor

from secretref.logs import install_hooks


@pytest.fixture
def armed():
    undo = install_hooks(redactor())
    yield
    undo()


def child(code):
    """Run code with the hooks installed in a process of its own, whose hooks are the built-in ones."""
    start = f"""
    import sys; sys.path.insert(0, {sys.path[0]!r})
    from _standin import SECRET, NUMBER, redactor
    from secretref.logs import install_hooks
    undo = install_hooks(redactor())
    """
    code = textwrap.dedent(start) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


BUILT_IN = {
    "uncaught": "raise ValueError(f'x {SECRET}')",
    "chain": """
        try:
            {}[SECRET]
        except KeyError as error:
            raise ValueError(SECRET) from error
        """,
    "thread": """
        import threading
        def run(): raise ValueError(SECRET)
        thread = threading.Thread(target=run, name=f'worker {NUMBER}')
        thread.start(); thread.join()
        """,
    "unraisable": """
        class Bad:
            def __del__(self): raise ValueError(SECRET)
            def __repr__(self): return SECRET
        Bad()
        """,
    "warning": f"""
        import warnings
        warnings.warn("look: " + SECRET)  # {NUMBER}
        """,
    "task": """
        import asyncio
        async def fail(): raise ValueError(SECRET)
        async def main():
            asyncio.get_running_loop().create_task(fail())
            await asyncio.sleep(0.01)
            import gc; gc.collect()
        asyncio.run(main())
        """,
    "callback": """
        import asyncio
        def fail(held): raise ValueError(held)
        async def main():
            asyncio.get_running_loop().call_soon(fail, SECRET)
            await asyncio.sleep(0.01)
        from secretref.logs import install
        install(redactor())
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("code", BUILT_IN.values(), ids=BUILT_IN)
def test_the_built_in_reports(code):
    done = child(code)
    assert MARK in done.stderr or "task" in code or "SECRET)" in code
    assert not leaks(done.stderr)
    assert SECRET not in done.stderr


def test_a_hook_of_somebody_else_is_called_with_copies(monkeypatch):
    seen = []
    for owner, name in (
        (sys, "excepthook"),
        (threading, "excepthook"),
        (sys, "unraisablehook"),
        (warnings, "showwarning"),
    ):
        monkeypatch.setattr(owner, name, lambda *args: seen.append(args))
    undo = install_hooks(redactor())
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        threading.excepthook(threading.ExceptHookArgs((type(error), error, None, threading.Thread(name=f"\n{NUMBER}"))))
        threading.excepthook(threading.ExceptHookArgs((type(error), error, None, None)))
        fields = {
            "exc_type": type(error),
            "exc_value": error,
            "exc_traceback": None,
            "err_msg": SECRET,
            "object": [SECRET],
        }
        sys.unraisablehook(types.SimpleNamespace(**fields))
    warnings.showwarning(UserWarning(SECRET), UserWarning, __file__, 1)
    warnings.showwarning(SECRET, UserWarning, f"/{SECRET}", 1, None, SECRET)
    threading.excepthook(threading.ExceptHookArgs((SystemExit, None, None, None)))
    sys.unraisablehook(types.SimpleNamespace(exc_value=None))
    ours = sys.excepthook
    undo()
    assert len(seen) == 8
    assert not leaks([[vars(arg) if isinstance(arg, types.SimpleNamespace) else arg for arg in args] for args in seen])
    assert seen[1][0].thread.name == f"\\n{MARK}"
    assert seen[1][0].thread.ident is None
    unraisable = vars(seen[3][0])
    assert (unraisable["exc_type"], str(unraisable["exc_value"])) == (ValueError, MARK)
    assert (unraisable["err_msg"], unraisable["object"]) == (MARK, [MARK])
    assert "exc_traceback" in unraisable
    assert isinstance(seen[4][0], UserWarning)
    assert str(seen[4][0]) == str(seen[5][0]) == seen[5][5] == MARK
    assert SECRET not in seen[4][5]
    ours(ValueError, ValueError("plain"), None)
    assert str(seen[-1][1]) == "plain"


def test_the_built_in_report_of_what_could_not_be_raised(monkeypatch, capsys):
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    undo = install_hooks(redactor())
    fields = {
        "exc_type": ValueError,
        "exc_value": ValueError(SECRET),
        "exc_traceback": None,
        "err_msg": None,
        "object": len,
    }
    sys.unraisablehook(types.SimpleNamespace(**fields))
    sys.unraisablehook(types.SimpleNamespace(**fields | {"err_msg": f"look {SECRET}"}))
    monkeypatch.setattr(sys, "stderr", None)
    sys.unraisablehook(types.SimpleNamespace(**fields))
    undo()
    assert capsys.readouterr().err == (
        f"Exception ignored in: {len!r}\nValueError: {MARK}\nlook {MARK}: {len!r}\nValueError: {MARK}\n"
    )


def test_hooks_that_stay_behind_let_everything_through(monkeypatch):
    """Somebody wrapped ours; when it is disarmed, it must do what the plain one did."""
    seen = []
    for owner, name in ((threading, "excepthook"), (sys, "unraisablehook"), (warnings, "showwarning")):
        monkeypatch.setattr(owner, name, lambda *args: seen.append(args))
    undo = install_hooks(redactor())
    ours = threading.excepthook, sys.unraisablehook, warnings.showwarning
    loop_handler = asyncio.BaseEventLoop.call_exception_handler
    undo()
    args = threading.ExceptHookArgs((ValueError, ValueError("plain"), None, None))
    ours[0](args)
    ours[1](args)
    ours[2]("plain", UserWarning, "f", 1)
    assert seen == [(args,), (args,), ("plain", UserWarning, "f", 1, None, None)]
    assert seen[0][0] is seen[1][0] is args

    async def call():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: seen.append(context))
        loop_handler(loop, {"message": "plain"})

    asyncio.run(call())
    assert seen[3] == {"message": "plain"}


def test_handlers_of_asyncio_loops(armed):
    seen = []

    async def fail():
        raise ValueError(SECRET)

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: seen.append(context))
        loop.call_exception_handler({"message": SECRET, "exception": ValueError(SECRET)})
        loop.call_exception_handler({"handle": 1, "future": [SECRET]})
        task = loop.create_task(fail())
        await asyncio.sleep(0)
        del task
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(main())
    assert seen[0]["message"] == MARK
    assert str(seen[0]["exception"]) == MARK
    assert (seen[1]["handle"], repr(seen[1]["future"])) == (1, f"['{MARK}']")
    assert not leaks([[context.get("message"), context.get("exception")] for context in seen])
    assert len(seen) == 3


def test_a_report_without_a_message_gets_none(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    undo = install_hooks(redactor())
    sys.unraisablehook(types.SimpleNamespace(exc_value=ValueError(SECRET), err_msg=None, object=None))
    undo()
    assert (seen[0].err_msg, str(seen[0].exc_value)) == (None, MARK)
