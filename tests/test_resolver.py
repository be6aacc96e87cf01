"""Resolving: everything is authorised before anything is fetched, in one batch, and bound in one pass."""

import asyncio
import itertools
import threading
import time
import traceback

import pytest
from pydantic import SecretStr

from secretref import Grant, Limits, Policy, Resolver, Subject, Template
from secretref.errors import (
    AccessDeniedError,
    ConfigurationError,
    InputError,
    LimitError,
    NotATemplateError,
    PolicyError,
    ProviderError,
    ProviderUnavailableError,
    SecretNotFoundError,
    SecretRefError,
)
from secretref.testing import FakeProvider, assert_no_leak, canary

NAMES = ("A", "B", "C", "D", "E")
TEMPLATE = Template.compile(
    {name: [f"x${{workflow.secrets.{name}}}", f"${{workflow.secrets.{name}}}"] for name in NAMES}
)


@pytest.fixture
def values():
    return {name: canary() for name in NAMES}


@pytest.fixture
def provider(values):
    return FakeProvider(values)


@pytest.fixture
def resolver(provider):
    return Resolver(provider, policy=Policy.allow_all())


class Answering:
    """A provider whose answer, or behaviour, is given."""

    name = "answering"

    def __init__(self, answer):
        self.answer = answer

    def fetch(self, names):
        return self.answer(names) if callable(self.answer) else self.answer


class Async:
    """A provider that is asynchronous only."""

    def __init__(self, values):
        self.values = values

    async def afetch(self, names):
        await asyncio.sleep(0)
        return {name: SecretStr(self.values[name]) for name in names}


def test_each_name_is_fetched_once_in_one_batch(resolver, provider, values):
    resolved = resolver.resolve(TEMPLATE, subject="app:x")
    assert provider.calls == [frozenset(NAMES)]
    assert resolved.reveal() == {name: [f"x{value}", value] for name, value in values.items()}
    assert provider.calls == [frozenset(NAMES)]


def test_nothing_is_fetched_for_a_definition_without_references(resolver, provider):
    definition = {"a": "nothing"}
    assert resolver.resolve(Template.compile(definition), subject="app:x").reveal() == definition
    assert provider.calls == []


@pytest.mark.parametrize("raw", ["${workflow.secrets.A}", {"a": "${workflow.secrets.A}"}, None, 5, b""])
def test_only_a_template_is_resolved(resolver, provider, raw):
    with pytest.raises(NotATemplateError) as caught:
        resolver.resolve(raw, subject="app:x")
    assert isinstance(caught.value, TypeError)
    assert provider.calls == []


def test_all_denied_names_are_reported_and_nothing_is_fetched(provider):
    resolver = Resolver(provider, policy=Policy([Grant("app:x", "A"), Grant("app:x", "B", "UPDATE")]))
    with pytest.raises(AccessDeniedError) as caught:
        resolver.resolve(TEMPLATE, subject="app:x", data=lambda _: pytest.fail("data was asked for"))
    assert caught.value.names == {"B", "C", "D", "E"}
    assert caught.value.subject == "app:x"
    assert provider.calls == []


def test_nobody_may_read_by_default(provider):
    with pytest.raises(AccessDeniedError):
        Resolver(provider).resolve(TEMPLATE, subject="app:x")


def test_denied_and_missing_look_alike(provider):
    resolver = Resolver(provider, policy=Policy([Grant("app:x", "OTHER")]))
    texts = set()
    for name in ("A", "Z"):
        with pytest.raises(AccessDeniedError) as caught:
            resolver.resolve(Template.compile(f"${{workflow.secrets.{name}}}"), subject="app:x")
        texts.add(str(caught.value).removesuffix(name))
    assert len(texts) == 1
    assert provider.calls == []


def test_grants_count_at_the_moment_of_use(provider):
    policies = [Policy([Grant("app:x", "*")]), Policy()]
    resolver = Resolver(provider, policy=lambda: policies[0])
    resolved = resolver.resolve(TEMPLATE, subject="app:x")
    policies.pop(0)
    with pytest.raises(AccessDeniedError):
        resolver.resolve(TEMPLATE, subject="app:x")
    with pytest.raises(AccessDeniedError):
        resolved.refresh()
    assert len(provider.calls) == 1


