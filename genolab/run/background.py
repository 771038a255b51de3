"""A thread that trains in the background, and ends before the interpreter does."""

import atexit
import threading
import weakref
from collections.abc import Callable, Iterable


class TrainingThread(threading.Thread):
    """Walk through a training loop; `error` is what broke it off, `stop` ends it after the step at work."""

    def __init__(self, loop: Iterable[object], stop: Callable[[], object]) -> None:
        super().__init__(name="genolab-run", daemon=True)
        self.error: BaseException | None = None
        self._loop, self._stop_training = loop, stop

    def run(self) -> None:
        """Train; called by `start`."""
        _running.add(self)
        try:
            for _ in self._loop:
                pass
        except BaseException as error:  # noqa: BLE001 - Run.wait raises it in the thread that asks
            self.error = error

    def finish(self) -> None:
        """Stop training and wait for the thread's end."""
        self._stop_training()
        self.join(timeout=10)


_running: "weakref.WeakSet[TrainingThread]" = weakref.WeakSet()


@atexit.register
def stop_all() -> None:
    """End all background training: a thread cut off inside torch would abort the process."""
    for thread in list(_running):
        if thread.is_alive():
            thread.finish()
