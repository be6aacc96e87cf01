"""Ask a provider, whatever it offers."""

import asyncio
from functools import partial

import pytest
from pydantic import SecretStr

from secretref.errors import (
    AccessDeniedError,
    ConfigurationError,
    ProviderError,
    ProviderUnavailableError,
    SecretNotFoundError,
    StoreDamagedError,
)
from secretref.providers._ask import aask, ask, name_of
from secretref.providers.chain import ChainProvider
from secretref.testing import assert_no_leak, canary

NAMES = frozenset("AB")
ANSWER = {"A": SecretStr("1")}


class Sync:
    def fetch(self, names):
        return ANSWER


class Coroutine:
    async def fetch(self, names):
        await asyncio.sleep(0)
        return ANSWER


class Awaitable:
    def fetch(self, names):
        return Coroutine().fetch(names)


class OnlyAsync:
    async def afetch(self, names):
        return ANSWER


class Fresh(Sync):
    def fetch(self, names):
        raise AssertionError

    def refetch(self, names):
        return ANSWER


class FreshAsync(Fresh):
    def refetch(self, names):
        raise AssertionError

    async def arefetch(self, names):
        return ANSWER


@pytest.mark.parametrize("kind", [Sync, Coroutine, Awaitable, OnlyAsync])
def test_whatever_there_is_will_do(kind):
    async def within():
        return ask(kind(), NAMES), await aask(kind(), NAMES), await aask(kind(), NAMES, fresh=True)

    assert ask(kind(), NAMES) == ask(kind(), NAMES, fresh=True) == ANSWER
    assert asyncio.run(within()) == (ANSWER, ANSWER, ANSWER)


def test_fresh_prefers_what_skips_caches():
    assert ask(Fresh(), NAMES, fresh=True) == asyncio.run(aask(Fresh(), NAMES, fresh=True)) == ANSWER
    assert asyncio.run(aask(FreshAsync(), NAMES, fresh=True)) == ANSWER


class Answers:
    name = "answers"

    def __init__(self, answer):
        self.answer = answer

    def fetch(self, names):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def failure(answer):
    """Ask in both ways; the errors must be alike, silent and without a history."""
    errors = []
    for attempt in (lambda: ask(Answers(answer), NAMES), lambda: asyncio.run(aask(Answers(answer), NAMES))):
        with pytest.raises(Exception) as caught:
            attempt()
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    return errors[0]


@pytest.mark.parametrize("answer", [None, [], "A", {"A": "text"}, {"A": None}, {"A": b"x"}])
def test_an_answer_of_another_kind_is_refused(answer):
    assert type(failure(answer)) is ProviderError


def test_what_was_not_asked_for_is_left_out():
    assert ask(Answers({**ANSWER, "C": SecretStr("2")}), NAMES) == ANSWER


def test_no_fetch_is_an_error():
    with pytest.raises(ProviderError, match="has no fetch"):
        ask(object(), NAMES)


@pytest.mark.parametrize("fault", [StopIteration, StopAsyncIteration])
def test_an_iterator_that_ends_is_a_fault_and_nobody_waits_for_ever(fault):
    async def bounded():
        async with asyncio.timeout(10):
            return await aask(Answers(fault(canary())), NAMES)

    with pytest.raises(ProviderError):
        asyncio.run(bounded())
    assert failure(fault(canary())).kind == fault.__name__


def test_a_fetch_needs_no_name_of_its_own():
    provider = Answers(None)
    provider.fetch = partial(Sync().fetch)
    assert ask(provider, NAMES) == asyncio.run(aask(provider, NAMES)) == ANSWER


class OwnProviderError(ProviderError):
    """As a third party may write it."""


def provoked(error, *, cause):
    error.add_note(str(cause))
    error.__cause__ = error.__context__ = cause
    return error


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (ValueError, ProviderError),
        (TimeoutError, ProviderUnavailableError),
        (ConnectionResetError, ProviderUnavailableError),
        (lambda text: OwnProviderError("x", kind=text), ProviderError),
        (lambda text: provoked(ProviderError("x", kind="y"), cause=ValueError(text)), ProviderError),
        (
            lambda text: provoked(ProviderUnavailableError("x", kind="y"), cause=ValueError(text)),
            ProviderUnavailableError,
        ),
        (lambda text: provoked(AccessDeniedError("A", subject="x"), cause=ValueError(text)), AccessDeniedError),
        (lambda text: ProviderError(text, kind=text, names=[text, "A"]), ProviderError),
        (lambda text: StoreDamagedError(text, kind=text), StoreDamagedError),
        (lambda text: SecretNotFoundError([text], provider=text, references=[text]), SecretNotFoundError),
        (lambda text: AccessDeniedError([text], subject=text), AccessDeniedError),
        (ConfigurationError, ProviderError),
        (lambda text: ExceptionGroup(text, [ValueError(text)]), ProviderError),
        (lambda text: UnicodeDecodeError("utf-8", text.encode(), 0, 1, text), ProviderError),
    ],
)
def test_errors_say_what_happened_and_no_more(make, expected):
    value = canary("special")
    error = failure(make(value))
    assert type(error) is expected
    assert_no_leak(error, value)


def test_an_error_of_ours_keeps_what_says_no_more_than_a_class():
    error = failure(ProviderUnavailableError("other", kind="SSLError", names={"A", "Q"}))
    assert (error.provider, error.kind, error.names) == ("answers", "SSLError", {"A"})
    assert failure(ProviderError("x", kind="S3Error")).kind == "S3Error"
    assert failure(ProviderError("x", kind="401 Unauthorized")).kind == "ProviderError"
    missing = failure(SecretNotFoundError({"Q"}, provider="other"))
    assert (missing.provider, missing.names, missing.references) == ("answers", NAMES, ())
    assert failure(AccessDeniedError({"B", "Q"}, subject="other")).names == {"B"}


def test_a_layer_speaks_for_those_beneath():
    with pytest.raises(ProviderError) as caught:
        ask(ChainProvider(Answers(ValueError())), NAMES)
    assert caught.value.provider == "answers"


def test_interruptions_are_no_errors():
    with pytest.raises(KeyboardInterrupt):
        ask(Answers(KeyboardInterrupt()), NAMES)


def test_a_provider_without_a_name_goes_by_its_class():
    assert (name_of(Answers(None)), name_of(Sync())) == ("answers", "Sync")
