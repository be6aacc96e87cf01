"""A task sees values; its caller, its result, its errors, its logs and its output do not."""

# the odd ways to write, log and name things are what is tested here
# ruff: noqa: FBT003, LOG015, N818, PLW0108, T201

import asyncio
import contextvars
import gc
import inspect
import io
import logging
import sys
import threading
import traceback
import types
import warnings
import weakref

import pytest
from _standin import MARK, SECRET, leaks, redactor

from secretref import Policy, ResolvedInput, Resolver, Template
from secretref._sinks import RedactingStream
from secretref.errors import AccessDeniedError, InputError, SecretNotFoundError, TemplateSyntaxError
from secretref.guard import TaskGuard, copy_scope, derive, guard, task
from secretref.logs import guarded
from secretref.logs._guard import STREAMS
from secretref.testing import FakeProvider

REF = "${workflow.secrets.token}"


@pytest.fixture
def resolver():
    return Resolver(FakeProvider({"token": SECRET}), policy=Policy.allow_all())


def held_by_frames(error):
    """What the frames of an exception below the test's own, and of those it hangs on, hold and show."""
    found = []
    for one in (error, error.__context__, error.__cause__):
        entry = one and one.__traceback__ and (one.__traceback__.tb_next if one is error else one.__traceback__)
        if entry:
            shown = traceback.TracebackException(type(one), one, entry, capture_locals=True)
            found.append("".join(shown.format(chain=False)))
        while entry:
            assert not any(isinstance(value, ResolvedInput) for value in entry.tb_frame.f_locals.values())
            found.append(repr(entry.tb_frame.f_locals))
            entry = entry.tb_next
    return found


def test_the_function_sees_the_value_and_nobody_else(resolver, capsys):
    seen = []

    @task(resolver)
    def send(headers, body, *, url="x"):
        """Send."""
        seen.append((headers["Authorization"], body, url))
        print("sending", headers)
        logging.getLogger("app").warning("sending %s", headers)
        return {"echo": headers, "n": 1}

    headers, body = {"Authorization": f"Bearer {REF}"}, object()
    assert send(headers, body, url=f"http://{REF}") == {"echo": {"Authorization": f"Bearer {MARK}"}, "n": 1}
    assert seen == [(f"Bearer {SECRET}", body, f"http://{SECRET}")]
    assert headers == {"Authorization": f"Bearer {REF}"}
    assert (send.__name__, send.__doc__) == ("send", "Send.")
    shown = capsys.readouterr()
    assert f"sending {{'Authorization': 'Bearer {MARK}'}}" in shown.out
    assert not leaks(shown)


def test_an_exception_comes_out_clean(resolver):
    @task(resolver)
    def fail(token):
        local = [token]
        try:
            raise KeyError(token)
        except KeyError:
            raise ValueError(f"bad {local}") from None

    with pytest.raises(ValueError, match="bad") as caught:
        fail(REF)
    assert str(caught.value) == f"bad ['{MARK}']"
    assert isinstance(caught.value.__context__, KeyError)
    assert not leaks([str(caught.value), caught.value.args, held_by_frames(caught.value)])
    assert caught.traceback[-1].name == "fail"


def test_refusals_come_before_the_call(resolver):
    called = []

    def note(value):
        called.append(value)

    with pytest.raises(SecretNotFoundError):
        task(resolver)(note)("${workflow.secrets.absent}")
    with pytest.raises(TemplateSyntaxError):
        task(resolver)(note)("${workflow.secrets.}")
    with pytest.raises(AccessDeniedError):
        task(Resolver(FakeProvider({"token": SECRET})), subject="user:ann")(note)(REF)
    with pytest.raises(InputError):
        task(resolver)(note)([REF, object()])
    assert not called


def test_which_arguments_are_definitions(resolver):
    seen = []

    @task(resolver, inputs=("trusted",))
    def run(trusted, data, *rest, **more):
        seen[:] = [trusted, data, rest, more]

    run(REF, REF, REF, other=REF, template=Template.compile([REF]))
    assert seen == [SECRET, REF, (REF,), {"other": REF, "template": [SECRET]}]
    run(data=f"${REF}", trusted=f"${REF}")
    assert seen[:2] == [REF, f"${REF}"]
    ring = []
    ring.append(ring)
    run("plain", ring)
    assert seen[1] is ring
    run({REF.lower()[:3]: 1, "x": (REF,)}, 1)
    assert seen[0]["x"] == [SECRET]


