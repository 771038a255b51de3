"""Plates: a table of wells, signals as percent of their controls, and how well the two controls are separated."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genolab.checks import check_columns
from genolab.data.faults import reads
from genolab.data.layout import read_frame

if TYPE_CHECKING:
    import pandas as pd

# Row letters up to those of a plate of 1,536 wells (A to AF), then the column.
_WELL: Final = re.compile(r"\s*([A-Z]|A[A-F])\s*0*([1-9]|[1-3]\d|4[0-8])\s*", re.IGNORECASE)


@reads("a plate")
def read_plate(path: str | Path, *, negative: str, positive: str) -> "pd.DataFrame":
    """Read a plate, or several, from a table as text; see `plate`."""
    return plate(read_frame(path), negative=negative, positive=positive)


def plate(table: "pd.DataFrame", *, negative: str, positive: str) -> "pd.DataFrame":
    """Check a table of wells and name the role of each.

    Columns are ``well`` (``A1``, ``A01`` ... ``AF48``), ``compound``, ``concentration`` (any one unit; it may be
    missing in controls) and ``signal``; ``plate`` where there are several; others are kept. `negative` and `positive`
    are the compounds of the wells without effect, such as ``"DMSO"``, and with full effect.

    A copy is returned, with wells written ``A01`` and columns ``plate`` (``"1"`` by default) and ``role``:
    ``"negative"``, ``"positive"``, ``"sample"``, or ``"empty"`` where there is no compound.
    """
    import numpy as np
    import pandas as pd

    check_columns(table, "well", "compound", "concentration", "signal", what="the plate")
    wells = table.reset_index(drop=True).copy()
    wells["plate"] = wells["plate"].astype(str) if "plate" in wells else "1"
    wells["well"] = [_well(name) for name in wells["well"].astype(str)]
    compound = wells["compound"] = wells["compound"].astype("string").fillna("").str.strip().astype(object)
    roles = {"negative": compound == negative, "positive": compound == positive, "empty": compound == ""}
    wells["role"] = np.select([*roles.values()], [*roles], "sample")
    for name in ("concentration", "signal"):
        wells[name] = pd.to_numeric(wells[name], errors="coerce")
    _check(wells, negative, positive)
    return wells


def normalise(plates: "pd.DataFrame") -> "pd.DataFrame":
    """Add ``effect``: signals in percent, 0 at the median of a plate's negative controls, 100 at that of its positive.

    It doesn't matter whether the signal rises or falls with the effect.
    """
    zero, full = (
        plates[plates["role"] == role].groupby("plate")["signal"].median() for role in ("negative", "positive")
    )
    if (zero == full).any():
        equal = ", ".join(zero.index[zero == full])
        raise ValueError(f"the controls of a plate must differ; on plate {equal} their medians are equal")
    at_zero, at_full = plates["plate"].map(zero), plates["plate"].map(full)
    return plates.assign(effect=100 * (plates["signal"] - at_zero) / (at_full - at_zero))


def z_prime(plates: "pd.DataFrame", *, robust: bool = False) -> "pd.DataFrame":
    """Return the Z' factor of each plate (Zhang, Chung and Oldenburg 1999): the separation of its two controls.

    ``1 - 3 (s_p + s_n) / |m_p - m_n|`` for means m and standard deviations s. From 0.5 up a plate is called excellent;
    at 0 and below a single well shows nothing. With `robust`, medians and 1.4826 times the median
    absolute deviation are taken, which one failed well doesn't move.

    By plate: ``z_prime``, missing where a control has one well; ``signal_to_background`` (the larger mean over the
    smaller); the mean and the standard deviation (``_spread``) of each control, and how many wells it has.
    """
    import pandas as pd

    rows = {}
    for name, wells in plates.groupby("plate", sort=False):
        controls = {role: wells.loc[wells["role"] == role, "signal"].dropna() for role in ("negative", "positive")}
        (zero, zero_std), (full, full_std) = (_mean_and_std(signals, robust) for signals in controls.values())
        low, high = sorted((zero, full))
        rows[name] = {
            "z_prime": 1 - 3 * (zero_std + full_std) / (high - low) if high > low else float("-inf"),
            "signal_to_background": high / low if low > 0 else float("nan"),
            "negative": zero,
            "negative_spread": zero_std,
            "positive": full,
            "positive_spread": full_std,
            "n_negative": len(controls["negative"]),
            "n_positive": len(controls["positive"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("plate")


def _well(name: str) -> str:
    match = _WELL.fullmatch(name)
    if match is None:
        raise ValueError(f"a well is named by its row and column, A01 to AF48, got {name!r}")
    return f"{match[1].upper()}{int(match[2]):02d}"


def _check(wells: "pd.DataFrame", negative: str, positive: str) -> None:
    import numpy as np

    twice = wells.duplicated(["plate", "well"])
    if twice.any():
        first = wells[twice].iloc[0]
        raise ValueError(f"a well occurs once on a plate; {first['well']} of plate {first['plate']} occurs again")
    concentration = wells["concentration"]
    wrong = (wells["role"] == "sample") & ~(np.isfinite(concentration) & (concentration > 0))
    if wrong.any():
        first = wells[wrong].iloc[0]
        raise ValueError(
            f"a sample's concentration is a finite number above 0; that of {first['compound']} in well {first['well']} "
            f"isn't ({first['concentration']}), and {wrong.sum() - 1:,} more such"
        )
    infinite = np.isinf(wells["signal"])
    if infinite.any():
        first = wells.loc[infinite, "well"].iloc[0]
        raise ValueError(f"a signal is a finite number or missing; that of well {first} is infinite")
    for role, compound in (("negative", negative), ("positive", positive)):
        has = set(wells.loc[(wells["role"] == role) & wells["signal"].notna(), "plate"])
        if lacking := sorted(set(wells["plate"]) - has):
            raise ValueError(f"every plate needs {role} controls; plate {lacking[0]} has no signal of {compound!r}")


def _mean_and_std(values: "pd.Series[Any]", robust: bool) -> tuple[float, float]:
    if not robust:
        return float(values.mean()), float(values.std())
    median = float(values.median())
    return median, 1.4826 * float((values - median).abs().median()) if len(values) > 1 else float("nan")