def test_roles_of_the_subject_count(provider):
    resolver = Resolver(provider, policy=Policy([Grant("role:W", "*")]))
    assert resolver.resolve(TEMPLATE, subject=Subject("USER", "ann", roles={"W"})).names == set(NAMES)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_partly_failed_batch_fails_whole_and_names_the_names(values, size):
    for missing in itertools.combinations(NAMES, size):
        provider = FakeProvider({name: value for name, value in values.items() if name not in missing})
        with pytest.raises(SecretNotFoundError) as caught:
            Resolver(provider, policy=Policy.allow_all()).resolve(TEMPLATE, subject="app:x")
        assert caught.value.names == set(missing)
        assert caught.value.provider == "fake"
        assert_no_leak(caught.value, *values.values())


def test_missing_names_and_lost_paths_are_reported_together(resolver):
    template = Template.compile("${workflow.secrets.A.x} ${workflow.secrets.NOPE} ${workflow.secrets.B}")
    with pytest.raises(SecretNotFoundError) as caught:
        resolver.resolve(template, subject="app:x")
    assert caught.value.names == {"A", "NOPE"}
    assert caught.value.references == ("${workflow.secrets.A.x}", "${workflow.secrets.NOPE}")
    assert "${workflow.secrets.A.x}" in str(caught.value)


@pytest.mark.parametrize("subject", ["", "x", None, 5, "team:x"])
def test_a_subject_is_needed(resolver, provider, subject):
    with pytest.raises(PolicyError):
        resolver.resolve(TEMPLATE, subject=subject)
    assert provider.calls == []


@pytest.mark.parametrize("asked", ["resolve", "aresolve", "declare", "adeclare"])
@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"workflow": "w\ud800"}, InputError),
        ({"task": "t\udfff"}, InputError),
        ({"workflow": 5}, InputError),
        ({"task": b"t"}, InputError),
        ({"subject": "app:\ud800"}, PolicyError),
    ],
)
def test_what_no_record_can_hold_is_refused_before_anything_is_fetched(resolver, provider, asked, given, fault):
    method = getattr(resolver, asked)
    options = {"subject": "app:x", **given}
    with pytest.raises(fault) as caught:
        answer = method(["A"] if asked.endswith("declare") else TEMPLATE, **options)
        asyncio.run(answer)
    assert provider.calls == []
    assert str(caught.value).isascii()


def test_titles_are_kept_as_plain_text(resolver):
    class Title(str):
        __slots__ = ()

    record = resolver.resolve(TEMPLATE, subject="app:x", workflow=Title("wé"), task="\n").record()
    assert (record.workflow, record.task) == ("wé", "\n")


def test_data_and_a_bound_tree_exclude_each_other(resolver):
    with pytest.raises(InputError):
        resolver.resolve(TEMPLATE, subject="app:x", data={}, bound={})


def test_a_bound_tree_may_be_anything(resolver):
    assert resolver.resolve(Template.compile("${workflow.input.x}"), subject="app:x", bound=None).reveal() is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "answer is no mapping"),
        (["A"], "answer is no mapping"),
        ({"A": "bare text"}, "value is no SecretStr"),
        ({"A": SecretStr(5)}, "value is no text"),
        ({"A": SecretStr(b"bytes")}, "value is no text"),
    ],
)
def test_an_answer_that_is_none_is_refused(answer, kind):
    events = []
    resolver = Resolver(Answering(answer), policy=Policy.allow_all(), audit=events.append)
    with pytest.raises(ProviderError) as caught:
        resolver.resolve(Template.compile("${workflow.secrets.A}"), subject="app:x")
    assert caught.value.kind == kind
    assert caught.value.provider == "answering"
    assert caught.value.__context__ is None
    assert [event.kind for event in events] == ["provider_failed"]


def test_faults_of_a_provider_are_translated(provider, values):
    class UpstreamError(RuntimeError):
        def __init__(self):
            super().__init__(values["A"], {"body": values["B"]})
            self.request = values["C"]
            self.add_note(values["D"])

    for fault, kind in ((UpstreamError, ProviderError), (TimeoutError, ProviderUnavailableError)):
        provider.fail_with = fault
        with pytest.raises(kind) as caught:
            Resolver(provider, policy=Policy.allow_all()).resolve(TEMPLATE, subject="app:x")
        assert caught.value.kind == fault.__name__
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
        assert_no_leak(caught.value, *values.values())


