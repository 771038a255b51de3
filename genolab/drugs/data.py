"""A table of SMILES and measured values -> AnnData, a row a compound in a context."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from genolab.checks import check_columns, warn
from genolab.drugs.compounds import standardise
from genolab.drugs.pairs import compound_table, pairs_adata
from genolab.drugs.screen.plates import read_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData

# How many of a unit make one molar, as powers of ten.
_MOLAR: Final = {"pM": 12, "nM": 9, "uM": 6, "\u00b5M": 6, "\u03bcM": 6, "mM": 3, "M": 0}
_LOGARITHMIC: Final = ("pIC50", "pEC50", "pKi", "pKd", "-log10 M")
_VALUE: Final = re.compile(r"^\s*(?P<sign><=?|>=?|=|~)?\s*(?P<number>\S+)\s*$")
_OPPOSITE: Final = {"<": ">", ">": "<", "=": "="}

MAX_DIFFERENCE = 1.0
"""Values of one compound in one context that differ by more than this, in powers of ten, contradict each other."""


def responses(
    table: "pd.DataFrame | str | Path",
    *,
    smiles: str,
    response: str,
    context: str | None = None,
    unit: str = "nM",
    sequences: Mapping[str, str] | None = None,
) -> "AnnData":
    """Read measured responses of compounds from a table.

    Concentrations (IC50, Ki, Kd, EC50) become their negative decimal logarithm in molar, so that more is more potent.
    The compounds are standardised by `gl.drugs.compounds.standardise`, and those of equal canonical SMILES are one. Of
    several values of a compound in one context the median of their logarithms is kept, unless they differ by more than
    a power of ten: then none is. Exact values go before bounds; of bounds alone the tightest is kept, and bounds of
    both kinds contradict each other.

    Parameters
    ----------
    table
        A DataFrame, or the path of a ``.csv`` or ``.tsv`` file.
    smiles, response, context
        Its columns of SMILES, of values, which are bounds after ``<`` or ``>``, and of targets or cell lines; without
        contexts there is one, ``"target"``.
    unit
        ``"pM"``, ``"nM"``, ``"uM"``, ``"mM"``, ``"M"``, or ``"pIC50"``, ``"pEC50"``, ``"pKi"``, ``"pKd"`` for values
        that are logarithms already; or a column of such units, where they are mixed.
    sequences
        Context to protein sequence, for models that encode it.

    Returns
    -------
    AnnData
        In the form of ``fetch("davis")``; ``obs["copies"]`` counts the values of a row, of which ``value`` and ``unit``
        are the first; ``obs["censored"]`` is ``"="``, ``"<"`` or ``">"`` (an IC50 over a bound is a response under
        one). ``uns["left_out"]`` lists the rows of the table that were left out, each with its reason; a warning counts
        them.

    Examples
    --------
    >>> mine = gl.drugs.responses("screen.csv", smiles="SMILES", response="IC50", context="kinase", unit="uM")
    """
    import pandas as pd

    table = table if isinstance(table, pd.DataFrame) else read_table(table)
    rows = _rows(table, smiles, response, context, unit)
    kept, left_out = _merged(*_readable(rows))
    if kept.empty:
        raise ValueError(f"no row is left of {len(rows):,}: {_first_reasons(left_out)}")
    if kept["response"].nunique() < 2 and len(kept) > 1:
        raise ValueError(
            f"responses must differ, for a model to learn from them; all {len(kept):,} are "
            f"{kept['response'].iloc[0]:g}: is {response!r} the right column?"
        )
    _warn(left_out, len(rows))
    adata = _adata(kept, sequences)
    adata.uns["left_out"] = left_out
    return adata


def _rows(table: "pd.DataFrame", smiles: str, response: str, context: str | None, unit: str) -> "pd.DataFrame":
    """Return the columns under our names: smiles, context, value, unit, sign, response; ``row`` counts from 0."""
    import pandas as pd

    check_columns(table, smiles, response, *([] if context is None else [context]))
    rows = pd.DataFrame({"row": range(len(table)), "smiles": table[smiles].to_numpy(dtype=object)})
    rows["context"] = "target" if context is None else table[context].astype("string").to_numpy(dtype=object)
    rows["unit"] = table[unit].astype("string").to_numpy(dtype=object) if unit in table else unit
    text = table[response].astype("string").fillna("").str.extract(_VALUE)
    rows["value"] = pd.to_numeric(text["number"], errors="coerce").to_numpy()
    rows["sign"] = text["sign"].fillna("=").str[0].replace("~", "=").to_numpy(dtype=object)
    _check_values(rows, table[response])
    return rows


def _check_values(rows: "pd.DataFrame", given: "pd.Series[Any]") -> None:
    """Refuse wrong values and units; rows without any are left out later."""
    import numpy as np

    present = given.notna().to_numpy() & (given.astype("string").fillna("").str.strip() != "").to_numpy()
    units = set(rows.loc[present, "unit"].fillna("missing"))
    if unknown := sorted(units - {*_MOLAR, *_LOGARITHMIC}):
        raise ValueError(f"a unit is one of {', '.join([*_MOLAR, *_LOGARITHMIC])}, got {', '.join(map(repr, unknown))}")
    concentration = rows["unit"].isin(_MOLAR).to_numpy()
    value = rows["value"].to_numpy()
    wrong = present & (~np.isfinite(value) | (concentration & ~(value > 0)))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"a concentration is a finite number above 0, and its logarithm a finite number; got {given.iloc[at]!r} "
            f"({rows['unit'][at]}) in row {at}, and {wrong.sum() - 1:,} more such: correct or leave out these rows"
        )


def _readable(rows: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Return the rows that have all that is needed, with canonical SMILES and response, and the others with reasons."""
    import numpy as np
    import pandas as pd

    reason = pd.Series("", index=rows.index, dtype=object)
    for name, what in (("value", "no value"), ("context", "no context"), ("smiles", "no SMILES")):
        reason[rows[name].isna()] = what
    standard = standardise(rows.loc[reason == "", "smiles"].astype(str)).set_axis(rows.index[reason == ""])
    reason.update(standard["reason"][standard["reason"] != ""])
    good = rows[reason == ""].copy()
    good["canonical"] = standard["canonical"]
    power = good["unit"].map(_MOLAR)
    logarithmic = power.isna()
    value = good["value"].where(~logarithmic, 1.0)
    good["response"] = (power - np.log10(value)).where(~logarithmic, good["value"]).astype(float)
    good["censored"] = good["sign"].where(logarithmic, good["sign"].map(_OPPOSITE))
    return good, _left_out(rows[reason != ""], reason[reason != ""])


