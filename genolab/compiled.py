"""Functions compiled by numba, and kept for the next process wherever they can be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core import event

from genolab.checks import reader_stream
from genolab.data.cache import cache_folder

_settings: Any = numba.config
_functions: set[Callable[..., Any]] = set()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function by numba when it is first called.

    The machine code is kept beside the source or in the home, as numba does; where neither can be written, in
    genolab's cache; and where that can't be written either, nowhere, so that every process compiles for itself.
    """
    _functions.add(function)
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # numba's, where it finds no folder to write to
        pass
    with _kept_in(cache_folder() / "compiled"):
        try:
            return numba.njit(cache=True)(function)
        except RuntimeError:
            return numba.njit(function)


class _Note(event.Listener):
    """Says once in a process why the first call takes longer; what is kept from an earlier one isn't compiled."""

    told = False

    def on_start(self, event: Any) -> None:
        if not self.told and event.data["dispatcher"].py_func in _functions:
            self.told = True
            print("Note: compiling for this processor, once; it takes up to half a minute", file=reader_stream())

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Note())  # type: ignore[no-untyped-call]  # numba leaves it untyped


@contextmanager
def _kept_in(folder: Path) -> Iterator[None]:
    before = _settings.CACHE_DIR
    _settings.CACHE_DIR = str(folder)  # looked at only while a function is decorated
    try:
        yield
    finally:
        _settings.CACHE_DIR = before


def folder_of_compiled() -> Path | None:
    """Return where the functions of this package are kept; None where every process compiles them anew."""
    path = compiled(_example).stats.cache_path
    return Path(path) if path else None


def _example() -> None:
    """Stand for the functions that are compiled."""
