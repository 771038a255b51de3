"""The state of a run and the commands that change it, under one lock that nobody holds while a step is computed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from genolab.run.records import State


class StateMachine:
    """One thread trains; all others give commands, and copy the run between two of its steps.

    ``ready`` -> ``running`` <-> ``paused``, and from both to ``stopped``, ``finished`` or ``failed``, then ``running``
    again. `lock` guards all that changes while a run trains; the thread that holds it may take it again, and it is held
    for moments only, so that commands return at once. `training`: a thread trains, and may be paused or stopped.
    """

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.state: State = "ready"
        self.training = False
        self._pausing = False
        self._stopping = False
        self._steps_allowed = 0  # in spite of the pause
        self._interval = 0.0  # seconds from the begin of a step to that of the next, at least
        self._due = 0.0  # when the next step may begin
        self._worker: int | None = None  # the thread that computes a step
        self._visitors = 0  # threads that wait for the end of a step, or copy the run

    # ---- commands, from any thread --------------------------------------------------------------------------------

    def pause(self) -> None:
        """Halt before the next step."""
        with self.lock:
            self._pausing, self._steps_allowed = self.training, 0
            self.lock.notify_all()

    def resume(self) -> None:
        """Go on after a pause."""
        with self.lock:
            self._pausing, self._steps_allowed, self._due = False, 0, time.monotonic()
            self.lock.notify_all()

    def allow(self, steps: int) -> None:
        """Take so many steps, and pause."""
        with self.lock:
            self._pausing = True
            self._steps_allowed += steps
            self.lock.notify_all()

    def space_out(self, interval: float) -> None:
        """Begin no step sooner than `interval` seconds after the one before; 0: at once."""
        with self.lock:
            self._interval, self._due = interval, time.monotonic()
            self.lock.notify_all()

    def stop(self) -> None:
        """End training before the next step."""
        with self.lock:
            self._stopping = self.training
            self.lock.notify_all()

    def interrupt(self) -> None:
        """Stop, from a signal handler, which must not wait for a lock."""
        self._stopping = True

    @contextmanager
    def between_steps(self) -> Iterator[None]:
        """Hold the lock while no step is computed: wait for the end of the one at work, and let no other begin."""
        with self.lock:
            if self._worker == threading.get_ident():
                raise RuntimeError("a run can't be saved or branched by its own model's loss: do it between two steps")
            self._visitors += 1
            try:
                self.lock.wait_for(lambda: self._worker is None)
                yield
            finally:
                self._visitors -= 1
                self.lock.notify_all()

    # ---- for the thread that trains --------------------------------------------------------------------------------

    def begin(self, *, steps: int | None = None) -> None:
        """Claim the run; with `steps`, pause after so many."""
        with self.lock:
            if self.training:
                raise RuntimeError("this run is being trained already: wait() for it, or stop() it first")
            self.training, self._stopping, self._due = True, False, time.monotonic()
            self._pausing, self._steps_allowed = steps is not None, steps or 0

    def end(self, state: State) -> bool:
        """Give the run free in its last state, and return whether that is a new one."""
        with self.lock:
            self.training = self._pausing = self._stopping = False
            self._steps_allowed = 0
            return self.enter(state)

    def enter(self, state: State) -> bool:
        """Change the state, and return whether it is a new one."""
        with self.lock:
            before, self.state = self.state, state
            return before != state

    def command(self) -> Literal["go on", "wait", "pause", "stop"]:
        """Return what to do before the next step."""
        with self.lock:
            if self._stopping:
                return "stop"
            if self._pausing:
                return "go on" if self._steps_allowed else "pause"
            return "wait" if self._interval and time.monotonic() < self._due else "go on"

    def wait_for_command(self) -> None:
        """Wait through a pause, or until a step is due; 0.2 s at most: not every platform wakes up on an interrupt."""
        with self.lock:
            if (command := self.command()) in {"pause", "wait"}:
                due = self._due - time.monotonic() if command == "wait" else 0.2
                self.lock.wait(timeout=min(0.2, max(0.0, due)))

    @contextmanager
    def work(self) -> Iterator[None]:
        """Compute a step or a validation in here; it begins when nobody copies the run."""
        with self.lock:
            self.lock.wait_for(lambda: not self._visitors)
            self._worker = threading.get_ident()
        try:
            yield
        finally:
            with self.lock:
                self._worker = None
                self.lock.notify_all()

    def count_step(self) -> None:
        """Count a step against those that `allow` allowed, and say when the next is due."""
        with self.lock:
            self._steps_allowed = max(0, self._steps_allowed - 1)
            self._due = max(self._due + self._interval, time.monotonic())
