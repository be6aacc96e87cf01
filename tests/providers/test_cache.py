"""Keep values for a while."""

import asyncio
import copy
import gc
import os
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from secretref.errors import ConfigurationError, ProviderError, ProviderUnavailableError
from secretref.providers import load
from secretref.providers._ask import ask as ask_in_time
from secretref.providers._ask import seconds_left
from secretref.providers.cache import CacheProvider
from secretref.providers.memory import MemoryProvider
from secretref.testing import FakeProvider, ProviderContract, canary

A, B, AB = frozenset("A"), frozenset("B"), frozenset("AB")


class TestContract(ProviderContract):
    def provider(self, values, tmp_path):
        return CacheProvider(MemoryProvider(values), ttl=60)

    def broken(self, values, tmp_path):
        return CacheProvider(FakeProvider(values, fail_with=OSError(*values.values())), ttl=60)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Gate(FakeProvider):
    """Holds every fetch until it is opened, on threads and on event loops."""

    __slots__ = ("began", "opened")

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.began, self.opened = threading.Event(), threading.Event()

    def fetch(self, names):
        self.calls.append(names)
        self.began.set()
        assert self.opened.wait(30)
        return self._answer(names)

    async def afetch(self, names):
        self.calls.append(names)
        self.began.set()
        while not self.opened.is_set():  # noqa: ASYNC110 - opened from other threads; a thread would outlive the loop
            await asyncio.sleep(0.005)
        return self._answer(names)


def began(gate):
    assert gate.began.wait(30)


def waiting(cache, number):
    """Wait until *number* callers wait for the flight of A."""
    for _ in range(3000):
        flight = cache._state.flights.get("A")
        if flight and flight.waiting >= number:
            return
        time.sleep(0.01)
    raise AssertionError("they never came")


async def awaiting(cache, number):
    await asyncio.to_thread(waiting, cache, number)


# What is kept


def test_a_value_is_served_until_its_time_is_over():
    inner, clock = FakeProvider({"A": canary()}), Clock()
    cache = CacheProvider(inner, ttl=10, clock=clock)
    first = cache.fetch(A)
    clock.now += 9.9
    assert cache.fetch(A) == first
    assert len(inner.calls) == 1
    clock.now += 0.1
    inner.canary("A")
    assert cache.fetch(A) == inner.fetch(A) != first
    assert len(cache._state.entries) == 1


def test_time_counts_from_the_question_and_not_from_the_answer():
    clock = Clock()

    class Slow(FakeProvider):
        def fetch(self, names):
            clock.now += 8
            return super().fetch(names)

    inner = Slow({"A": canary(), "B": canary()})
    cache = CacheProvider(inner, ttl=10, clock=clock)
    cache.fetch(A)
    clock.now += 1.9
    cache.fetch(A)
    assert len(inner.calls) == 1
    clock.now += 0.1
    cache.fetch(A)
    assert len(inner.calls) == 2


def test_only_what_is_not_at_hand_is_asked_for():
    inner = FakeProvider({"A": canary(), "B": canary()})
    cache = CacheProvider(inner)
    cache.fetch(A)
    assert cache.fetch(AB).keys() == AB
    assert inner.calls == [A, B]
    assert cache.fetch(frozenset()) == {}


def test_absence_and_errors_are_not_kept():
    inner = FakeProvider(fail_with=ProviderUnavailableError("x", kind="y"), fail_times=1)
    cache = CacheProvider(inner)
    with pytest.raises(ProviderUnavailableError):
        cache.fetch(A)
    assert cache.fetch(A) == {}
    inner.canary("A")
    assert cache.fetch(A).keys() == A


def test_refetch_skips_what_is_kept_and_keeps_what_it_gets():
    inner = FakeProvider({"A": canary(), "B": canary()})
    outer = CacheProvider(CacheProvider(inner))
    old = outer.fetch(AB)
    inner.canary("A")
    assert outer.fetch(AB) == old
    new = outer.refetch(A)
    assert new == inner.fetch(A) != {"A": old["A"]}
    assert outer.fetch(AB) == old | new
    inner.delete("A")
    assert asyncio.run(outer.arefetch(A)) == {}
    assert outer.fetch(A) == {}