def test_data_fills_other_expressions(resolver):
    run = task(resolver, data={"workflow": {"input": {"n": 5}}})(lambda *args: args)
    assert run("${workflow.input.n}", REF) == (5, MARK)


def test_methods_keep_their_object(resolver):
    class Client:
        @task(resolver)
        def send(self, token):
            return self, token

        @task(resolver)
        async def asend(self, token):
            return token

    client = Client()
    assert client.send("x") == (client, "x")
    assert asyncio.run(client.asend(REF)) == MARK


def test_kinds_of_functions_are_kept(resolver):
    async def coroutine():
        pass

    def generator():
        yield

    async def agenerator():
        yield

    wrap = task(resolver)
    assert inspect.iscoroutinefunction(wrap(coroutine))
    assert inspect.isgeneratorfunction(wrap(generator))
    assert inspect.isasyncgenfunction(wrap(agenerator))


def test_coroutines(resolver, capsys):
    @task(resolver)
    async def work(token, fails):
        await asyncio.sleep(0)
        print(token)
        if fails:
            raise ValueError(token)
        return [token]

    assert asyncio.run(work(REF, False)) == [MARK]
    with pytest.raises(ValueError, match=r"\*\*\*") as caught:
        asyncio.run(work(REF, True))
    assert not leaks([str(caught.value), caught.value.args, held_by_frames(caught.value), capsys.readouterr()])


def test_cancellation_passes(resolver):
    @task(resolver)
    async def sleep(token):
        await asyncio.sleep(60)

    async def main():
        running = asyncio.ensure_future(sleep(REF))
        await asyncio.sleep(0.01)
        running.cancel("stop")
        with pytest.raises(asyncio.CancelledError) as caught:
            await running
        assert not leaks(held_by_frames(caught.value))
        assert running.cancelled()

    asyncio.run(main())


class Retry(Exception):
    pass


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, Retry])
def test_control_flow_passes_but_carries_no_value(resolver, kind):
    guarded_task = TaskGuard(resolver, control=(Retry,))
    clean = kind("later")

    def steer(token, error=None):
        raise error or kind(token)

    with pytest.raises(kind) as caught:
        guarded_task.call(steer, REF, clean)
    assert caught.value is clean
    assert not leaks(held_by_frames(clean))
    with pytest.raises(kind) as caught:
        guarded_task.call(steer, REF)
    assert caught.value.args == (MARK,)
    assert not leaks([caught.value.args, held_by_frames(caught.value)])


def test_generators(resolver, capsys):
    ended = []

    @task(resolver)
    def produce(token):
        try:
            got = yield [token]
            print(token)
            assert got == "sent"
            try:
                yield 1
            except KeyError as error:
                yield repr(error)
            return token
        finally:
            ended.append(True)

    source = produce(REF)
    assert next(source) == [MARK]
    assert source.send("sent") == 1
    assert source.throw(KeyError("k")) == "KeyError('k')"
    with pytest.raises(StopIteration) as stop:
        next(source)
    assert stop.value.value == MARK
    assert ended == [True]
    source = produce(REF)
    next(source)
    source.close()
    assert ended == [True, True]
    source = produce(REF)
    next(source)
    with pytest.raises(ZeroDivisionError):
        source.throw(ZeroDivisionError())
    assert not leaks(capsys.readouterr())


def test_a_generator_that_fails_at_its_end(resolver):
    @task(resolver)
    def produce(token):
        try:
            yield 1
        finally:
            raise ValueError(token)

    source = produce(REF)
    next(source)
    with pytest.raises(ValueError, match=r"\*\*\*") as caught:
        source.close()
    assert not leaks([caught.value.args, held_by_frames(caught.value)])


def test_asynchronous_generators(resolver):
    ended = []

    @task(resolver)
    async def produce(token):
        try:
            got = yield [token]
            try:
                yield got
            except KeyError as error:
                yield repr(error)
            yield token
            raise ValueError(token)
        finally:
            ended.append(True)

    async def main():
        source = produce(REF)
        assert await anext(source) == [MARK]
        assert await source.asend("sent") == "sent"
        assert await source.athrow(KeyError("k")) == "KeyError('k')"
        assert await anext(source) == MARK
        with pytest.raises(ValueError, match=r"\*\*\*") as caught:
            await anext(source)
        assert not leaks([caught.value.args, held_by_frames(caught.value)])
        source = produce(REF)
        await anext(source)
        await source.aclose()

        @task(resolver)
        async def two(token):
            yield token
            yield 2

        assert [item async for item in two(REF)] == [MARK, 2]

    asyncio.run(main())
    assert ended == [True, True]


