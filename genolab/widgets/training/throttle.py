"""A thread that updates the screen: often enough to be live, seldom enough not to slow the training."""

import threading
from collections.abc import Callable


class Throttle:
    """Call a function in a thread of its own: at once when woken, and by itself every so often while it asks for that.

    The training thread only ever calls `wake`, which costs it about a microsecond; what the function does (reading the
    run, sending to the browser) runs in parallel, mostly while torch computes.

    Parameters
    ----------
    function
        It returns whether to call it again by itself after `interval` seconds; otherwise the thread sleeps until it is
        woken. It must not raise.
    shortest
        Seconds between two calls at least, however often it is woken.
    """

    def __init__(self, function: Callable[[], bool], *, interval: float = 0.2, shortest: float = 0.1) -> None:
        self._function = function
        self._interval = interval
        self._shortest = shortest
        self._woken = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, unless it is there, and call the function."""
        self.wake()
        with self._lock:
            if self.alive and not self._ended.is_set():
                return
            self._ended = threading.Event()
            self._thread = threading.Thread(
                target=self._loop, args=(self._ended,), name="genolab-throttle", daemon=True
            )
            self._thread.start()

    def wake(self) -> None:
        """Have the function called soon; from any thread, and cheap when called often."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread after the call in hand; returns at once."""
        self._ended.set()
        self._woken.set()

    def _loop(self, ended: threading.Event) -> None:
        while not ended.is_set():
            self._woken.clear()
            again = self._function()
            ended.wait(self._shortest)
            self._woken.wait(max(0.0, self._interval - self._shortest) if again else None)
