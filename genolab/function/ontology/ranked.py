"""Which sets of genes lie at one end of a ranking, such as a latent direction: the Mann-Whitney test, set by set."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from genolab.function.ontology.enrichment import fitting, row_names, some_known

if TYPE_CHECKING:
    from anndata import AnnData

Array = NDArray[np.float64]

_COLUMNS: Final = ("term", "name", "size", "auc", "p", "q", "genes")


def enrich_ranked(
    scores: "pd.Series | ArrayLike",
    sets: Mapping[str, Collection[str]],
    *,
    background: "Sequence[str] | pd.Index | pd.Series | AnnData | None" = None,
    names: Mapping[str, str] | None = None,
    sizes: tuple[int, int] = (10, 500),
) -> pd.DataFrame:
    """Test whether the genes of a set stand higher or lower in a ranking than the other genes do.

    No threshold is drawn: all genes count, by their place. The test is that of Mann and Whitney (1947), two-sided, with
    the normal approximation corrected for ties and continuity, as `scipy.stats.mannwhitneyu` has it. p-values are
    adjusted over all sets that were tested, after Benjamini and Hochberg (1995). Like every test that compares genes,
    it takes them as independent; genes that are driven together make it too sure (Wu and Smyth 2012).

    Parameters
    ----------
    scores
        Where each gene stands: a Series of gene to number, or ``(n,)`` numbers over `background`, such as
        ``obsm["X_vae"] @ direction``. A gene of several rows stands at their mean.
    sets
        Set to its genes, as `genolab.function.gene_sets` and `genolab.function.Ontology.gene_sets` give.
    background
        For scores without names: the gene of each, or an AnnData, whose rows they are (``obs["gene"]`` where there is
        one, else ``obs_names``). ``None``: the names of the Series. Genes that are in no set at all don't count.
    names
        Set to a name to be shown, such as ``ontology.names``.
    sizes
        Fewest and most ranked genes that a set may have; a set of all of them is never tested. Under ten the normal
        approximation is too careful for a small set to be found among many.

    Returns
    -------
    DataFrame
        A row a set, by rising p: ``term``, ``name``; ``size`` (ranked genes of the set), ``auc`` (how often a gene of
        the set stands above another gene: 1 all at the top, 0.5 anywhere, 0 all at the bottom), ``p``, ``q`` (adjusted)
        and ``genes``, those that lead, the foremost first: from the end to which the set leans up to where it is
        furthest ahead of the other genes (the leading edge of Subramanian et al. 2005, each gene counting alike).
        ``attrs`` holds ``n_genes`` and ``n_tested``.

    Raises
    ------
    TypeError
        Scores have no names and there is no background.
    ValueError
        Scores don't fit the background, aren't finite or are all the same, no gene is in a set, or no set has a
        fitting size.

    Examples
    --------
    >>> scores = pd.Series(range(8), index=list("abcdefgh"))
    >>> found = enrich_ranked(scores, {"low": "abc", "high": "gfh", "both": "adeh"}, sizes=(3, 5))
    >>> found["term"].tolist(), found["auc"].round(2).tolist(), found["genes"].tolist()[1]
    (['high', 'low', 'both'], [1.0, 0.0, 0.5], ['a', 'b', 'c'])
    """
    ranked = _by_gene(scores, background)
    known = some_known(set(ranked.index), sets)
    ranked = ranked[ranked.index.isin(known)]
    if ranked.nunique() < 2:
        raise ValueError(f"all {len(ranked):,} genes that are in a set have the same score: there is nothing to rank")
    tested = fitting(sets, known, (sizes[0], min(sizes[1], len(known) - 1)))  # there must be others to compare with
    tests = _Ranking.of(ranked).tests(tested)
    table = pd.DataFrame(tests, columns=["size", "auc", "p", "genes"]).assign(term=list(tested))
    table["name"] = [(names or {}).get(term, term) for term in table["term"]]
    table["q"] = stats.false_discovery_control(table["p"])
    table = table.sort_values(["p", "term"], ignore_index=True)[list(_COLUMNS)]
    table.attrs |= {"n_genes": len(ranked), "n_tested": len(tested)}
    return table


class _Ranking(NamedTuple):
    """The genes from the lowest score to the highest; equal scores share their mean rank."""

    place: dict[str, int]
    genes: NDArray[np.object_]
    rank: Array
    first: NDArray[np.int64]  # how many genes stand lower
    last: NDArray[np.int64]  # how many stand lower or alike
    ties: float  # what they take off the variance of a sum of ranks, as a share

    @classmethod
    def of(cls, scores: pd.Series) -> "_Ranking":
        ordered = scores.sort_index().sort_values(kind="stable")
        values = ordered.to_numpy()
        first, last = values.searchsorted(values, "left"), values.searchsorted(values, "right")
        n, alike = len(values), np.unique(values, return_counts=True)[1].astype(np.float64)
        place = {gene: at for at, gene in enumerate(ordered.index)}
        ties = float((alike**3 - alike).sum() / (n**3 - n))
        return cls(place, ordered.index.to_numpy(dtype=object), (first + last + 1) / 2, first, last, ties)

    def tests(self, sets: Mapping[str, set[str]]) -> list[tuple[int, float, float, list[str]]]:
        """Return size, area, p and leading genes of each set."""
        inside = [np.sort([self.place[gene] for gene in members]) for members in sets.values()]
        size = np.array([len(at) for at in inside])
        others = len(self.genes) - size
        above = np.array([self.rank[at].sum() for at in inside]) - size * (size + 1) / 2  # Mann and Whitney's U
        p = self._p(above, size, others)
        area = above / (size * others)
        leading = [self._leading(at, high=bool(a >= 0.5)) for at, a in zip(inside, area, strict=True)]
        return list(zip(size.tolist(), area.tolist(), p.tolist(), leading, strict=True))

    def _p(self, above: Array, size: NDArray[np.int64], others: NDArray[np.int64]) -> Array:
        middle = size * others / 2
        deviation = np.sqrt(size * others * (len(self.genes) + 1) * (1 - self.ties) / 12)
        far = np.maximum(np.abs(above - middle) - 0.5, 0)
        p: Array = 2 * stats.norm.sf(far / deviation)
        return p

    def _leading(self, inside: NDArray[np.int64], *, high: bool) -> list[str]:
        """Return the genes of a set up to where its share that was met is furthest ahead of the others' share."""
        met = inside[::-1] if high else inside
        passed = len(self.genes) - self.first[met] if high else self.last[met]  # genes met so far, equal ones too
        own = np.arange(1, len(met) + 1)
        ahead = own / len(met) - (passed - own) / (len(self.genes) - len(met))
        return [str(gene) for gene in self.genes[met[: int(ahead.argmax()) + 1]]]


def _by_gene(scores: "pd.Series | ArrayLike", background: object) -> pd.Series:
    """Return a finite score a gene, the mean of its rows."""
    if background is None and not isinstance(scores, pd.Series):
        raise TypeError(
            f"scores need the names of their genes: pass a Series of gene to number, or background=, got "
            f"{type(scores).__name__}"
        )
    values = np.asarray(scores, dtype=np.float64)
    rows = scores.index.to_numpy() if background is None else row_names(background)  # type: ignore[union-attr]
    if values.shape != rows.shape:
        raise ValueError(f"scores need one number a row of the background: {len(rows):,} rows, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(
            f"scores must be finite, {int((~np.isfinite(values)).sum()):,} of {len(values):,} aren't: leave those "
            "genes out, as by scores.dropna()"
        )
    return pd.Series(values, index=rows).groupby(level=0).mean()