def test_an_interrupt_is_not_translated(provider):
    def interrupted(names):
        raise KeyboardInterrupt

    for deadline in (None, 5):
        with pytest.raises(KeyboardInterrupt):
            Resolver(Answering(interrupted), policy=Policy.allow_all(), deadline=deadline).resolve(
                TEMPLATE, subject="app:x"
            )


def test_the_size_of_the_result_is_limited_exactly(provider, values):
    template = Template.compile(
        ["${workflow.secrets.A}", "${workflow.secrets.A}${workflow.secrets.B}", "${workflow.input.i}"]
    )
    size = template.size[0] + 2 * len(values["A"]) + len(values["B"])
    for most, data, fits in (
        (size, None, True),
        (size - 1, None, False),
        (size + 3, "abc", True),
        (size + 2, "abc", False),
    ):
        resolver = Resolver(provider, policy=Policy.allow_all(), limits=Limits(result=most))
        given = None if data is None else {"workflow": {"input": {"i": data}}}
        if fits:
            assert resolver.resolve(template, subject="app:x", data=given)
        else:
            with pytest.raises(LimitError) as caught:
                resolver.resolve(template, subject="app:x", data=given)
            assert (caught.value.limit, caught.value.maximum) == ("characters in the result", most)


def test_the_size_of_a_bound_result_is_limited(provider):
    template = Template.compile(["${workflow.secrets.A}", "${workflow.input.i}"])
    resolver = Resolver(provider, policy=Policy.allow_all(), limits=Limits(result=1_000))
    assert resolver.resolve(template, subject="app:x", bound=["${workflow.secrets.A}", "x"])
    with pytest.raises(LimitError):
        resolver.resolve(template, subject="app:x", bound=["${workflow.secrets.A}", "x" * 1_000])


def test_names_can_be_declared(resolver, provider, values):
    declared = resolver.declare(["A", "B", "A"], subject="app:x", workflow="w", task="t")
    assert declared.reveal() == {"A": values["A"], "B": values["B"]}
    assert provider.calls == [{"A", "B"}]
    assert resolver.declare([], subject="app:x").reveal() == {}
    assert asyncio.run(resolver.adeclare({"C"}, subject="app:x")).reveal() == {"C": values["C"]}


def test_declaring_is_refused_like_resolving(provider):
    resolver = Resolver(provider, policy=Policy([Grant("app:x", "A")]))
    with pytest.raises(AccessDeniedError):
        resolver.declare(["A", "B"], subject="app:x")
    with pytest.raises(SecretNotFoundError):
        Resolver(provider, policy=Policy.allow_all()).declare(["NOPE"], subject="app:x")


@pytest.mark.parametrize(
    "names", ["A", b"A", None, 5, [5], ["A.b"], ["A}${workflow.secrets.B"], [""], ["x" * 256], ["A "]]
)
def test_what_is_no_name_cannot_be_declared(resolver, provider, names):
    with pytest.raises(InputError):
        resolver.declare(names, subject="app:x")
    assert provider.calls == []


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        (None, {}),
        ({"A": "x"}, {}),
        (FakeProvider(), {"policy": "allow"}),
        (FakeProvider(), {"missing": "empty"}),
        (FakeProvider(), {"deadline": 0}),
        (FakeProvider(), {"deadline": -1.0}),
        (FakeProvider(), {"deadline": float("nan")}),
    ],
)
def test_a_resolver_that_could_not_work_is_not_made(provider, options):
    with pytest.raises(ConfigurationError):
        Resolver(provider, **options)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (None, ConfigurationError, "the callable for the policy returned something else"),
        (ValueError(canary()), ConfigurationError, "the callable for the policy failed: ValueError"),
        (StopIteration(), ConfigurationError, "the callable for the policy failed: StopIteration"),
        (PolicyError("cannot be read", place="p.json"), PolicyError, "cannot be read (at p.json)"),
    ],
)
def test_a_policy_that_cannot_be_had_denies(provider, fault, kind, said):
    def policy():
        if fault is not None:
            raise fault

    events = []
    resolver = Resolver(provider, policy=policy, audit=events.append)
    for ask in (resolver.resolve, lambda *args, **options: asyncio.run(resolver.aresolve(*args, **options))):
        with pytest.raises(kind) as caught:
            ask(TEMPLATE, subject="app:x")
        assert str(caught.value) == said
        assert caught.value.__context__ is None
    assert provider.calls == []
    assert [(event.kind, event.names) for event in events] == [("denied", NAMES)] * 2


