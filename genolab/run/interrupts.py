"""An interrupt (Ctrl+C, or the notebook's stop button) that waits for the step at work."""

import signal
import threading
from collections.abc import Callable
from typing import Any


class HeldInterrupt:
    """Hold interrupts back inside a ``with``; `came` says whether there was one. Only the main thread gets any.

    Parameters
    ----------
    stop
        Called when one comes, by the signal handler: it must not wait. A second one is raised at once.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        self.came = False
        self._stop = stop
        self._before: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is not None:
                signal.signal(signal.SIGINT, self._hold)

    def _hold(self, *_: object) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
        self._stop()

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