def test_a_result_that_can_be_read_once_is_refused(resolver):
    with pytest.raises(InputError, match="cannot be redacted unread"):
        task(resolver)(lambda token: (held for held in [token]))(REF)


def hooked():
    return (
        sys.stdout,
        sys.stderr,
        sys.excepthook,
        threading.excepthook,
        warnings.showwarning,
        logging.Handler.format,
    )


def test_after_the_task_everything_is_as_before(resolver, capsys):
    before = hooked()
    task(resolver)(lambda token: print("inside", token))(REF)
    assert before == hooked()
    assert capsys.readouterr().out == f"inside {MARK}\n"


def test_a_live_guard(resolver, capsys):
    resolved = resolver.resolve(Template.compile(REF), subject="app:x")
    with guard(resolved) as entered:
        assert repr(entered) == "Guard()"
        print(SECRET, end="")
        sys.stderr.write(SECRET[:9])
        sys.stderr.writelines([SECRET[9:], "\n"])
        print(SECRET, file=sys.__stdout__, flush=True)
        logging.error("%s", SECRET)
        sys.stdout.buffer.write(SECRET.encode() + b"\n")
    print("after")
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{MARK}{MARK}\n") or shown.out.startswith(MARK)
    assert shown.out.endswith("after\n")
    assert shown.err.startswith(f"{MARK}\n")
    assert not leaks(shown)


@pytest.mark.parametrize("name", ["stdout", "stderr", "__stdout__", "__stderr__"])
def test_the_streams_of_the_interpreter_are_wrapped_once(name, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, name, out)
    monkeypatch.setattr(sys, f"__{name.strip('_')}__" if name[0] != "_" else name.strip("_"), out)
    with guarded(redactor()):
        wrapper = getattr(sys, name)
        assert getattr(sys, name.strip("_")) is getattr(sys, f"__{name.strip('_')}__") is wrapper
        wrapper.write(f"{SECRET}\n")
    assert out.getvalue() == f"{MARK}\n"
    gone = weakref.ref(wrapper)
    del wrapper
    gc.collect()
    assert gone() is None


def test_guards_are_left_in_any_order(capsys):
    first, second = guarded(redactor(a="first-c4nary-value")), guarded(redactor(b="second-c4nary-value"))
    first.__enter__()
    second.__enter__()
    print("first-c4nary-value second-c4nary-value")
    first.__exit__(None, None, None)
    print("first-gone second-c4nary-value")
    with second:
        print("second-c4nary-value")
    print("second-c4nary-value")
    second.__exit__(None, None, None)
    print("end")
    assert capsys.readouterr().out == f"{MARK} {MARK}\nfirst-gone {MARK}\n{MARK}\n{MARK}\nend\n"


def test_a_wrapper_that_was_kept_writes_on_unchanged(capsys):
    with guarded(redactor()):
        kept = sys.stdout
        kept.write(f"held {SECRET}")
    kept.write("later\n")
    with guarded(redactor()):
        kept.write(f"{SECRET}\n")
    assert capsys.readouterr().out == f"held {MARK}later\n{MARK}\n"


def test_a_file_of_ones_own_behind_whatever_is_armed():
    target = io.StringIO()
    with guarded(redactor(a="first-c4nary-value")), guarded(redactor(b="second-c4nary-value")):
        out = RedactingStream(target, STREAMS)
        out.write("first-c4nary-value second-c4nary-")
        out.write("value")
        out.release()
    RedactingStream(target, STREAMS).release()
    assert target.getvalue() == f"{MARK} {MARK}"
    assert repr(STREAMS) == "Live(0 armed)"


def test_streams_that_are_gone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", gone := io.StringIO())
    with guarded(redactor()):
        gone.close()
        assert sys.stdout is None
    assert sys.stderr is gone


def test_threads_and_tasks_are_covered(resolver, capsys):
    @task(resolver)
    async def work(token):
        thread = threading.Thread(target=print, args=(token,))
        thread.start()
        thread.join()
        await asyncio.to_thread(print, token)
        await asyncio.gather(*(asyncio.create_task(say(token)) for _ in range(3)))

    async def say(token):
        logging.getLogger("app").error("%s", token)

    asyncio.run(work(REF))
    shown = capsys.readouterr()
    assert shown.out == f"{MARK}\n{MARK}\n"
    assert not leaks(shown)


