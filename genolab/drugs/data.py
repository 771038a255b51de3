"""A table of SMILES and measured values -> AnnData, a row a compound in a context."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from genolab.checks import check_columns, listing, warn
from genolab.data.faults import reads
from genolab.data.layout import read_frame
from genolab.drugs.compounds import standardise
from genolab.drugs.pairs import compound_table, pairs_adata
from genolab.drugs.screen.values import read_values

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

# How many of a unit make one molar, as powers of ten; written with u for micro, in small letters.
_MOLAR: Final = {"fm": 15, "pm": 12, "nm": 9, "um": 6, "mm": 3, "m": 0}
_MOLAR_NAMES: Final = ("pM", "nM", "uM", "mM", "M")
_LOGARITHMIC: Final = ("pIC50", "pEC50", "pKi", "pKd", "-log10 M")
_MEASURES: Final = ("IC50", "EC50", "GI50", "AC50", "Ki", "Kd")
_PLAIN_LOGARITHMIC: Final = frozenset(name.lower() for name in _LOGARITHMIC)
_OPPOSITE: Final = {"<": ">", ">": "<", "=": "="}
_FEW_BELOW_ZERO: Final = 0.05  # of the values: more aren't slips, but numbers of another kind

_OBS: Final = frozenset(
    ["compound", "context", "response", "censored", "value", "unit", "copies", "row", "scaffold", "label", "_index"]
)  # the columns that obs has anyway

MAX_DIFFERENCE = 1.0
"""Values of one compound in one context that differ by more than this, in powers of ten, contradict each other."""


@reads("measured responses")
def responses(
    table: "pd.DataFrame | str | Path",
    *,
    smiles: str,
    response: str,
    context: str | None = None,
    unit: str | None = "nM",
    classes: bool = False,
    sequences: Mapping[str, str] | None = None,
) -> "AnnData":
    """Read measured responses of compounds from a table.

    Concentrations (IC50, Ki, Kd, EC50) become their negative decimal logarithm in molar, so that more is more potent.
    The compounds are standardised by `gl.drugs.compounds.standardise`, and those of equal canonical SMILES are one. Of
    several values of a compound in one context the median of their logarithms is kept, unless they differ by more than
    a power of ten (of other numbers, by more than the standard deviation of all): then none is. Exact values go before
    bounds; of bounds alone the tightest is kept, and bounds of both kinds contradict each other. Of several classes the
    one of more than half of the values is kept.

    Parameters
    ----------
    table
        A DataFrame, or the path of a table as text, compressed or not.
    smiles, response, context
        Its columns of SMILES, of values, which are bounds after ``<`` or ``>``, and of targets or cell lines; without
        contexts there is one, ``"target"``.
    unit
        ``"pM"``, ``"nM"``, ``"uM"``, ``"mM"``, ``"M"``, or ``"pIC50"``, ``"pEC50"``, ``"pKi"``, ``"pKd"`` for values
        that are logarithms already; or a column of such units, where they are mixed. ``None`` for numbers that stay as
        they are: solubilities, energies, scores.
    classes
        Whether the values are classes, such as 0 and 1, or names.
    sequences
        Context to protein sequence, for models that encode it.

    Returns
    -------
    AnnData
        In the form of ``fetch("davis")``; ``obs["row"]`` is the row of the table, from 0; ``obs["copies"]`` counts the
        values of a row, of which ``row``, ``value`` and ``unit`` are the first; ``obs["censored"]`` is ``"="``, ``"<"``
        or ``">"`` (an IC50 over a bound is a response under one); ``obs["label"]`` is the class, and ``response`` its
        number. The table's other columns follow; where copies differ in one, it is missing. ``uns["left_out"]`` lists
        the rows of the table that were left out, each with its reason; a warning counts them.

    Examples
    --------
    >>> mine = gl.drugs.responses("screen.csv", smiles="SMILES", response="IC50", context="kinase", unit="uM")
    """
    import pandas as pd

    table = table if isinstance(table, pd.DataFrame) else read_frame(table)
    rows = _rows(table, smiles, response, context)
    measured, classes = _measured(table, response, unit, classes)
    rows = rows.join(measured)
    readable, left_out = _readable(rows)
    kept, left_out = _merged(readable, left_out, classes, None if unit is None else MAX_DIFFERENCE)
    if kept.empty:
        raise ValueError(f"no row is left of {len(rows):,}: {_first_reasons(left_out)}")
    if kept["response"].nunique() < 2 and len(kept) > 1:
        raise ValueError(
            f"responses must differ, for a model to learn from them; all {len(kept):,} are "
            f"{kept['response'].iloc[0]:g}: is {response!r} the right column?"
        )
    _warn(left_out, len(rows))
    used = {smiles, response, context, unit if _is_column(unit, table) else None}
    others = table.drop(columns=[name for name in table.columns if name in used])
    adata = _adata(kept, _other_columns(others, kept, readable), sequences, _measure(kept, response, unit, classes))
    adata.uns["left_out"] = left_out
    return adata


def _rows(table: "pd.DataFrame", smiles: str, response: str, context: str | None) -> "pd.DataFrame":
    """Return SMILES and contexts under our names; ``row`` counts from 0."""
    import pandas as pd

    check_columns(table, smiles, response, *([] if context is None else [context]))
    rows = pd.DataFrame({"row": range(len(table)), "smiles": table[smiles].to_numpy(dtype=object)})
    rows["context"] = "target" if context is None else table[context].astype("string").to_numpy(dtype=object)
    return rows


def _measured(
    table: "pd.DataFrame", response: str, unit: str | None, classes: bool
) -> "tuple[pd.DataFrame, bool]":  # fmt: skip
    """Return value, unit, response, censored and problem of each row, and whether these are classes."""
    import pandas as pd

    if classes:
        return _labels(table[response]), True
    values = read_values(table[response])
    units = table[unit] if _is_column(unit, table) else pd.Series([unit or ""] * len(table))
    power, logarithmic = _powers(units.astype("string").fillna("").str.strip(), unit, table)
    if set(values.number[np.isfinite(values.number)]) == {0.0, 1.0} and (values.sign == "=").all():
        if not logarithmic.all():
            raise ValueError(f"{response!r} holds only 0 and 1, which are no concentrations: pass classes=True")
        warn(f"{response!r} holds only 0 and 1, and was read as classes")
        return _labels(table[response]), True
    problem = pd.Series(values.reason)
    problem[(problem == "") & power.isna() & ~logarithmic] = "no unit that is known"
    concentration = (problem == "") & ~logarithmic
    below = concentration & (values.number <= 0)
    if (negative := int((values.number[concentration] < 0).sum())) > max(1, _FEW_BELOW_ZERO * concentration.sum()):
        raise ValueError(
            f"a concentration is a number above 0, and {negative:,} of {concentration.sum():,} in {response!r} are "
            "below: pass unit=None for other numbers, or the name of the logarithm, such as unit='pIC50'"
        )
    problem[below] = [f"a concentration is above 0, got {value:g}" for value in values.number[below]]
    value = pd.Series(values.number)
    moles = power - np.log10(value.where(concentration & ~below, 1.0))
    sign = pd.Series(values.sign)
    measured = pd.DataFrame({"value": value, "unit": units.to_numpy(dtype=object), "problem": problem})
    measured["response"] = value.where(logarithmic, moles).astype(float)
    measured["censored"] = sign.where(logarithmic, sign.map(_OPPOSITE))
    return measured, False


def _powers(
    units: "pd.Series[Any]", unit: str | None, table: "pd.DataFrame"
) -> "tuple[pd.Series[Any], pd.Series[Any]]":  # fmt: skip
    """Return the power of ten of each row's unit, missing where it is none, and which rows stay as they are."""
    plain = units.map(_plain)
    power = plain.map(_MOLAR).astype(float)
    logarithmic = plain.isin(_PLAIN_LOGARITHMIC) | (unit is None)
    unknown = sorted(set(units[power.isna() & ~logarithmic]) - {""})
    if unknown and (not _is_column(unit, table) or not (power.notna() | logarithmic).any()):
        known = ", ".join([*_MOLAR_NAMES, *_LOGARITHMIC])
        raise ValueError(
            f"a unit is one of {known}, or None for numbers as they are, got {listing(map(repr, unknown))}"
        )
    return power.reset_index(drop=True), logarithmic.reset_index(drop=True)


