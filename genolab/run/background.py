"""A thread that trains in the background, and ends before the interpreter does."""

import atexit
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genolab.run.run import Run


class TrainingThread(threading.Thread):
    """Walk through a `training_run`'s loop; `error` is what broke it off."""

    def __init__(self, training_run: "Run", loop: Iterable[object]) -> None:
        super().__init__(name="genolab-run", daemon=True)
        self.error: BaseException | None = None
        self.training_run, self._loop = training_run, loop

    def run(self) -> None:
        """Train; called by `start`."""
        try:
            for _ in self._loop:
                pass
        except BaseException as error:  # noqa: BLE001 - Run.wait raises it in the thread that asks
            self.error = error


def training_runs() -> "list[Run]":
    """Return the runs that train, or are paused, in the background."""
    return [thread.training_run for thread in threading.enumerate() if isinstance(thread, TrainingThread)]


@atexit.register
def stop_all() -> None:
    """End all background training: a thread cut off inside torch would abort the process."""
    for thread in threading.enumerate():
        if isinstance(thread, TrainingThread):
            thread.training_run.stop()
            thread.join(timeout=10)
