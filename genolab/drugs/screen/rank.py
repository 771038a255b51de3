"""A library of compounds, ranked by a model for one target or cell line: score, uncertainty, and how novel it is."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from genolab.checks import check_columns, check_known, check_one_of
from genolab.drugs.compounds import diverse, fingerprints, nearest, properties, standardise
from genolab.drugs.compounds.molecules import molecule_of
from genolab.drugs.pairs import number_in

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_POOL: Final = 10  # times as many compounds as are picked are picked from: beyond, diversity would cost potency

Featurise = Callable[[Sequence[str]], Any]


def rank(
    model: Any,
    library: "pd.DataFrame | Iterable[str]",
    context: int | str,
    *,
    train: "AnnData",
    features: Featurise = fingerprints,
    best: Literal["high", "low"] = "high",
    describe: int = 1000,
    picks: int = 20,
) -> "pd.DataFrame":
    """Rank the compounds of a library by their predicted response in one context.

    Parameters
    ----------
    model
        Has ``score(features, number of the context)``, which returns means and standard deviations, ``(n,)`` each, such
        as a `genolab.drugs.ResponseModel`, of two classes by the probability of the second.
    library
        SMILES, or a DataFrame with a column ``smiles``; its other columns are kept.
    context
        The target or cell line: a name in ``train.uns["contexts"]``, or its row there.
    train
        What the model learned from, in the form of ``fetch("davis")``.
    features
        Makes the features that the model was given, ``(n, f)``, of canonical SMILES.
    best
        Which responses come first: ``"high"`` (pKd, pIC50), or ``"low"`` (ln IC50).
    describe
        How many of the best are compared with the training compounds and described.
    picks
        How many diverse ones to pick for a shortlist, out of the best ten times as many; the best is always among them.

    Returns
    -------
    DataFrame
        A row a compound, the best first: ``smiles``, ``canonical``, ``score``, ``uncertainty`` (a standard deviation);
        of the best ``describe``: ``nearest``, the most similar training compound, and its Tanimoto ``similarity``
        (below about 0.3 the model has seen nothing similar); the columns of `genolab.drugs.compounds.properties`;
        ``pick``, 1, 2 ... in the order of picking by MaxMin, else 0. Last come those that RDKit refuses, with
        ``reason``. ``attrs["n_described"]`` is how many are described.
    """
    import pandas as pd

    check_one_of("best", best, ("high", "low"))
    table = _standardised(library)
    valid = table[table["reason"] == ""]
    if valid.empty:
        raise ValueError(f"a library needs a SMILES that can be read; of {len(table):,} there is none")
    number = number_in(model, train, _context_number(context, train), side="contexts")
    score, spread = _score(model, features(valid["canonical"].tolist()), number)
    ranked = valid.assign(score=score, uncertainty=spread)
    ranked = ranked.sort_values("score", ascending=best == "low", kind="stable")
    description = _describe(ranked.head(describe), train, picks)
    whole = pd.concat([ranked.join(description), table[table["reason"] != ""]]).reset_index(drop=True)
    whole["pick"] = whole["pick"].fillna(0).astype(int)
    whole["nearest"] = whole["nearest"].fillna("")
    whole.attrs["n_described"] = len(description)
    return whole


def to_sdf(table: "pd.DataFrame", path: str | Path) -> int:
    """Write compounds into an SD file, with flat coordinates and other columns as properties; return their number.

    `table` is what `rank` returns, or any table with a column ``canonical`` or ``smiles``; rows without a molecule are
    left out. ``name``, where there is such a column, becomes the molecule's title. A file that is there is replaced, in
    one step.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.rdDepictor import Compute2DCoords

    column = "canonical" if "canonical" in table else "smiles"
    rows = table[table[column].fillna("") != ""]
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with rdBase.BlockLogs(), Chem.SDWriter(str(part)) as writer:
        for row in rows.to_dict("records"):
            molecule = molecule_of(row[column])
            Compute2DCoords(molecule)
            molecule.SetProp("_Name", _one_line(row.get("name", "")))
            for name, value in row.items():
                molecule.SetProp(_one_line(name), _one_line(value))
            writer.write(molecule)
    part.replace(target)
    return len(rows)


def _one_line(value: Any) -> str:
    """Return a value as SDF takes it: a line break would end its field."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())


def _standardised(library: "pd.DataFrame | Iterable[str]") -> "pd.DataFrame":
    import pandas as pd

    table = library if isinstance(library, pd.DataFrame) else pd.DataFrame({"smiles": list(library)})
    check_columns(table, "smiles", what="the library")
    standard = standardise(table["smiles"].fillna(""))
    table = table.reset_index(drop=True).drop(columns=["canonical", "reason"], errors="ignore")
    return table.assign(canonical=standard["canonical"], reason=standard["reason"])


def _context_number(context: int | str, train: "AnnData") -> int:
    if not isinstance(context, str):
        return int(context)
    names = train.uns["contexts"].index
    check_known("contexts", [context], names)
    return int(names.get_loc(context))


def _score(model: Any, features: Any, context: int) -> tuple[Any, Any]:
    from genolab.infer.lend import borrowed, to_numpy

    with borrowed(model, "score") as (ask, _):
        score, spread = (to_numpy(values, np.float64).ravel() for values in ask(features, context))
    if not len(score) == len(spread) == len(features) or not np.isfinite(score).all():
        raise ValueError(
            f"a model scores every compound with a finite mean and a spread, got {len(score):,} and {len(spread):,} "
            f"for {len(features):,}"
        )
    return score, spread


def _describe(table: "pd.DataFrame", train: "AnnData", picks: int) -> "pd.DataFrame":
    """Return the properties, the nearest training compounds and the picks of the best, by the same rows."""
    import pandas as pd

    prints = fingerprints(table["canonical"])
    described = properties(table["canonical"]).set_axis(table.index)
    known = train.uns["compounds"].iloc[np.unique(np.asarray(train.obsm["pair"])[:, 0])]
    known = known[known["canonical"] != ""]
    described["nearest"] = pd.Series("", index=table.index, dtype=object)
    described["similarity"] = np.nan
    if len(known):
        near = nearest(prints, fingerprints(known["canonical"]))
        described["nearest"] = known.index.astype(str).to_numpy(dtype=object)[near.rows[:, 0]]
        described["similarity"] = near.similarity[:, 0]
    pool = prints[: _POOL * picks]
    chosen = diverse(pool, min(picks, len(pool)))
    pick = np.zeros(len(table), dtype=np.int64)
    pick[chosen] = np.arange(1, len(chosen) + 1)
    return described.assign(pick=pick)
