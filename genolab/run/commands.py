"""What other threads ask of the one that trains: flags behind a lock, obeyed between two optimiser steps."""

import threading
from collections.abc import Callable


class Commands:
    """A desk where commands lie until the training thread looks.

    Attributes
    ----------
    lock
        Guards everything here; it may be taken again by the thread that holds it.
    walking
        Whether somebody trains; while nobody does, there is nothing to pause or stop.
    """

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.walking = False
        self._paused = False
        self._stopping = False
        self._steps_allowed = 0
        self._tuning: dict[str, float] = {}

    def begin(self, *, steps: int | None = None) -> None:
        """Open a walk; with `steps`, one that pauses after so many. The lock must be held."""
        self.walking = True
        self._stopping = False
        self._paused = steps is not None
        self._steps_allowed = steps or 0

    def end(self) -> None:
        """Close the walk; what was asked of it is forgotten, but for tuning."""
        with self.lock:
            self.walking = self._paused = self._stopping = False
            self._steps_allowed = 0

    def pause(self) -> None:
        """Halt before the next step."""
        with self.lock:
            self._paused = self.walking

    def resume(self) -> None:
        """Go on after a pause."""
        with self.lock:
            self._paused = False
            self.lock.notify_all()

    def allow(self, steps: int) -> None:
        """Take so many steps, and pause."""
        with self.lock:
            self._paused = True
            self._steps_allowed += steps
            self.lock.notify_all()

    def stop(self) -> None:
        """End the walk before the next step."""
        with self.lock:
            self._stopping = self.walking
            self.lock.notify_all()

    def interrupt(self) -> None:
        """Stop from a signal handler, which must not wait for a lock."""
        self._stopping = True

    def tune(self, values: dict[str, float]) -> None:
        """Leave new values of controls for the next step."""
        with self.lock:
            self._tuning.update(values)

    @property
    def tuning(self) -> dict[str, float]:
        """Values that wait for the next step."""
        return dict(self._tuning)

    def take_tuning(self) -> dict[str, float]:
        """Return the values that wait, and forget them."""
        with self.lock:
            taken, self._tuning = self._tuning, {}
        return taken

    def step_done(self) -> None:
        """Count a step against those that `allow` allowed."""
        with self.lock:
            self._steps_allowed = max(0, self._steps_allowed - 1)

    def obey(self, on_halt: Callable[[], None], on_wake: Callable[[], None]) -> bool:
        """Wait out a pause, and return whether to go on.

        `on_halt` is called when the pause begins, `on_wake` whenever the waiting thread looks up.
        """
        with self.lock:
            while self._paused and not self._steps_allowed and not self._stopping:
                on_halt()
                self.lock.wait(timeout=0.2)  # looks up by itself, so that an interrupt is seen on every platform
                on_wake()
            return not self._stopping