def _plain(unit: str) -> str:
    """Return a unit in small letters, with u for both signs of micro, and m for molar."""
    text = str(unit).strip().lower().replace("\u00b5", "u").replace("\u03bc", "u")
    return re.sub(r"mol(ar|/l|.l-1)$", "m", text)


def _is_column(unit: str | None, table: "pd.DataFrame") -> bool:
    """Return whether a column holds the units; a column that is called nM is one of values."""
    return unit is not None and unit in table and _plain(unit) not in {*_MOLAR, *_PLAIN_LOGARITHMIC}


def _labels(given: "pd.Series[Any]") -> "pd.DataFrame":
    """Return the classes: numbers as they are, and names by their numbers in alphabetical order."""
    import pandas as pd

    missing = given.isna().to_numpy() | (given.astype("string").fillna("").str.strip() == "").to_numpy()
    numbers = pd.to_numeric(given, errors="coerce").astype(float).to_numpy()
    if np.isfinite(numbers[~missing]).all():
        labels, response = pd.Series([f"{number:g}" for number in numbers]), numbers
    else:
        labels = given.astype("string").fillna("").str.strip().reset_index(drop=True)
        names = sorted(set(labels[~missing]))
        response = labels.map({name: float(at) for at, name in enumerate(names)}).to_numpy(float)
    return pd.DataFrame(
        {
            "value": response,
            "unit": "",
            "problem": np.where(missing, "no value", ""),
            "response": response,
            "censored": "=",
            "label": labels.to_numpy(dtype=object),
        }
    )


