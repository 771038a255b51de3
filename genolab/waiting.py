"""One bar for what a person waits for: a line of text that comes after a second, in a notebook as elsewhere.

>>> for seed in progress(range(5), "Trainings"):
...     gl.Run(model_of(seed), train, valid, config).fit()  # its bar becomes a few words at the end of this one
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from genolab.checks import reader_stream

T = TypeVar("T")

_DELAY_S: Final = 1.0  # what is done by then needs no bar
_SECONDS_BETWEEN: Final = 0.5  # changes of the words at a bar's end
_shown: list[Any] = []  # the bar that is on the screen, if any; the main thread's alone


def progress(items: Iterable[T], what: str, *, unit: str = "", total: int | None = None) -> Iterator[T]:
    """Give the items one by one, with a bar of how many are done; `total` is their number where it isn't known."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with bar(what, total, unit=unit) as shown:
        for item in items:
            yield item
            shown.update()


@contextmanager
def bar(what: str, total: int | None, *, unit: str = "", delay: float = _DELAY_S) -> Iterator[Any]:
    """Give a bar to `update`. There is one at a time: what another is within becomes words at its end.

    In another thread than the main one, where what is printed may be lost, nothing is shown.
    """
    from tqdm import tqdm  # not its widget, which a notebook that is opened again can't show

    on_screen = threading.current_thread() is threading.main_thread()
    if on_screen and _shown:
        part = _Part(_shown[0], what, total)
        try:
            yield part
        finally:
            part.close()
        return
    options = {"total": total, "desc": what, "unit": unit, "delay": delay}
    with tqdm(**options, disable=not on_screen, file=reader_stream()) as whole:
        _shown.extend([whole] if on_screen else [])
        try:
            yield whole
        finally:
            if on_screen:
                _shown.remove(whole)


def is_shown() -> bool:
    """Return whether a bar is on the screen, so that what is within says less."""
    return bool(_shown)


class _Part:
    """A bar within another."""

    def __init__(self, whole: Any, what: str, total: int | None) -> None:
        self._whole, self._what, self._total, self._done = whole, what.lower(), total, 0
        self._told = time.perf_counter()

    def update(self, n: int = 1) -> None:
        self._done += n
        if time.perf_counter() - self._told > _SECONDS_BETWEEN:
            self._told = time.perf_counter()
            of_all = f" of {self._total:,}" if self._total else ""
            self._whole.set_postfix_str(f"{self._what} {self._done:,}{of_all}")

    def set_postfix(self, values: dict[str, Any]) -> None:
        """Say nothing more than how far it is."""

    def close(self) -> None:
        self._whole.set_postfix_str("", refresh=False)
