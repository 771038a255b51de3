"""Plates: a table of wells, signals as percent of their controls, and how well the two controls can be told apart."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

# Row letters up to those of a plate of 1,536 wells (A to AF), then the column.
_WELL: Final = re.compile(r"\s*([A-Za-z]{1,2})\s*0*([1-9]\d?)\s*")
_COLUMNS: Final = ("well", "compound", "concentration", "signal")
_MOST_ROWS: Final = 32


def read_plate(path: str | Path, *, negative: str, positive: str) -> "pd.DataFrame":
    """Read a plate, or several, from a ``.csv`` or ``.tsv`` file; see `plate`."""
    import pandas as pd

    separator = "\t" if Path(path).suffixes[:1] in ([".tsv"], [".txt"]) else ","
    return plate(pd.read_csv(path, sep=separator, encoding="utf-8-sig"), negative=negative, positive=positive)


def plate(table: "pd.DataFrame", *, negative: str, positive: str) -> "pd.DataFrame":
    """Check a table of wells and say what each is.

    Parameters
    ----------
    table
        Columns ``well`` (``A1``, ``A01`` ... ``AF48``), ``compound``, ``concentration`` (any one unit; it may be
        missing in controls) and ``signal``; ``plate`` where there are several plates. Other columns are kept.
    negative
        The compound of the wells without effect, such as ``"DMSO"``.
    positive
        The compound of the wells with full effect.

    Returns
    -------
    DataFrame
        A copy, with wells written ``A01`` and columns ``plate`` (``"1"`` by default) and ``role``: ``"negative"``,
        ``"positive"``, ``"sample"``, or ``"empty"`` where there is no compound.

    Raises
    ------
    KeyError
        A column is missing.
    ValueError
        A well has no such name, or occurs twice on a plate; a concentration or signal isn't as it must be; a plate has
        no wells of a control.
    """
    import numpy as np
    import pandas as pd

    missing = [name for name in _COLUMNS if name not in table]
    if missing:
        raise KeyError(f"a plate has the columns {', '.join(_COLUMNS)}; {', '.join(missing)} isn't in {list(table)}")
    made = table.reset_index(drop=True).copy()
    made["plate"] = made["plate"].astype(str) if "plate" in made else "1"
    made["well"] = [_well(name) for name in made["well"].astype(str)]
    made["compound"] = made["compound"].astype("string").fillna("").str.strip().astype(object)
    made["role"] = np.select(
        [made["compound"] == negative, made["compound"] == positive, made["compound"] == ""],
        ["negative", "positive", "empty"],
        "sample",
    )
    made["concentration"] = pd.to_numeric(made["concentration"], errors="coerce")
    made["signal"] = pd.to_numeric(made["signal"], errors="coerce")
    _check(made, negative, positive)
    return made


def normalise(plates: "pd.DataFrame") -> "pd.DataFrame":
    """Add ``effect``: signals in percent, 0 at the median of a plate's negative controls, 100 at that of its positive.

    It doesn't matter whether the signal rises or falls with the effect.

    Raises
    ------
    ValueError
        The two controls of a plate have the same median.
    """
    made = plates.copy()
    zero, full = (_median_of(plates, role) for role in ("negative", "positive"))
    if (zero == full).any():
        alike = ", ".join(zero.index[zero == full])
        raise ValueError(f"the controls of a plate must differ; on plate {alike} their medians are equal")
    at_zero, at_full = plates["plate"].map(zero), plates["plate"].map(full)
    made["effect"] = 100 * (plates["signal"] - at_zero) / (at_full - at_zero)
    return made


def z_prime(plates: "pd.DataFrame", *, robust: bool = False) -> "pd.DataFrame":
    """Return the Z' factor of each plate (Zhang, Chung and Oldenburg 1999): the room between its two controls.

    ``1 - 3 (s_p + s_n) / |m_p - m_n|`` for means m and standard deviations s. From 0.5 up a plate is called excellent;
    at 0 and below a single well can't be told to have worked.

    Parameters
    ----------
    plates
        As `plate` returns them.
    robust
        Take medians and 1.4826 times the median absolute deviation, which one failed well doesn't move.

    Returns
    -------
    DataFrame
        By plate: ``z_prime``, ``signal_to_background`` (the larger centre over the smaller), the centre and spread of
        each control, and how many wells it has. ``z_prime`` is missing where a control has one well.
    """
    import pandas as pd

    rows = {}
    for name, wells in plates.groupby("plate", sort=False):
        controls = {role: wells.loc[wells["role"] == role, "signal"].dropna() for role in ("negative", "positive")}
        told = {role: _centre_and_spread(values, robust) for role, values in controls.items()}
        (zero, zero_spread), (full, full_spread) = told["negative"], told["positive"]
        low, high = sorted((zero, full))
        rows[name] = {
            "z_prime": 1 - 3 * (zero_spread + full_spread) / (high - low) if high > low else float("-inf"),
            "signal_to_background": high / low if low > 0 else float("nan"),
            "negative": zero,
            "negative_spread": zero_spread,
            "positive": full,
            "positive_spread": full_spread,
            "n_negative": len(controls["negative"]),
            "n_positive": len(controls["positive"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("plate")


def _well(name: str) -> str:
    found = _WELL.fullmatch(name)
    letters = found[1].upper() if found else ""
    row = sum((ord(letter) - 64) * 26**place for place, letter in enumerate(reversed(letters)))
    if found is None or row > _MOST_ROWS or int(found[2]) > 48:
        raise ValueError(f"a well is named by its row and column, A01 to AF48, got {name!r}")
    return f"{letters}{int(found[2]):02d}"


def _check(made: "pd.DataFrame", negative: str, positive: str) -> None:
    import numpy as np

    twice = made.duplicated(["plate", "well"])
    if twice.any():
        first = made[twice].iloc[0]
        raise ValueError(f"a well occurs once on a plate; {first['well']} of plate {first['plate']} occurs again")
    sample = made["role"] == "sample"
    wrong = sample & ~(np.isfinite(made["concentration"]) & (made["concentration"] > 0))
    if wrong.any():
        first = made[wrong].iloc[0]
        raise ValueError(
            f"a sample's concentration is a finite number above 0; that of {first['compound']} in well {first['well']} "
            f"isn't ({first['concentration']}), and {wrong.sum() - 1:,} more such"
        )
    infinite = np.isinf(made["signal"])
    if infinite.any():
        first = made.loc[infinite, "well"].iloc[0]
        raise ValueError(f"a signal is a finite number or missing; that of well {first} is infinite")
    for role, compound in (("negative", negative), ("positive", positive)):
        has = set(made.loc[(made["role"] == role) & made["signal"].notna(), "plate"])
        if lacking := sorted(set(made["plate"]) - has):
            raise ValueError(f"every plate needs {role} controls; plate {lacking[0]} has no signal of {compound!r}")


def _median_of(plates: "pd.DataFrame", role: str) -> "pd.Series[Any]":
    return plates[plates["role"] == role].groupby("plate")["signal"].median()


def _centre_and_spread(values: "pd.Series[Any]", robust: bool) -> tuple[float, float]:
    if not robust:
        return float(values.mean()), float(values.std())
    centre = float(values.median())
    return centre, 1.4826 * float((values - centre).abs().median()) if len(values) > 1 else float("nan")