def _readable(rows: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Return the rows that have all that is needed, with canonical SMILES, and the others with reasons."""
    reason = rows["problem"].copy()
    for name, what in (("context", "no context"), ("smiles", "no SMILES")):
        reason[rows[name].isna() & (reason == "")] = what
    standard = standardise(rows.loc[reason == "", "smiles"].astype(str)).set_axis(rows.index[reason == ""])
    reason.update(standard["reason"][standard["reason"] != ""])
    good = rows[reason == ""].copy()
    good["canonical"] = standard["canonical"]
    return good, _left_out(rows[reason != ""], reason[reason != ""])


def _merged(
    rows: "pd.DataFrame", left_out: "pd.DataFrame", classes: bool, most: float | None
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Make one row of each compound in a context, or none where its values contradict each other."""
    import pandas as pd

    rows = rows.assign(copies=rows.groupby(["canonical", "context"])["row"].transform("size"))
    single = rows["copies"] == 1
    kept, refused = [rows[single]], [left_out]
    deviation = float(rows["response"].std())
    for _, copies in rows[~single].groupby(["canonical", "context"], sort=False):
        one, reason = _majority(copies) if classes else _median(copies, most, deviation)
        if reason:
            refused.append(_left_out(copies, pd.Series(reason, index=copies.index)))
        else:
            kept.append(one)
    return pd.concat(kept).sort_values("row"), pd.concat(refused).sort_values("row", ignore_index=True)


def _median(copies: "pd.DataFrame", most: float | None, deviation: float) -> "tuple[pd.DataFrame, str]":
    exact = copies[copies["censored"] == "="]
    used = copies if exact.empty else exact
    difference = used["response"].max() - used["response"].min()
    if len(set(used["censored"])) > 1 or (not exact.empty and difference > (deviation if most is None else most)):
        how_far = f"{difference:.1f} powers of ten" if most is not None else f"{difference:.3g}"
        return used, f"its {len(copies)} values contradict each other: they are {how_far} apart"
    sign = used["censored"].iloc[0]
    best = {"<": used["response"].min(), ">": used["response"].max(), "=": used["response"].median()}[sign]
    return used.iloc[:1].assign(response=best), ""


def _majority(copies: "pd.DataFrame") -> "tuple[pd.DataFrame, str]":
    counts = copies["label"].value_counts()
    if counts.iloc[0] * 2 <= len(copies):
        listed = " and ".join(f"{label} ({count})" for label, count in sorted(counts.items()))
        return copies, f"none of its classes has more than half of its {len(copies)} values: {listed}"
    return copies[copies["label"] == counts.index[0]].iloc[:1], ""


def _left_out(rows: "pd.DataFrame", reason: "pd.Series[Any]") -> "pd.DataFrame":
    import pandas as pd

    smiles, context = (rows[name].fillna("").astype(str).to_numpy(dtype=object) for name in ("smiles", "context"))
    return pd.DataFrame(
        {"row": rows["row"].to_numpy(), "smiles": smiles, "context": context, "reason": reason.to_numpy(dtype=object)}
    )


def _other_columns(table: "pd.DataFrame", kept: "pd.DataFrame", readable: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table's other columns for the rows kept; missing where the copies of a row differ."""
    import pandas as pd

    columns = table.iloc[kept["row"]].reset_index(drop=True)
    copied = readable[readable.duplicated(["canonical", "context"], keep=False)]
    group = pd.MultiIndex.from_frame(copied[["canonical", "context"]])
    values = table.iloc[copied["row"]].astype("string").groupby(group)
    differ = values.nunique(dropna=False).gt(1)
    at = differ.index.get_indexer(pd.MultiIndex.from_frame(kept[["canonical", "context"]]))
    told = []
    for name in columns:
        missing = (at >= 0) & differ[name].to_numpy()[at] if len(differ) else np.zeros(len(kept), bool)
        if missing.any():
            told.append(f"{name!r} ({missing.sum():,})")
        columns[name] = _writable(columns[name], missing)
    if told:
        warn(f"where the copies of a row differ in a column it is missing there: {listing(told)}")
    taken = {str(name) for name in columns} | _OBS
    return columns.rename(columns={name: _free(str(name), taken) for name in columns})


def _free(name: str, taken: set[str]) -> str:
    """Return a name that stands beside our own columns, and that an .h5ad file can have."""
    plain = name.replace("/", "_per_") if "/" in name else name
    while plain in _OBS or (plain != name and plain in taken):
        plain += "_given"
    taken.add(plain)
    return plain


def _writable(column: "pd.Series[Any]", missing: "NDArray[np.bool_]") -> "pd.Series[Any]":
    """Return a column with some values missing, of one type."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "empty":
        return column.astype(float)
    if not (pd.api.types.is_numeric_dtype(column) or isinstance(column.dtype, pd.CategoricalDtype)):
        column = column.map(str, na_action="ignore").astype(object)
    if missing.any() and column.dtype.kind in "bui":
        column = column.astype("boolean" if column.dtype.kind == "b" else "Int64")
    return column.mask(missing)


def _measure(rows: "pd.DataFrame", response: str, unit: str | None, classes: bool) -> dict[str, str]:
    """Return what the responses are called, and their unit."""
    if classes or unit is None:
        return {"name": response, "unit": ""}
    units = set(rows["unit"])
    if len(units) == 1 and units <= set(_LOGARITHMIC):
        return {"name": units.pop(), "unit": "-log10 M"}
    called = (name for name in _MEASURES if re.search(rf"(?<![a-z]){name}(?![a-z])", response, re.IGNORECASE))
    return {"name": f"p{next(called, 'IC50')}", "unit": "-log10 M"}


def _adata(
    rows: "pd.DataFrame",
    others: "pd.DataFrame",
    sequences: Mapping[str, str] | None,
    measure: Mapping[str, str],
) -> "AnnData":
    import pandas as pd

    number, canonical = pd.factorize(rows["canonical"])
    given = rows.groupby(number)["smiles"].first()
    width = len(str(len(canonical)))
    compounds = compound_table([f"compound_{at:0{width}d}" for at in range(1, len(canonical) + 1)], list(given))
    names = sorted(rows["context"].unique())
    contexts = pd.DataFrame(index=pd.Index(names, name="context"))
    if sequences is not None:
        contexts["sequence"] = _sequences(names, sequences)
    obs = rows[["context", "response", "censored", "value", "copies", "row"]].copy()
    obs["compound"] = compounds.index[number]
    obs["unit"] = pd.Categorical(rows["unit"])
    obs["scaffold"] = pd.Categorical(compounds["scaffold"].iloc[number])
    if "label" in rows:
        obs["label"] = pd.Categorical(rows["label"], categories=rows.sort_values("response")["label"].unique())
    return pairs_adata(obs.reset_index(drop=True).join(others), compounds, contexts, measure=measure)


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