def test_a_failed_refetch_leaves_no_old_value_behind():
    inner = FakeProvider({"A": canary()})
    cache = CacheProvider(inner)
    cache.fetch(A)
    inner.fail_with = OSError
    for ask in (cache.refetch, cache.fetch):
        with pytest.raises(ProviderError):
            ask(A)


def test_forget_makes_the_next_fetch_a_new_one():
    inner = FakeProvider({"A": canary(), "B": canary()})
    cache = CacheProvider(inner)
    cache.fetch(AB)
    cache.forget(A)
    cache.fetch(AB)
    assert inner.calls == [AB, A]


def test_an_older_answer_does_not_replace_a_newer_one():
    """A fetch is under way when the value is written and the cache told; its answer is not kept."""
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(cache.fetch, A)
        began(gate)
        cache.forget(A)
        gate.opened.set()
        assert slow.result(30).keys() == A
    assert cache._state.entries == {}
    cache.fetch(A)
    assert len(gate.calls) == 2


def test_it_is_bounded_in_entries():
    inner = FakeProvider({f"N{number}": "x" for number in range(3000)})
    cache = CacheProvider(inner, max_entries=100)
    for start in range(0, 3000, 10):
        cache.fetch(frozenset(f"N{number}" for number in range(start, start + 10)))
        assert len(cache._state.entries) <= 100
    assert cache._state.entries.keys() == {f"N{number}" for number in range(2900, 3000)}
    assert cache._state.size == 100 * 4 * 6


def test_it_is_bounded_in_bytes_and_drops_the_values():
    inner = FakeProvider({"A": "x" * 99, "B": "x" * 99, "C": "x" * 99, "D": "x" * 200})
    cache = CacheProvider(inner, max_bytes=800)
    for name in "ABCD":
        assert cache.fetch(frozenset(name)).keys() == {name}
    assert cache._state.entries.keys() == {"B", "C"}
    assert cache._state.size == 800


def test_what_is_too_old_is_dropped_and_not_only_hidden():
    inner, clock = FakeProvider({"A": canary(), "B": canary()}), Clock()
    cache = CacheProvider(inner, ttl=1, clock=clock)
    cache.fetch(A)
    clock.now += 2
    cache.fetch(frozenset())
    cache.fetch(B)
    assert cache._state.entries.keys() == B
    assert cache._state.size == 4 * 33


def test_nothing_crosses_from_one_set_of_credentials_to_another():
    one, other = FakeProvider({"A": canary()}), FakeProvider({"A": canary()})
    caches = CacheProvider(one), CacheProvider(other)
    for _ in range(1000):
        assert [cache.fetch(A) for cache in caches] == [MemoryProvider.fetch(one, A), MemoryProvider.fetch(other, A)]


# One question for many


def test_many_threads_make_one_call():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)
    with ThreadPoolExecutor(50) as pool:
        fetches = [pool.submit(cache.fetch, A) for _ in range(50)]
        waiting(cache, 50)
        gate.opened.set()
        answers = [fetch.result(30) for fetch in fetches]
    assert gate.calls == [A]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].keys() == A


def test_many_tasks_make_one_call():
    gate = Gate({"A": canary(), "B": canary()})
    cache = CacheProvider(gate)

    async def main():
        tasks = [asyncio.create_task(cache.afetch(A)) for _ in range(1000)]
        tasks.append(asyncio.create_task(cache.afetch(AB)))
        await awaiting(cache, 1001)
        gate.opened.set()
        return await asyncio.gather(*tasks)

    answers = asyncio.run(main())
    assert gate.calls == [A, B]
    assert [answer.keys() for answer in answers] == [A] * 1000 + [AB]


def test_an_error_goes_to_everybody_as_one_of_their_own():
    gate = Gate(fail_with=OSError("text"))
    cache = CacheProvider(gate)

    async def main():
        tasks = [asyncio.create_task(cache.afetch(A)) for _ in range(3)]
        await awaiting(cache, 3)
        gate.opened.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    errors = asyncio.run(main())
    assert [(type(error), error.kind) for error in errors] == [(ProviderError, "OSError")] * 3
    assert len(set(map(id, errors))) == 3
    assert gate.calls == [A]