def test_many_tasks_at_once_do_not_uncover_each_other(resolver, capsys):
    @task(resolver)
    async def work(token, delay):
        await asyncio.sleep(delay / 1000)
        print(token)

    async def main():
        await asyncio.gather(*(work(REF, place % 7) for place in range(50)))

    asyncio.run(main())
    assert capsys.readouterr().out == f"{MARK}\n" * 50


def test_work_that_outlives_its_task_stays_covered(resolver, capsys):
    go, variable = threading.Event(), contextvars.ContextVar("v", default="outside")
    started = []

    @task(resolver)
    def work(token):
        variable.set("inside")

        def late():
            go.wait(10)
            print(token, variable.get())
            logging.getLogger("app").error("%s", token)

        scope = copy_scope()
        assert repr(scope) == "Scope()"
        thread = threading.Thread(target=scope.run, args=(late,))
        thread.start()
        started.append(thread)

    plain = sys.stdout
    work(REF)
    go.set()
    started.pop().join()
    gc.collect()
    assert sys.stdout is plain
    shown = capsys.readouterr()
    assert shown.out == f"{MARK} inside\n"
    assert not leaks(shown)


def test_a_guard_left_in_another_context():
    entered = guarded(redactor())
    contextvars.copy_context().run(entered.__enter__)
    entered.__exit__(None, None, None)


def test_nothing_of_the_values_hangs_on_the_wrapper(resolver):
    wrapped = task(resolver)(lambda token: len(token))
    wrapped(REF)
    held, stack = [], [wrapped]
    while stack:
        one = stack.pop()
        if any(one is other for other in held) or isinstance(one, types.ModuleType | type | dict):
            continue
        held.append(one)
        if isinstance(one, str):
            assert SECRET not in one
        if isinstance(one, types.FunctionType):
            stack += [cell.cell_contents for cell in one.__closure__ or ()]


def test_what_a_task_derives_is_hidden_like_its_secrets(capsys):
    resolver = Resolver(FakeProvider({"A": "canary-7f3a91c2"}), policy=Policy.allow_all())
    resolved = resolver.resolve(Template.compile("${workflow.secrets.A}"), subject="app:x")
    with resolved.guard():
        print("signed", derive("signature", "canary-7f3a91c2"[::-1]), resolved.derive("other", "made-from-9321"))
    assert capsys.readouterr().out == "signed *** ***\n"
    assert resolved.record(output="made-from-9321").output == "***"
    with pytest.raises(InputError):
        contextvars.Context().run(derive, "signature", "nobody-guards-this")


def test_the_hooks_are_guarded_too(resolver, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda _kind, error, _trace: seen.append(str(error)))
    with guard(resolver.resolve(Template.compile(REF), subject="app:x")):
        sys.excepthook(ValueError, ValueError(SECRET), None)
        scope = copy_scope()
    scope.run(sys.excepthook, ValueError, ValueError(SECRET), None)
    del scope
    sys.excepthook(ValueError, ValueError("as it is"), None)
    assert seen == [MARK, MARK, "as it is"]


def test_a_guard_inside_another_leaves_both_to_a_scope(capsys):
    with guarded(redactor(a="first-c4nary-value")), guarded(redactor(b="second-c4nary-value")):
        scope = copy_scope()
    scope.run(print, "first-c4nary-value", "second-c4nary-value", end=".\n")
    assert capsys.readouterr().out == f"{MARK} {MARK}.\n"


def test_what_a_guard_holds_back_is_written_when_it_is_left(capsys):
    with guarded(redactor()):
        print("an unfinished", SECRET, end="")
    assert capsys.readouterr().out == f"an unfinished {MARK}"


def test_a_guard_that_was_left_takes_no_derived_values():
    first, second = guarded(redactor()), guarded(redactor())
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    derive("inside", "made-from-9321")
    second.__exit__(None, None, None)
    with pytest.raises(InputError, match="no guarded task"):
        derive("outside", "made-from-9321")


def test_a_broken_pipe_does_not_fail_the_task_that_is_guarded(monkeypatch):
    class Broken(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Broken())
    with guarded(redactor()):
        sys.stdout.write("held")
