"""A recipe for cells of which nothing is known: limits by what is usual among them."""

import importlib.util
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData

from genolab.preprocess.counts import counts_of, quality
from genolab.preprocess.recipe import Flavor, Recipe

_DEVIATIONS: Final = 5  # median absolute deviations
_LEAST_MITO: Final = 5.0  # percent: nuclei have nearly none, and a limit near 0 would remove half of them
_LEAST_LOG: Final = 0.1  # of logs: where most cells have all genes of a panel, half as many are no outlier
_MIN_CELLS: Final = 3
_MANY_CELLS: Final = 100  # of fewer cells, a gene that few have may still tell them apart


def suggest(
    adata: AnnData, counts: str | None = None, *, round_counts: bool = False, n_top_genes: int = 2000
) -> Recipe:
    """Return a recipe that removes outliers and keeps the most variable genes: a start, to be looked at and changed.

    A cell is an outlier with fewer genes (log), more counts (log) or a larger mitochondrial share than the median by
    more than five median absolute deviations (Germain et al. 2020; Heumos et al. 2023); a share up to 5 % never is.
    Genes that fewer than 3 cells have are removed, cells are scaled to their median sum, and values are logged.

    Parameters
    ----------
    counts, round_counts
        Where the counts are, and whether to round them; see `counts_of`.
    n_top_genes
        The most variable genes to keep; all, where no more are seen in enough cells.
    """
    metrics = quality(adata, counts, round_counts=round_counts)
    min_cells = _MIN_CELLS if adata.n_obs >= _MANY_CELLS else 1
    seen = np.asarray((counts_of(adata, counts, round_counts=round_counts) > 0).sum(axis=0)).ravel()
    # Some of the genes may be left in too few cells when outliers are gone: so many more must be there.
    enough = int((seen > 2 * min_cells).sum()) > n_top_genes
    flavor: Flavor = "seurat_v3" if importlib.util.find_spec("skmisc") else "seurat"
    return Recipe(
        min_genes=max(1, int(np.expm1(_bound(np.log1p(metrics["n_genes_by_counts"]), -1, least=_LEAST_LOG)))),
        max_counts=int(np.ceil(np.expm1(_bound(np.log1p(metrics["total_counts"]), 1, least=_LEAST_LOG)))),
        max_mito=_max_mito(metrics),
        min_cells=min_cells,
        target_sum=None,
        n_top_genes=n_top_genes if enough else None,
        flavor=flavor,
    )


def _max_mito(metrics: pd.DataFrame) -> float | None:
    if "pct_counts_mt" not in metrics:
        return None
    return float(min(100, max(_LEAST_MITO, np.ceil(_bound(metrics["pct_counts_mt"].dropna(), 1)))))


def _bound(values: "pd.Series[Any]", side: int, *, least: float = 0) -> float:
    """Return the lower (-1) or upper (1) bound of what isn't an outlier; `least` is the least deviation."""
    median = values.median()
    return float(median + side * _DEVIATIONS * max(least, (values - median).abs().median()))