def test_a_cancelled_leader_does_not_cancel_the_followers():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main():
        leader = asyncio.create_task(cache.afetch(A))
        await awaiting(cache, 1)
        followers = [asyncio.create_task(cache.afetch(A)) for _ in range(10)]
        await awaiting(cache, 11)
        leader.cancel()
        followers[0].cancel()
        await asyncio.wait([leader, followers[0]])
        gate.opened.set()
        assert leader.cancelled()
        return await asyncio.gather(*followers[1:])

    answers = asyncio.run(main())
    assert [answer.keys() for answer in answers] == [A] * 9
    assert gate.calls == [A]


def test_when_all_are_cancelled_nothing_is_left():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main():
        tasks = [asyncio.create_task(cache.afetch(AB)) for _ in range(3)]
        await awaiting(cache, 3)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert cache._state.flights == {}
        gate.opened.set()
        assert (await cache.afetch(A)).keys() == A

    asyncio.run(main())
    assert gate.calls == [AB, A]


def test_a_task_cancelled_before_its_first_step_leaves_nothing():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main():
        task = asyncio.create_task(cache.afetch(A))
        await asyncio.sleep(0)  # the leader has launched its flight, which has not taken a step
        task.cancel()
        await asyncio.wait([task])
        gate.opened.set()
        return await asyncio.wait_for(cache.afetch(A), 30)

    assert asyncio.run(main()).keys() == A


def test_followers_elsewhere_outlive_the_loop_of_the_leader():
    """The loop ends and cancels its flight; a thread that waited for it asks anew."""
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main(pool):
        leader = asyncio.create_task(cache.afetch(A))
        await awaiting(cache, 1)
        follower = pool.submit(cache.fetch, A)
        await awaiting(cache, 2)
        del leader
        return follower

    with ThreadPoolExecutor(1) as pool:
        follower = asyncio.run(main(pool))
        gate.opened.set()
        assert follower.result(30).keys() == A
    assert gate.calls == [A, A]


def test_a_loop_that_waited_for_another_asks_anew():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def lead():
        leader = asyncio.create_task(cache.afetch(A))
        await awaiting(cache, 2)
        del leader

    with ThreadPoolExecutor(2) as pool:
        leading = pool.submit(asyncio.run, lead())
        waiting(cache, 1)
        follower = pool.submit(asyncio.run, cache.afetch(A))
        leading.result(30)
        gate.opened.set()
        assert follower.result(30).keys() == A
    assert gate.calls == [A, A]


def test_a_cancelled_flight_does_not_end_the_one_that_took_its_place():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main():
        old = asyncio.create_task(cache.afetch(A))
        await awaiting(cache, 1)
        new = asyncio.create_task(cache.arefetch(A))
        await awaiting(cache, 1)
        await asyncio.sleep(0.01)
        old.cancel()
        await asyncio.wait([old])
        assert "A" in cache._state.flights
        gate.opened.set()
        return await new

    assert asyncio.run(main()).keys() == A
    assert cache._state.entries.keys() == A


def test_a_loop_may_wait_for_a_thread():
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main(pool):
        leader = pool.submit(cache.fetch, A)
        await asyncio.to_thread(began, gate)
        follower = asyncio.create_task(cache.afetch(A))
        await awaiting(cache, 2)
        gate.opened.set()
        return await follower, await asyncio.wrap_future(leader)

    with ThreadPoolExecutor(1) as pool:
        first, second = asyncio.run(main(pool))
    assert first == second
    assert gate.calls == [A]


def test_an_interrupted_leader_leaves_the_question_to_another():
    interrupted = threading.Event()

    class Interrupted(Gate):
        def fetch(self, names):
            answer = super().fetch(names)
            if not interrupted.is_set():
                interrupted.set()
                raise KeyboardInterrupt
            return answer

    gate = Interrupted({"A": canary()})
    cache = CacheProvider(gate)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(cache.fetch, A)
        began(gate)
        follower = pool.submit(cache.fetch, A)
        waiting(cache, 2)
        gate.opened.set()
        assert follower.result(30).keys() == A
        assert isinstance(leader.exception(30), KeyboardInterrupt)
    assert gate.calls == [A, A]