def _merged(rows: "pd.DataFrame", left_out: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Make one row of each compound in a context, or none where its values contradict each other."""
    import pandas as pd

    rows = rows.assign(copies=rows.groupby(["canonical", "context"])["row"].transform("size"))
    single = rows["copies"] == 1
    kept, refused = [rows[single]], [left_out]
    for _, copies in rows[~single].groupby(["canonical", "context"], sort=False):
        exact = copies[copies["censored"] == "="]
        used = copies if exact.empty else exact
        difference = used["response"].max() - used["response"].min()
        if len(set(used["censored"])) > 1 or (not exact.empty and difference > MAX_DIFFERENCE):
            reason = f"its {len(copies)} values contradict each other: they are {difference:.1f} powers of ten apart"
            refused.append(_left_out(copies, pd.Series(reason, index=copies.index)))
            continue
        sign = used["censored"].iloc[0]
        best = {"<": used["response"].min(), ">": used["response"].max(), "=": used["response"].median()}[sign]
        kept.append(used.iloc[:1].assign(response=best))
    return pd.concat(kept).sort_values("row"), pd.concat(refused).sort_values("row", ignore_index=True)


def _left_out(rows: "pd.DataFrame", reason: "pd.Series[Any]") -> "pd.DataFrame":
    import pandas as pd

    smiles, context = (rows[name].fillna("").astype(str).to_numpy(dtype=object) for name in ("smiles", "context"))
    return pd.DataFrame(
        {"row": rows["row"].to_numpy(), "smiles": smiles, "context": context, "reason": reason.to_numpy(dtype=object)}
    )


def _adata(rows: "pd.DataFrame", sequences: Mapping[str, str] | None) -> "AnnData":
    import pandas as pd

    number, canonical = pd.factorize(rows["canonical"])
    given = rows.groupby(number)["smiles"].first()
    width = len(str(len(canonical)))
    compounds = compound_table([f"compound_{at:0{width}d}" for at in range(1, len(canonical) + 1)], list(given))
    names = sorted(rows["context"].unique())
    contexts = pd.DataFrame(index=pd.Index(names, name="context"))
    if sequences is not None:
        contexts["sequence"] = _sequences(names, sequences)
    obs = rows[["context", "response", "censored", "value", "copies"]].copy()
    obs["compound"] = compounds.index[number]
    obs["unit"] = pd.Categorical(rows["unit"])
    obs["scaffold"] = pd.Categorical(compounds["scaffold"].iloc[number])
    units = set(rows["unit"])
    name = units.pop() if len(units) == 1 and units <= set(_LOGARITHMIC) else "pIC50"
    return pairs_adata(obs.reset_index(drop=True), compounds, contexts, measure={"name": name, "unit": "-log10 M"})


def _sequences(names: list[str], sequences: Mapping[str, str]) -> list[str]:
    lacking = [name for name in names if not str(sequences.get(name, "")).strip()]
    if lacking:
        raise ValueError(
            f"every context needs its sequence, and {len(lacking):,} of {len(names):,} have none: "
            f"{', '.join(lacking[:5])}: add them to sequences, or leave out their rows"
        )
    return [str(sequences[name]).strip().upper() for name in names]


def _warn(left_out: "pd.DataFrame", n: int) -> None:

    if len(left_out):
        warn(f"{len(left_out):,} of {n:,} rows were left out, listed in uns['left_out']: {_first_reasons(left_out)}")


def _first_reasons(left_out: "pd.DataFrame") -> str:
    counted = left_out["reason"].value_counts().head(3)
    return "; ".join(f"{reason} ({count:,})" for reason, count in counted.items())
