"""Pulse: news reach the screen at once, but never faster than it can bear."""

import itertools
import time

from genolab.widgets.training.throttle import Pulse


def wait_for(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def test_a_thousand_wakes_become_few_beats_and_the_last_news_is_carried():
    news, seen = [0], []
    pulse = Pulse(lambda: bool(seen.append(news[0])), interval=0.1, shortest=0.05)
    pulse.start()
    for i in range(1000):
        news[0] = i
        pulse.wake()
        time.sleep(0.0001)
    wait_for(lambda: seen and seen[-1] == 999)
    pulse.stop()
    assert len(seen) <= 0.05 * 1000
    gaps = len(seen)
    time.sleep(0.15)
    assert len(seen) == gaps


def test_it_sleeps_until_woken_unless_the_beat_asks_for_more():
    beats, again = [], [False]

    def beat() -> bool:
        beats.append(time.monotonic())
        return again[0]

    pulse = Pulse(beat, interval=0.02, shortest=0.01)
    pulse.start()
    wait_for(lambda: len(beats) == 1)
    time.sleep(0.1)
    assert len(beats) == 1
    again[0] = True
    pulse.wake()
    wait_for(lambda: len(beats) > 5)
    pulse.stop()
    assert all(later - earlier >= 0.018 for earlier, later in itertools.pairwise(beats))


def test_it_can_be_stopped_and_started_again_and_is_one_thread():
    pulse = Pulse(lambda: True, interval=0.005, shortest=0.005)
    threads = set()
    for _ in range(3):
        pulse.start()
        threads.add(pulse._thread)
        pulse.start()
        threads.add(pulse._thread)
        assert pulse.alive
        pulse.stop()
        wait_for(lambda: not any(thread.is_alive() for thread in threads))
    assert len(threads) == 3
    assert not pulse.alive