def test_a_blocking_fetch_on_an_event_loop_does_not_wait_for_that_loop():
    """It would wait for ever: the flight cannot go on while the loop is stopped."""
    gate = Gate({"A": canary()})
    cache = CacheProvider(gate)

    async def main():
        task = asyncio.create_task(cache.afetch(A))
        await awaiting(cache, 1)
        gate.opened.set()
        blocking = cache.fetch(A)
        return blocking, await task

    first, second = asyncio.run(asyncio.wait_for(main(), 30))
    assert first == second
    assert gate.calls == [A, A]


# Threads, forks, copies


def test_threads_reading_writing_and_forgetting_see_no_mixture():
    names = [f"N{number}" for number in range(20)]
    inner = FakeProvider({name: f"{name}-value" for name in names})
    cache = CacheProvider(inner, ttl=0.001, max_entries=7)

    def work(seed):
        for step in range(150):
            wanted = frozenset(names[(seed * step + other) % 20] for other in range(4))
            ask = cache.refetch if step % 5 == 0 else cache.fetch
            assert ask(wanted) == {name: SecretStr(f"{name}-value") for name in wanted}
            if step % 7 == 0:
                cache.forget(wanted)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16), timeout=60))
    assert cache._state.flights == {}
    assert cache._state.size == sum(entry.size for entry in cache._state.entries.values())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_anew():
    """A thread holds the lock and another fetches at the moment of the fork; the child must not wait for them."""
    gate = Gate({"A": canary(), "B": canary()})
    cache = CacheProvider(gate)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(cache.fetch, A)
        began(gate)
        with cache._state.lock:
            children = []
            for _ in range(10):
                gc.collect()
                child = os.fork()
                if not child:
                    gate.opened = threading.Event()
                    gate.opened.set()
                    signal.alarm(20)
                    os._exit(0 if cache.fetch(AB).keys() == AB and cache._state.process == os.getpid() else 1)
                children.append(child)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 10
        gate.opened.set()
        assert leader.result(30).keys() == A


def test_another_process_has_another_state():
    inner = FakeProvider({"A": canary()})
    cache = CacheProvider(inner)
    cache.fetch(A)
    cache._state.process = -1
    cache.fetch(A)
    cache.fetch(A)
    assert inner.calls == [A, A]


@pytest.mark.parametrize("carry", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_refuses_to_be_carried_away(carry):
    with pytest.raises(TypeError, match="holds values"):
        carry(CacheProvider(MemoryProvider()))


def test_it_is_built_from_a_url():
    cache = load("cache://?of=memory&ttl=2.5&max_entries=3&max_bytes=4")
    assert (cache._ttl, cache._max_entries, cache._max_bytes) == (2.5, 3, 4)
    assert repr(cache) == "CacheProvider(memory)"


@pytest.mark.parametrize("bound", ["ttl", "max_entries", "max_bytes"])
def test_bounds_are_above_zero(bound):
    with pytest.raises(ConfigurationError, match="above zero"):
        CacheProvider(MemoryProvider(), **{bound: 0})


def test_a_leader_that_runs_out_of_time_fails_alone():
    started = threading.Event()

    class Slow:
        def __init__(self):
            self.calls = 0

        def fetch(self, names):
            self.calls += 1
            started.set()
            if left := min(seconds_left(60), 1.0):
                time.sleep(left + 0.01)
            if not seconds_left(1):
                raise ProviderUnavailableError("slow", kind="timeout")
            return {name: SecretStr(f"value-of-{name}") for name in names}

    provider = Slow()
    cache = CacheProvider(provider)
    failures = []

    def lead():
        try:
            ask_in_time(cache, A, deadline=0.3)
        except ProviderUnavailableError as error:
            failures.append(error.kind)

    leader = threading.Thread(target=lead)
    leader.start()
    assert started.wait(10)
    assert ask_in_time(cache, A)["A"].get_secret_value() == "value-of-A"
    leader.join(10)
    assert len(failures) == 1
    assert provider.calls == 2
