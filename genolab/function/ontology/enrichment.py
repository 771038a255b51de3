"""Which sets of genes a group of genes is rich in: Fisher's exact test, corrected for the many sets."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

if TYPE_CHECKING:
    from anndata import AnnData

_COLUMNS: Final = ("term", "name", "overlap", "size", "expected", "odds_ratio", "p", "q", "genes")


def enrich(
    genes: ArrayLike,
    sets: Mapping[str, Collection[str]],
    *,
    background: "Sequence[str] | pd.Index | pd.Series | AnnData",
    names: Mapping[str, str] | None = None,
    sizes: tuple[int, int] = (3, 500),
) -> pd.DataFrame:
    """Test whether a group holds more genes of a set than a random group of its size would.

    The test is Fisher's exact one, one-sided: the upper tail of the hypergeometric distribution. p-values are adjusted
    over all sets that were tested, those without a gene in the group included, after Benjamini and Hochberg (1995).
    Sets of an ontology overlap, so neighbouring terms tell one story, not several.

    Parameters
    ----------
    genes
        The group: names, or ``(n,)`` booleans over `background`, as ``explorer.selection`` gives; a gene of several
        rows is in if any of them is.
    sets
        Set to its genes, as `genolab.function.gene_sets` and `genolab.function.Ontology.gene_sets` give.
    background
        What could have been found: the genes that were measured, or an AnnData, whose rows they are (``obs["gene"]``
        where there is one, else ``obs_names``). It decides the p-values. Genes that are in no set at all don't count,
        since nothing is known of them.
    names
        Set to a name to be shown, such as ``ontology.names``.
    sizes
        Fewest and most genes of the background that a set may have: a smaller one can't be found rich, a larger one
        says little.

    Returns
    -------
    DataFrame
        A row a set with a gene in the group, by rising p: ``term``, ``name``; ``overlap`` (genes of the set in the
        group), ``size`` (in the background), ``expected`` overlap, ``odds_ratio``, ``p``, ``q`` (adjusted), ``genes``
        (the overlap, sorted). ``attrs`` holds ``n_genes``, ``n_background`` and ``n_tested``.

    Raises
    ------
    ValueError
        Genes of the group are outside of the background, booleans don't fit it, none of the group is in a set, or
        no set has a fitting size.

    Examples
    --------
    >>> sets = {"cycle": {"CDC28", "CLN2", "CLB5"}, "other": {"ACT1", "TUB1", "PGK1"}}
    >>> everything = sorted(sets["cycle"] | sets["other"])
    >>> found = enrich(["CLN2", "CLB5"], sets, background=everything)
    >>> found["term"].tolist(), float(found["p"].iloc[0].round(3))
    (['cycle'], 0.2)
    """
    rows = row_names(background)
    group = _group(genes, rows)
    chosen = some_known(group, sets)
    known = set().union(*sets.values()) & set(rows)
    tested = fitting(sets, known, sizes)
    table = _tested(chosen, tested, len(known))
    table.insert(1, "name", [(names or {}).get(term, term) for term in table["term"]])
    table = table[table["overlap"] > 0].sort_values(["p", "term"], ignore_index=True)[list(_COLUMNS)]
    table.attrs |= {"n_genes": len(chosen), "n_background": len(known), "n_tested": len(tested)}
    return table


def some_known(genes: set[str], sets: Mapping[str, Collection[str]]) -> set[str]:
    """Return the genes that are in a set; that none is tells of names of another kind, and is refused."""
    named = set().union(*sets.values())
    if not genes & named:
        raise ValueError(
            f"none of the {len(genes):,} genes is in a set, so there is nothing to test: are these names of the same "
            f"kind? The genes are {sorted(genes)[:3]}, the sets have {sorted(named)[:3]}"
        )
    return genes & named


def fitting(
    sets: Mapping[str, Collection[str]], known: set[str], sizes: tuple[int, int]
) -> dict[str, set[str]]:  # fmt: skip
    """Return the known genes of the sets that have as many as `sizes` asks for."""
    tested = {term: members for term, of in sets.items() if sizes[0] <= len(members := known & set(of)) <= sizes[1]}
    if not tested:
        raise ValueError(
            f"no set has {sizes[0]} to {sizes[1]} genes of the background; pass other sizes=(fewest, most)"
        )
    return tested


def _tested(chosen: set[str], sets: Mapping[str, set[str]], total: int) -> pd.DataFrame:
    """Return the tests of all sets at once."""
    shared = [sorted(chosen & members) for members in sets.values()]
    overlap = np.array([len(genes) for genes in shared])
    size = np.array([len(members) for members in sets.values()])
    p = stats.hypergeom.sf(overlap - 1, total, size, len(chosen))
    return pd.DataFrame(
        {
            "term": list(sets),
            "overlap": overlap,
            "size": size,
            "expected": size * len(chosen) / total,
            "odds_ratio": _odds_ratio(overlap, size, len(chosen), total),
            "p": p,
            "q": stats.false_discovery_control(p),
            "genes": shared,
        }
    )


def _odds_ratio(
    overlap: NDArray[np.int64], size: NDArray[np.int64], chosen: int, total: int
) -> NDArray[np.float64]:  # fmt: skip
    """Return the odds of being in the set inside of the group over those outside; infinite where none is outside."""
    inside, outside = overlap * (total - size - chosen + overlap), (size - overlap) * (chosen - overlap)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: NDArray[np.float64] = np.where(inside == 0, 0.0, inside / outside)
    return ratio


def row_names(background: Any) -> NDArray[Any]:
    """Return the gene of each row of the background."""
    if hasattr(background, "obs_names"):
        return np.asarray(background.obs.get("gene", background.obs_names), dtype=object)
    return np.asarray(background, dtype=object)


def _group(genes: ArrayLike, rows: NDArray[Any]) -> set[str]:
    """Return the names of the group, of names or of a mask over the background's rows."""
    if isinstance(genes, str):
        raise TypeError(
            f"genes are several names, or booleans over the background, got the text {genes!r}: pass a list"
        )
    given = np.asarray(genes)
    if given.dtype == bool:
        if given.shape != rows.shape:
            raise ValueError(f"booleans need one a row of the background: {len(rows):,} rows, got {given.shape}")
        return set(rows[given])
    group = set(given.tolist())
    strangers = sorted(group - set(rows))
    if strangers:
        raise ValueError(
            f"genes of the group must be in the background; {len(strangers):,} of {len(group):,} aren't, as "
            f"{strangers[:3]}: pass everything that was measured as background"
        )
    return group
