"""Plates: a table of wells, signals as percent of their controls, and how well the two controls are separated."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genolab.checks import check_columns, listing, warn
from genolab.data.faults import reads
from genolab.data.layout import read_frame
from genolab.drugs.screen.values import read_values, within_range

if TYPE_CHECKING:
    import pandas as pd

# Row letters up to those of a plate of 1,536 wells (A to AF), then the column.
_WELL: Final = re.compile(r"\s*([A-Z]|A[A-F])\s*0*([1-9]|[1-3]\d|4[0-8])\s*", re.IGNORECASE)

_TOO_MANY_BEYOND: Final = 0.5  # of a plate's controls of one kind: their median would be the reader's range


@reads("a plate")
def read_plate(path: str | Path, *, negative: str, positive: str) -> "pd.DataFrame":
    """Read a plate, or several, from a table as text; see `plate`."""
    return plate(read_frame(path), negative=negative, positive=positive)


def plate(table: "pd.DataFrame", *, negative: str, positive: str) -> "pd.DataFrame":
    """Check a table of wells and name the role of each.

    Columns are ``well`` (``A1``, ``A01`` ... ``AF48``), ``compound``, ``concentration`` (any one unit; it may be
    missing in controls, and 0 is a baseline) and ``signal``; ``plate`` where there are several; others are kept.
    `negative` and `positive` are the compounds of the wells without effect, such as ``"DMSO"``, and with full effect.

    A copy is returned, with wells written ``A01`` and columns ``plate`` (``"1"`` by default), ``role`` and ``range``.
    The role is ``"negative"``, ``"positive"``, ``"sample"``, ``"empty"`` where there is no compound, or ``"unknown"``
    for a sample without a concentration. A signal such as ``OVRFLW`` or ``>4.0`` is ``"above range"`` (``"below
    range"``), and is kept as its bound, or else as the highest (lowest) signal of all. A warning counts these wells and
    those that have no signal.
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
        infinite = np.isinf(pd.to_numeric(wells[name], errors="coerce").astype(float))
        values = read_values(wells[name])
        wells[name], beyond = within_range(values)
        wells.loc[infinite, name] = np.inf
    wells["range"] = beyond
    _check(wells, negative, positive)
    wells.loc[(wells["role"] == "sample") & wells["concentration"].isna(), "role"] = "unknown"
    _tell(wells)
    return wells


def _tell(wells: "pd.DataFrame") -> None:
    """Warn of wells that can't be read in full."""
    kept = "the reader's range, and kept as a bound (see the column 'range')"
    rows = {
        f"above {kept}": wells["range"] == "above range",
        f"below {kept}": wells["range"] == "below range",
        "without a signal": wells["signal"].isna() & (wells["role"] != "empty"),
        "without a concentration, which belong to no curve": wells["role"] == "unknown",
    }
    told = [
        f"{chosen.sum():,} {what}: {listing(wells['well'][chosen])}" for what, chosen in rows.items() if chosen.any()
    ]
    if told:
        warn(f"of {len(wells):,} wells there are {'; '.join(told)}")


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

    By plate: ``z_prime``, missing where a control has one well, or one beyond the reader's range unless `robust`;
    ``signal_to_background`` (the larger mean over the smaller); the mean and the standard deviation (``_spread``) of
    each control, and how many wells it has.
    """
    import pandas as pd

    rows = {}
    marked = plates["role"].isin(["negative", "positive"]) & (plates.get("range", "") != "")
    beyond = marked.groupby(plates["plate"]).any()
    for name, wells in plates.groupby("plate", sort=False):
        controls = {role: wells.loc[wells["role"] == role, "signal"].dropna() for role in ("negative", "positive")}
        (zero, zero_std), (full, full_std) = (_mean_and_std(signals, robust) for signals in controls.values())
        low, high = sorted((zero, full))
        rows[name] = {
            "z_prime": _z_prime(low, high, zero_std + full_std) if robust or not beyond[name] else float("nan"),
            "signal_to_background": high / low if low > 0 else float("nan"),
            "negative": zero,
            "negative_spread": zero_std,
            "positive": full,
            "positive_spread": full_std,
            "n_negative": len(controls["negative"]),
            "n_positive": len(controls["positive"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("plate")


def _z_prime(low: float, high: float, std: float) -> float:
    return 1 - 3 * std / (high - low) if high > low else float("-inf")


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
    concentration, sample = wells["concentration"], wells["role"] == "sample"
    wrong = sample & (np.isinf(concentration) | (concentration < 0))
    wrong = sample if sample.any() and concentration[sample].isna().all() else wrong
    if wrong.any():
        first = wells[wrong].iloc[0]
        raise ValueError(
            f"a sample's concentration is a finite number above 0; that of {first['compound']} in well {first['well']} "
            f"isn't ({first['concentration']}), and {wrong.sum() - 1:,} more such; 0 is a baseline"
        )
    infinite = np.isinf(wells["signal"])
    if infinite.any():
        first = wells.loc[infinite, "well"].iloc[0]
        raise ValueError(f"a signal is a finite number or missing; that of well {first} is infinite")
    for role, compound in (("negative", negative), ("positive", positive)):
        has = set(wells.loc[(wells["role"] == role) & wells["signal"].notna(), "plate"])
        if lacking := sorted(set(wells["plate"]) - has):
            raise ValueError(f"every plate needs {role} controls; plate {lacking[0]} has no signal of {compound!r}")
        beyond = (wells["range"] != "")[wells["role"] == role].groupby(wells["plate"]).mean()
        if (beyond >= _TOO_MANY_BEYOND).any():
            raise ValueError(
                f"controls must lie in the reader's range, and of the {role} ones of plate "
                f"{beyond.index[beyond >= _TOO_MANY_BEYOND][0]} half or more don't: read the plate again with less gain"
            )


def _mean_and_std(values: "pd.Series[Any]", robust: bool) -> tuple[float, float]:
    if not robust:
        return float(values.mean()), float(values.std())
    median = float(values.median())
    return median, 1.4826 * float((values - median).abs().median()) if len(values) > 1 else float("nan")
