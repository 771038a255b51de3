"""Throttle: news reach the screen at once, but never faster than it can bear."""

import itertools
import time

from genolab.widgets.training.throttle import Throttle


def wait_for(condition, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def test_a_thousand_wakes_become_few_calls_and_the_last_news_is_carried():
    news, seen = [0], []
    throttle = Throttle(lambda: bool(seen.append(news[0])), interval=0.1, shortest=0.05)
    throttle.start()
    for i in range(1000):
        news[0] = i
        throttle.wake()
        time.sleep(0.0001)
    wait_for(lambda: seen and seen[-1] == 999)
    throttle.stop()
    assert len(seen) <= 0.05 * 1000
    gaps = len(seen)
    time.sleep(0.15)
    assert len(seen) == gaps


def test_it_sleeps_until_woken_unless_the_beat_asks_for_more():
    beats, again = [], [False]

    def beat() -> bool:
        beats.append(time.monotonic())
        return again[0]

    throttle = Throttle(beat, interval=0.02, shortest=0.01)
    throttle.start()
    wait_for(lambda: len(beats) == 1)
    time.sleep(0.1)
    assert len(beats) == 1
    again[0] = True
    throttle.wake()
    wait_for(lambda: len(beats) > 5)
    throttle.stop()
    assert all(later - earlier >= 0.018 for earlier, later in itertools.pairwise(beats))


def test_it_can_be_stopped_and_started_again_and_is_one_thread():
    throttle = Throttle(lambda: True, interval=0.005, shortest=0.005)
    threads = set()
    for _ in range(3):
        throttle.start()
        threads.add(throttle._thread)
        throttle.start()
        threads.add(throttle._thread)
        assert throttle.alive
        throttle.stop()
        wait_for(lambda: not any(thread.is_alive() for thread in threads))
    assert len(threads) == 3
    assert not throttle.alive
