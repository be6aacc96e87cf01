"""Turns: everybody is served once and hears what became of his own wish, and nobody waits for ever."""

import threading

import pytest

from secretref.errors import ProviderUnavailableError
from secretref.store._turns import Turn, Turns


def serve(turns):
    for turn in turns:
        turn.result = f"{turn.wish} done"


def together(turns, number, serve):
    """Let *number* threads take a turn; return what each got or met."""
    got = {}

    def take(wish):
        try:
            got[wish] = turns.take(wish, serve)
        except Exception as error:
            got[wish] = error

    threads = [threading.Thread(target=take, args=(wish,)) for wish in range(number)]
    threads[0].start()
    while not turns._is_led:
        pass
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(30)
    return got


def test_those_who_wait_are_served_together():
    turns, served = Turns(), []

    def gather(batch):
        while len(turns._waiting) < 9 and batch[0].wish == 0:
            pass
        served.append(sorted(turn.wish for turn in batch))
        serve(batch)

    assert together(turns, 10, gather) == {number: f"{number} done" for number in range(10)}
    assert served == [[0], list(range(1, 10))]
    assert not turns._is_led


def test_an_error_concerns_one_and_a_fault_concerns_all():
    turns = Turns()

    def gather(batch):
        while len(turns._waiting) < 3 and batch[0].wish == 0:
            pass
        serve(batch)
        for turn in batch:
            turn.error = KeyError(turn.wish) if turn.wish == 2 else None
        if batch[0].wish == 0:
            raise ProviderUnavailableError("store", kind="Full")

    got = together(turns, 4, gather)
    assert got[0].kind == "Full"
    assert (got[1], got[2].args, got[3]) == ("1 done", (2,), "3 done")


def test_each_thread_has_a_fault_of_its_own():
    turns = Turns()

    def gather(batch):
        while len(turns._waiting) < 3 and batch[0].wish == 0:
            pass
        raise ProviderUnavailableError("store", kind="Full")

    got = together(turns, 4, gather)
    assert {error.kind for error in got.values()} == {"Full"}
    assert len({id(error) for error in got.values()}) == 4


def test_a_leader_that_is_interrupted_leaves_an_open_queue():
    turns, left = Turns(), Turn("left")

    def work(batch):
        batch.append(left)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turns.take("x", work)
    assert left.error.kind == "Interrupted"
    assert turns.take("y", serve) == "y done"


class Interrupted:
    """Stands for an event whose waiting is cut short by Ctrl-C."""

    def __init__(self, *, chosen):
        self.chosen = chosen

    def wait(self):
        raise KeyboardInterrupt

    def is_set(self):
        return self.chosen


@pytest.mark.parametrize("chosen", [False, True])
def test_a_follower_that_is_interrupted_passes_its_turn_on(chosen):
    turns = Turns()
    turns._is_led = True
    gone, next_one = Turn("gone", wake=Interrupted(chosen=chosen)), Turn("next")
    turns._waiting = [next_one] if chosen else [gone, next_one]
    with pytest.raises(KeyboardInterrupt):
        turns._wait(gone)
    assert turns._waiting == [next_one]
    assert next_one.wake.is_set() is chosen
