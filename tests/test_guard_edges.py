"""What the task guard does at its edges: odd arguments, odd functions, control flow that carries values."""

import asyncio
import traceback

import pytest
from _standin import MARK, SECRET, leaks

from secretref import Grant, Policy, Resolver, task
from secretref.errors import TemplateSyntaxError
from secretref.guard import TaskGuard
from secretref.testing import FakeProvider

REF = "${workflow.secrets.token}"
DATA = {"workflow": {"input": {"n": 5}}}


@pytest.fixture
def resolver():
    return Resolver(FakeProvider({"token": SECRET}), policy=Policy.allow_all())


class RetryError(Exception):
    """How an engine steers."""


def steer(token, how, kind=RetryError):
    error = kind("later")
    if how == "attribute":
        error.held = [token]
    elif how == "cause":
        error.__cause__ = ValueError(token)
    elif how == "context":
        error.__context__ = ValueError(token)
    raise error


@pytest.mark.parametrize("how", ["attribute", "cause", "context"])
def test_a_steering_exception_is_copied_when_something_that_hangs_on_it_holds_a_value(resolver, how):
    with pytest.raises(RetryError, match="later") as caught:
        task(resolver, control=(RetryError,))(steer)(REF, how)
    error = caught.value
    assert not leaks([vars(error), error.__cause__, error.__context__])
    assert MARK in str([vars(error), error.__cause__, error.__context__])


def test_what_does_not_steer_keeps_the_lines_of_its_traceback(resolver):
    with pytest.raises(KeyError) as caught:
        task(resolver, control=(RetryError,))(steer)(REF, "", KeyError)
    assert "in steer" in "".join(traceback.format_exception(caught.value))


def test_a_steering_exception_ends_a_generator(resolver):
    @task(resolver, control=(RetryError,))
    def produce(token):
        yield token
        raise RetryError("later")

    running = produce(REF)
    assert next(running) == MARK
    with pytest.raises(RetryError, match="later"):
        next(running)
    with pytest.raises(StopIteration):
        next(running)


def test_what_is_thrown_into_an_asynchronous_generator_arrives(resolver):
    @task(resolver)
    async def produce(token):
        try:
            yield 1
        except KeyError:
            yield token

    async def main():
        running = produce(REF)
        assert await anext(running) == 1
        assert await running.athrow(KeyError("x")) == MARK
        await running.aclose()

    asyncio.run(main())


def test_a_function_without_a_signature_is_called(resolver):
    assert TaskGuard(resolver).call(dict, token=REF) == {"token": MARK}


def test_a_coroutine_takes_keywords_and_data(resolver):
    @task(resolver, data=DATA)
    async def work(*, token, number):
        return [token == SECRET, number]

    assert asyncio.run(work(token=REF, number="${workflow.input.n}")) == [True, 5]


def test_the_task_acts_for_its_subject():
    policy = Policy(grants=[Grant(subject="user:ann", target="token")])
    work = task(Resolver(FakeProvider({"token": SECRET}), policy=policy), subject="user:ann")(len)
    assert work(REF) == len(SECRET)


@pytest.mark.parametrize("given", [(REF,), [(REF,)], {"a": (REF,)}, "$<workflow.secrets.token>"], ids=str)
def test_references_are_found_in_every_container_and_spelling(resolver, given):
    seen = []
    task(resolver)(seen.append)(given)
    assert SECRET in str(seen)


def test_a_reference_in_a_key_is_refused(resolver):
    with pytest.raises(TemplateSyntaxError):
        task(resolver)(len)({REF: 1})


def test_a_ring_without_references_is_passed_as_it_is(resolver):
    ring = [1]
    ring.append(ring)
    assert task(resolver)(lambda given: given is ring)(ring)
