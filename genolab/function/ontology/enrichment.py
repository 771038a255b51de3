"""Gene sets enriched in a group of genes (Fisher's exact test) or at one end of a ranking (Mann-Whitney test)."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

if TYPE_CHECKING:
    from anndata import AnnData

Array = NDArray[np.float64]

_COLUMNS: Final = ("term", "name", "overlap", "size", "expected", "odds_ratio", "p", "q", "genes")
_RANKED_COLUMNS: Final = ("term", "name", "size", "auc", "p", "q", "genes")


def enrich(
    genes: ArrayLike,
    sets: Mapping[str, Collection[str]],
    *,
    background: "Sequence[str] | pd.Index | pd.Series | AnnData",
    names: Mapping[str, str] | None = None,
    sizes: tuple[int, int] = (3, 500),
) -> pd.DataFrame:
    """Test whether a group holds more genes of a set than a random group of its size would.

    Fisher's exact test, one-sided; p-values are adjusted over all tested sets, those without a gene in the group
    included, after Benjamini and Hochberg (1995). Sets of an ontology overlap: neighbouring terms aren't independent.

    Parameters
    ----------
    genes
        The group: names, or ``(n,)`` booleans over `background` such as ``explorer.selection``.
    sets
        Set to its genes, as from `genolab.function.read_gmt` or `genolab.function.Ontology.gene_sets`.
    background
        All measured genes, or an AnnData whose rows they are (``obs["gene"]`` if there is one, else ``obs_names``). It
        decides the p-values. Genes that are in no set don't count.
    names
        Set to a name to be shown, such as ``ontology.names``.
    sizes
        Fewest and most genes of the background that a tested set has.

    Returns
    -------
    DataFrame
        A row a set with a gene in the group, by rising p: ``term``, ``name``; ``overlap`` (genes of the set in the
        group), ``size`` (in the background), ``expected`` overlap, ``odds_ratio``, ``p``, ``q`` (adjusted), ``genes``
        (the overlap, sorted). ``attrs`` holds ``n_genes``, ``n_background`` and ``n_tested``.

    Examples
    --------
    >>> sets = {"cycle": {"CDC28", "CLN2", "CLB5"}, "other": {"ACT1", "TUB1", "PGK1"}}
    >>> table = enrich(["CLN2", "CLB5"], sets, background=sorted(sets["cycle"] | sets["other"]))
    >>> table["term"].tolist(), float(table["p"].iloc[0].round(3))
    (['cycle'], 0.2)
    """
    rows = _row_names(background)
    group = _group(genes, rows)
    chosen = _in_some_set(group, sets)
    known = set().union(*sets.values()) & set(rows)
    tested = _of_size(sets, known, sizes)
    table = _tested(chosen, tested, len(known))
    table.insert(1, "name", [(names or {}).get(term, term) for term in table["term"]])
    table = table[table["overlap"] > 0].sort_values(["p", "term"], ignore_index=True)[list(_COLUMNS)]
    table.attrs |= {"n_genes": len(chosen), "n_background": len(known), "n_tested": len(tested)}
    return table


def _in_some_set(genes: set[str], sets: Mapping[str, Collection[str]]) -> set[str]:
    """Return the genes that are in a set; none at all are names of another kind, and refused."""
    named = set().union(*sets.values())
    if not genes & named:
        raise ValueError(
            f"none of the {len(genes):,} genes is in a set, so there is nothing to test: are these names of the same "
            f"kind? The genes are {sorted(genes)[:3]}, the sets have {sorted(named)[:3]}"
        )
    return genes & named


def _of_size(
    sets: Mapping[str, Collection[str]], known: set[str], sizes: tuple[int, int]
) -> dict[str, set[str]]:  # fmt: skip
    tested = {term: members for term, of in sets.items() if sizes[0] <= len(members := known & set(of)) <= sizes[1]}
    if not tested:
        raise ValueError(
            f"no set has {sizes[0]} to {sizes[1]} genes of the background; pass other sizes=(fewest, most)"
        )
    return tested


def _tested(chosen: set[str], sets: Mapping[str, set[str]], total: int) -> pd.DataFrame:
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


def _row_names(background: Any) -> NDArray[Any]:
    if hasattr(background, "obs_names"):
        return np.asarray(background.obs.get("gene", background.obs_names), dtype=object)
    return np.asarray(background, dtype=object)


def _group(genes: ArrayLike, rows: NDArray[Any]) -> set[str]:
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
    outside = sorted(group - set(rows))
    if outside:
        raise ValueError(
            f"genes of the group must be in the background; {len(outside):,} of {len(group):,} aren't, as "
            f"{outside[:3]}: pass everything that was measured as background"
        )
    return group


def enrich_ranked(
    scores: "pd.Series | ArrayLike",
    sets: Mapping[str, Collection[str]],
    *,
    background: "Sequence[str] | pd.Index | pd.Series | AnnData | None" = None,
    names: Mapping[str, str] | None = None,
    sizes: tuple[int, int] = (10, 500),
) -> pd.DataFrame:
    """Test whether the genes of a set rank higher or lower than the other genes, without a threshold.

    The Mann-Whitney test, two-sided, by the normal approximation with corrections for ties and continuity, as in
    `scipy.stats.mannwhitneyu`; p-values are adjusted over all tested sets after Benjamini and Hochberg (1995). It takes
    genes as independent; correlated genes make it overconfident (Wu and Smyth 2012).

    Parameters
    ----------
    scores
        A Series of gene to number, or ``(n,)`` numbers over `background`, such as ``obsm["X_vae"] @ direction``. A gene
        of several rows has their mean.
    sets, names
        As in `enrich`.
    background
        For scores without names: the gene of each, or an AnnData as in `enrich`.
    sizes
        Fewest and most ranked genes that a set may have. Below ten the normal approximation is conservative.

    Returns
    -------
    DataFrame
        A row a set, by rising p: ``term``, ``name``; ``size`` (ranked genes of the set), ``auc`` (how often a gene of
        the set ranks above another gene: 1 all at the top, 0 all at the bottom), ``p``, ``q`` (adjusted) and ``genes``,
        the leading edge (Subramanian et al. 2005, unweighted), foremost first. ``attrs`` has ``n_genes``, ``n_tested``.

    Examples
    --------
    >>> scores = pd.Series(range(8), index=list("abcdefgh"))
    >>> table = enrich_ranked(scores, {"low": "abc", "high": "gfh", "both": "adeh"}, sizes=(3, 5))
    >>> table["term"].tolist(), table["auc"].round(2).tolist(), table["genes"].tolist()[1]
    (['high', 'low', 'both'], [1.0, 0.0, 0.5], ['a', 'b', 'c'])
    """
    ranked = _by_gene(scores, background)
    known = _in_some_set(set(ranked.index), sets)
    ranked = ranked[ranked.index.isin(known)]
    if ranked.nunique() < 2:
        raise ValueError(f"all {len(ranked):,} genes that are in a set have the same score: there is nothing to rank")
    tested = _of_size(sets, known, (sizes[0], min(sizes[1], len(known) - 1)))  # there must be others to compare with
    tests = _Ranking.of(ranked).tests(tested)
    table = pd.DataFrame(tests, columns=["size", "auc", "p", "genes"]).assign(term=list(tested))
    table["name"] = [(names or {}).get(term, term) for term in table["term"]]
    table["q"] = stats.false_discovery_control(table["p"])
    table = table.sort_values(["p", "term"], ignore_index=True)[list(_RANKED_COLUMNS)]
    table.attrs |= {"n_genes": len(ranked), "n_tested": len(tested)}
    return table


class _Ranking(NamedTuple):
    """The genes from the lowest score to the highest; equal scores share their mean rank."""

    position: dict[str, int]
    genes: NDArray[np.object_]
    rank: Array
    first: NDArray[np.int64]  # number of genes that are lower
    last: NDArray[np.int64]  # number of genes that are lower or equal
    ties: float  # share by which ties reduce the variance of a sum of ranks

    @classmethod
    def of(cls, scores: pd.Series) -> "_Ranking":
        ordered = scores.sort_index().sort_values(kind="stable")
        values = ordered.to_numpy()
        first, last = values.searchsorted(values, "left"), values.searchsorted(values, "right")
        n, tied = len(values), np.unique(values, return_counts=True)[1].astype(np.float64)
        position = {gene: at for at, gene in enumerate(ordered.index)}
        ties = float((tied**3 - tied).sum() / (n**3 - n))
        return cls(position, ordered.index.to_numpy(dtype=object), (first + last + 1) / 2, first, last, ties)

    def tests(self, sets: Mapping[str, set[str]]) -> list[tuple[int, float, float, list[str]]]:
        """Return size, area, p and leading genes of each set."""
        inside = [np.sort([self.position[gene] for gene in members]) for members in sets.values()]
        size = np.array([len(at) for at in inside])
        others = len(self.genes) - size
        u = np.array([self.rank[at].sum() for at in inside]) - size * (size + 1) / 2
        p = self._p(u, size, others)
        area = u / (size * others)
        leading = [self._leading(at, high=bool(a >= 0.5)) for at, a in zip(inside, area, strict=True)]
        return list(zip(size.tolist(), area.tolist(), p.tolist(), leading, strict=True))

    def _p(self, u: Array, size: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
        middle = size * others / 2
        deviation = np.sqrt(size * others * (len(self.genes) + 1) * (1 - self.ties) / 12)
        far = np.maximum(np.abs(u - middle) - 0.5, 0)
        p: Array = 2 * stats.norm.sf(far / deviation)
        return p

    def _leading(self, inside: NDArray[np.int64], *, high: bool) -> list[str]:
        """Return the genes of a set up to where its running share exceeds that of the other genes most."""
        order = inside[::-1] if high else inside
        passed = len(self.genes) - self.first[order] if high else self.last[order]  # genes so far, equal ones too
        own = np.arange(1, len(order) + 1)
        excess = own / len(order) - (passed - own) / (len(self.genes) - len(order))
        return [str(gene) for gene in self.genes[order[: int(excess.argmax()) + 1]]]


def _by_gene(scores: "pd.Series | ArrayLike", background: object) -> pd.Series:
    """Return a finite score a gene, the mean of its rows."""
    if background is not None:
        rows = _row_names(background)
    elif isinstance(scores, pd.Series):
        rows = scores.index.to_numpy()
    else:
        raise TypeError(
            f"scores need the names of their genes: pass a Series of gene to number, or background=, got "
            f"{type(scores).__name__}"
        )
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != rows.shape:
        raise ValueError(f"scores need one number a row of the background: {len(rows):,} rows, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(
            f"scores must be finite, {int((~np.isfinite(values)).sum()):,} of {len(values):,} aren't: leave those "
            "genes out, as by scores.dropna()"
        )
    return pd.Series(values, index=rows).groupby(level=0).mean()
