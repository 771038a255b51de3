"""Checks of arguments that many functions make, and warnings about the user's data.

Each message says the rule, what came, and the fix where it is known.

>>> check_share("gc", gc)
>>> check_columns(table, "dose", "response", fix="rename yours")
>>> warn("3 of 100 regions are left out: the FASTA has no chrM")
"""

import difflib
import sys
import warnings
from collections.abc import Collection, Iterable
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_MOST_LISTED = 20  # names in a message; of more than these, the first five


class DataWarning(UserWarning):
    """What was done to the user's data, or guessed about them: shown as one line, without a place in the code."""


def warn(message: str) -> None:
    """Warn the reader that something was done to the data, or guessed: say what, and to how many."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "genolab":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, DataWarning, stacklevel=level)


def reader_stream() -> TextIO:
    """Return where a note to the reader goes: stdout in a notebook, which paints stderr pink, and stderr elsewhere."""
    ipython = sys.modules.get("IPython")
    in_notebook = ipython is not None and ipython.get_ipython() is not None
    return sys.stdout if in_notebook else sys.stderr


_show_other = warnings.showwarning


def _show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    if not issubclass(category, DataWarning):
        _show_other(message, category, *place, **more)
    else:
        print(f"Note: {message}", file=reader_stream())


warnings.showwarning = _show  # as its documentation allows


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number, numpy's included; True and 1.0 are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_at_least(name: str, value: Any, low: int = 1) -> None:
    """Raise ValueError unless a value is a whole number of at least `low`."""
    if not is_whole(value) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")


def check_share(name: str, value: float, *, zero: bool = True, one: bool = True) -> None:
    """Raise ValueError unless a value lies between 0 and 1; `zero` and `one` say whether the bounds are included."""
    if not ((value >= 0 if zero else value > 0) and (value <= 1 if one else value < 1)):
        low, high = "at least 0" if zero else "above 0", "at most 1" if one else "below 1"
        raise ValueError(f"{name} must be a share, {low} and {high}, got {value}")


def check_one_of(name: str, value: object, choices: Collection[object]) -> None:
    """Raise ValueError unless a value is one of the choices, such as the method that a function follows."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {listing(choices)}, got {value!r}{meant(value, choices)}")


def check_known(what: str, names: Iterable[object], known: Collection[object]) -> None:
    """Raise KeyError unless all names are among those known; `what` says in the plural what they are."""
    if unknown := [name for name in names if name not in known]:
        are = "isn't one" if len(unknown) == 1 else "aren't"
        those = f"{listing(map(repr, unknown))} {are} of the {len(known):,} {what}: {listing(known)}"
        raise KeyError(those + meant(unknown[0], known))


def check_columns(table: "pd.DataFrame", *names: str, what: str = "the table", fix: str = "") -> None:
    """Raise KeyError unless a table has all the named columns; `what` says which table it is."""
    if missing := [name for name in names if name not in table]:
        column = "column" if len(missing) == 1 else "columns"
        has = f"{what} has no {column} {listing(map(repr, missing))}; it has {listing(table.columns)}"
        raise KeyError((f"{has}: {fix}" if fix else has) + meant(missing[0], table.columns))


Place = Literal["obs", "var", "obsm", "varm", "obsp", "layers", "uns"]


def check_key(adata: "AnnData", place: Place, name: str, *, fix: str = "") -> None:
    """Raise KeyError unless there is ``adata.<place>[name]``."""
    keys = list(getattr(adata, place).keys())
    if name not in keys:
        has = f"'{place}/{name}' is not in this AnnData; {place} has {keys}"
        raise KeyError((f"{has}: {fix}" if fix else has) + meant(name, keys))


def meant(name: object, known: Iterable[object]) -> str:
    """Return the end of a message about a name that isn't known: ``". Did you mean 'CD3D' or 'CD3E'?"``, or nothing."""
    texts = {text.casefold(): text for text in map(str, known)}
    near = [repr(texts[each]) for each in difflib.get_close_matches(str(name).casefold(), texts)]
    return f". Did you mean {' or '.join(near)}?" if near else ""


def meant_file(path: Path) -> str:
    """Return what `meant` says of a file that isn't there: the files beside it are those known."""
    return meant(path.name, (each.name for each in path.parent.iterdir())) if path.parent.is_dir() else ""


def listing(names: Iterable[object]) -> str:
    """Name things in a message: all of them, or the first five of more than twenty."""
    texts = list(map(str, names))
    return ", ".join([*texts[:5], "..."] if len(texts) > _MOST_LISTED else texts)
