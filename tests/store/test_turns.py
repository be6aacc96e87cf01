"""Turns: everybody is served once, nobody waits for ever."""

import threading

import pytest

from secretref.store._turns import Turns, _Turn


def test_those_who_wait_are_served_together():
    turns, served, lead = Turns(), [], threading.Event()

    def work(wishes):
        if wishes == [0]:
            while len(turns._waiting) < 9:
                pass
            lead.set()
        served.append(wishes)
        return ""

    threads = [threading.Thread(target=turns.take, args=(number, work)) for number in range(10)]
    threads[0].start()
    while not turns._is_led:
        pass
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert lead.is_set()
    assert [sorted(wishes) for wishes in served] == [[0], list(range(1, 10))]
    assert not turns._is_led


def test_a_fault_is_told_to_all_it_concerns():
    turns, faults = Turns(), []

    def take():
        faults.append(turns.take("x", lambda _: "Full"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == ["Full"] * 8
    assert turns.take("y", lambda _: "") == ""


def test_a_leader_that_is_interrupted_leaves_an_open_queue():
    turns = Turns()

    def work(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        turns.take("x", work)
    assert turns.take("y", lambda _: "") == ""


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
    gone, next_one = _Turn("gone", wake=Interrupted(chosen=chosen)), _Turn("next")
    turns._waiting = [next_one] if chosen else [gone, next_one]
    with pytest.raises(KeyboardInterrupt):
        turns._wait(gone)
    assert turns._waiting == [next_one]
    assert next_one.wake.is_set() is chosen
