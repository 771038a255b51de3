"""One readable block for a mistake in a notebook: the message first, the traceback folded beneath it.

An error that genolab raises says what is to be mended, and forty lines of its code hide that. Errors of other
packages, and what fails in genolab without its knowing, keep the whole traceback. ``%env GENOLAB_TRACEBACKS=full``
shows it always.
"""

import dis
import linecache
import os
import re
import sys
from collections.abc import Callable, Iterator
from html import escape
from types import TracebackType
from typing import Any, Final

_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def fold_tracebacks() -> None:
    """Show genolab's own errors so, where this is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    # IPython shows every traceback by this method, so that a front end can "put it on a different place".
    if hasattr(shell, "kernel") and shell._showtraceback.__module__ != __name__:
        shell._showtraceback = _folding(shell, shell._showtraceback)


def _folding(shell: Any, show: Callable[..., None]) -> Callable[..., None]:
    def show_folded(kind: type[BaseException], error: BaseException, lines: list[str]) -> None:
        if os.environ.get("GENOLAB_TRACEBACKS") == "full" or not is_own(error):
            show(kind, error, [*lines, *_note(shell, error)])
            return
        show(kind, error, [f"{_BOLD}{message(error)}{_PLAIN}", f"{kind.__name__}{_place(shell, error)}"])
        whole = _COLOUR.sub("", "\n".join(lines))
        folded = f"<details><summary>Traceback</summary><pre>{escape(whole)}</pre></details>"
        shell.display_pub.publish({"text/plain": whole, "text/html": folded})

    return show_folded


def is_own(error: BaseException) -> bool:
    """Return whether a ``raise`` of genolab's made the error; one that its code ran into is a fault of the code."""
    frames = list(_frames(error.__traceback__))
    if not frames or type(error) is AssertionError:  # an assert raises, too
        return False
    last = frames[-1].tb_frame
    in_genolab = last.f_globals.get("__name__", "").partition(".")[0] == "genolab"
    return in_genolab and last.f_code.co_code[frames[-1].tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _note(shell: Any, error: BaseException) -> list[str]:
    """Say what a name that isn't there means in a notebook, where a cell was left out more often than not."""
    if not isinstance(error, NameError) or error.__traceback__ is None:
        return []
    *_, last = _frames(error.__traceback__)
    if not shell.compile.format_code_name(last.tb_frame.f_code.co_filename):
        return []
    return [f"If a cell above makes {error.name!r}, run that first (menu Run, Run All Above Selected Cell)."]


def message(error: BaseException) -> str:
    """Return what an error says; Python quotes that of a KeyError."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _place(shell: Any, error: BaseException) -> str:
    """Name the last line of a notebook's cells on the way to the error."""
    place = ""
    for step in _frames(error.__traceback__):
        file = step.tb_frame.f_code.co_filename
        if cell := shell.compile.format_code_name(file):
            place = (
                f" in {' '.join(cell)}, line {step.tb_lineno}:\n    {linecache.getline(file, step.tb_lineno).strip()}"
            )
    return place


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next
