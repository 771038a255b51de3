"""A library of compounds, ranked by a model for one target or cell line: score, certainty, and how novel it is."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.drugs.compounds import diverse, fingerprints, nearest, properties
from genolab.drugs.compounds.molecules import molecule_of, standardise

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_POOL: Final = 10  # times as many compounds as are picked are picked from: beyond, diversity would cost strength

Featurise = Callable[[Sequence[str]], Any]


class _Scores(NamedTuple):
    score: NDArray[np.float64]
    spread: NDArray[np.float64]


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
    """Rank the compounds of a library by the response that a model foretells in one context.

    Parameters
    ----------
    model
        Has ``score(features, number of the context)``, which returns means and standard deviations, ``(n,)`` each, such
        as a `genolab.drugs.ResponseModel`, of two classes by the probability of the second. It is left as it is.
    library
        SMILES, or a DataFrame with a column ``smiles``; its other columns are kept.
    context
        The target or cell line: a name in ``train.uns["contexts"]``, or its row there.
    train
        What the model learned from, in the form of ``fetch("davis")``.
    features
        Makes the features that the model was given: from canonical SMILES to ``(n, f)``. By default
        `genolab.drugs.compounds.fingerprints` as they are.
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
        of the best ``describe``: ``nearest``, the training compound that is most like it, and ``similarity`` to it
        by Tanimoto (below about 0.3 the model hasn't seen the like); ``qed`` and all else that
        `genolab.drugs.compounds.properties` gives; ``pick``, 1, 2 ... in the order of picking by MaxMin, 0 where it
        isn't picked. Last come those that RDKit refuses, without a score, with their ``reason``.

    Raises
    ------
    KeyError
        The library has no column ``smiles``, or the context isn't known.
    ValueError
        No compound of the library can be read, or the model returns other than a score for each.
    """
    import pandas as pd

    if best not in {"high", "low"}:
        raise ValueError(f'best is "high" or "low", got {best!r}')
    table = _standard(library)
    read = table[table["reason"] == ""]
    if read.empty:
        raise ValueError(f"a library needs a SMILES that can be read; of {len(table):,} there is none")
    found = _scored(model, features(read["canonical"].tolist()), _number_of(context, train))
    ranked = read.assign(score=found.score, uncertainty=found.spread)
    ranked = ranked.sort_values("score", ascending=best == "low", kind="stable")
    told = _described(ranked.head(describe), train, picks)
    whole = pd.concat([ranked.join(told), table[table["reason"] != ""]]).reset_index(drop=True)
    whole["pick"] = whole["pick"].fillna(0).astype(int)
    whole["nearest"] = whole["nearest"].fillna("")
    return whole


def to_sdf(table: "pd.DataFrame", path: str | Path) -> int:
    """Write compounds into an SDF file, with flat coordinates and their other columns as properties.

    Parameters
    ----------
    table
        What `rank` returns, or any table with a column ``canonical`` or ``smiles``. Rows without a molecule are left
        out. ``name``, where there is such a column, becomes the molecule's title.
    path
        Where to; a file that is there is replaced, in one step.

    Returns
    -------
    int
        How many molecules were written.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.rdDepictor import Compute2DCoords

    column = "canonical" if "canonical" in table else "smiles"
    rows = table[table[column].fillna("") != ""]
    target = Path(path)
    half = target.with_name(f".{target.name}.part")
    with rdBase.BlockLogs(), Chem.SDWriter(str(half)) as writer:
        for row in rows.to_dict("records"):
            molecule = molecule_of(row[column])
            Compute2DCoords(molecule)
            molecule.SetProp("_Name", _one_line(row.get("name", "")))
            for name, value in row.items():
                molecule.SetProp(_one_line(name), _one_line(value))
            writer.write(molecule)
    half.replace(target)
    return len(rows)


def _one_line(value: Any) -> str:
    """Return a value as SDF takes it: a line break would end its field."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())


def _standard(library: "pd.DataFrame | Iterable[str]") -> "pd.DataFrame":
    import pandas as pd

    table = library if isinstance(library, pd.DataFrame) else pd.DataFrame({"smiles": list(library)})
    if "smiles" not in table:
        raise KeyError(f"a library has a column 'smiles'; this one has {list(table)}")
    known = standardise(table["smiles"])
    made = table.reset_index(drop=True).drop(columns=["canonical", "reason"], errors="ignore")
    return made.assign(canonical=known["canonical"], reason=known["reason"])


def _number_of(context: int | str, train: "AnnData") -> int:
    names = train.uns["contexts"].index
    if isinstance(context, str):
        if context not in names:
            raise KeyError(
                f"{context!r} isn't one of the {len(names):,} contexts: {', '.join(map(str, names[:5]))} ..."
            )
        return int(names.get_loc(context))
    return int(context)


def _scored(model: Any, features: Any, context: int) -> _Scores:
    score, spread = (np.asarray(values, dtype=np.float64).ravel() for values in model.score(features, context))
    if not len(score) == len(spread) == len(features) or not np.isfinite(score).all():
        raise ValueError(
            f"a model scores every compound with a finite mean and a spread, got {len(score):,} and {len(spread):,} "
            f"for {len(features):,}"
        )
    return _Scores(score, spread)


def _described(table: "pd.DataFrame", train: "AnnData", picks: int) -> "pd.DataFrame":
    """Return the columns that the best of a library have besides, by the same rows."""
    import pandas as pd

    prints = fingerprints(table["canonical"])
    made = properties(table["canonical"]).set_axis(table.index)
    known = train.uns["compounds"].iloc[np.unique(np.asarray(train.obsm["pair"])[:, 0])]
    known = known[known["canonical"] != ""]
    made["nearest"] = pd.Series("", index=table.index, dtype=object)
    made["similarity"] = np.nan
    if len(known):
        like = nearest(prints, fingerprints(known["canonical"]))
        made["nearest"] = known.index.astype(str).to_numpy(dtype=object)[like.rows[:, 0]]
        made["similarity"] = like.similarity[:, 0]
    pick = np.zeros(len(table), dtype=np.int64)
    best = prints[: _POOL * picks]
    chosen = diverse(best, min(picks, len(best)))
    pick[chosen] = np.arange(1, len(chosen) + 1)
    return made.assign(pick=pick)