def test_repr_names_the_provider(resolver):
    assert repr(resolver) == "Resolver(provider='fake')"


def test_a_synchronous_call_works_with_an_asynchronous_provider_anywhere(values):
    resolver = Resolver(Async(values), policy=Policy.allow_all())
    expected = resolver.resolve(TEMPLATE, subject="app:x").reveal()
    assert expected["A"][1] == values["A"]

    async def inside():
        return resolver.resolve(TEMPLATE, subject="app:x").reveal()

    assert asyncio.run(inside()) == expected


def test_an_asynchronous_call_works_with_every_provider(resolver, values):
    async def both():
        for each in (resolver, Resolver(Async(values), policy=Policy.allow_all(), deadline=5)):
            resolved = await each.aresolve(TEMPLATE, subject="app:x", workflow="w")
            assert resolved.reveal()["B"] == [f"x{values['B']}", values["B"]]
            assert (await resolved.arefresh()).reveal() == resolved.reveal()
            assert (await each.aresolve(Template.compile("none"), subject="app:x")).reveal() == "none"

    asyncio.run(both())


def test_asynchronous_faults_are_translated(provider, values):
    async def refused():
        provider.fail_with = RuntimeError(values["A"])
        with pytest.raises(ProviderError) as caught:
            await Resolver(provider, policy=Policy.allow_all()).aresolve(TEMPLATE, subject="app:x")
        assert caught.value.__context__ is None
        assert_no_leak(caught.value, *values.values())

    asyncio.run(refused())


def test_a_deadline_holds_for_threads_and_tasks(provider):
    events = []
    resolver = Resolver(provider, policy=Policy.allow_all(), deadline=0.05, audit=events.append)
    assert Resolver(provider, policy=Policy.allow_all(), deadline=5).resolve(TEMPLATE, subject="app:x").names == set(
        NAMES
    )
    provider.delay = 0.5
    start = time.monotonic()
    with pytest.raises(ProviderUnavailableError) as caught:
        resolver.resolve(TEMPLATE, subject="app:x")
    with pytest.raises(ProviderUnavailableError) as also:
        asyncio.run(late(resolver))
    assert time.monotonic() - start < 5
    for failure in (caught.value, also.value):
        assert failure.kind == "deadline exceeded"
        assert failure.__context__ is None
    assert [event.kind for event in events] == ["provider_failed"] * 2


async def late(resolver):
    await resolver.aresolve(TEMPLATE, subject="app:x")


def test_a_deadline_leaves_faults_as_they_are(provider):
    provider.fail_with = ValueError
    with pytest.raises(ProviderError, match="ValueError"):
        Resolver(provider, policy=Policy.allow_all(), deadline=5).resolve(TEMPLATE, subject="app:x")


def test_cancellation_leaves_nothing_behind(values):
    class Waiting(Async):
        async def afetch(self, names):
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().afetch(names)

    async def cancelled_after(steps):
        events = []
        resolver = Resolver(Waiting(values), policy=Policy.allow_all(), audit=events.append, deadline=5)
        task = asyncio.create_task(resolver.aresolve(TEMPLATE, subject="app:x"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert events == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    for steps in range(1, 6):
        asyncio.run(cancelled_after(steps))


def test_a_resolution_belongs_to_its_caller():
    class Own:
        """Answers with the name of the thread or task that asks."""

        def fetch(self, names):
            return {name: SecretStr(f"{name}-{threading.current_thread().name}") for name in names}

    resolver = Resolver(Own(), policy=Policy.allow_all())
    wrong = []

    def work():
        for _ in range(200):
            expected = f"A-{threading.current_thread().name}"
            if resolver.resolve(TEMPLATE, subject="app:x").reveal()["A"] != [f"x{expected}", expected]:
                wrong.append(expected)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


def test_no_frame_of_an_error_shows_a_value(provider, values):
    """Whatever a reporter prints of the locals of a traceback, values are behind a SecretStr there."""
    template = Template.compile("${workflow.secrets.A} ${workflow.secrets.B.x} ${workflow.secrets.NOPE}")
    with pytest.raises(SecretRefError) as caught:
        Resolver(provider, policy=Policy.allow_all()).resolve(template, subject="app:x")
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in report.stack if "/secretref/" in frame.filename]
    assert len(own) >= 3
    for frame in own:
        assert_no_leak(repr(frame.locals), *values.values())
