"""What sets some cells apart: the genes that mark a selection, by scanpy's tests."""

import warnings
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_at_least, check_key, check_known, check_one_of, warn
from genolab.data.gene_names import symbols_of
from genolab.preprocess.counts import in_memory, layers_of, without_stored_zeros

Method = Literal["wilcoxon", "t-test", "t-test_overestim_var"]
Selection = NDArray[np.bool_] | pd.Series | Sequence[bool] | Sequence[str]

_TARGET_SUM: Final = 1e4
_LARGEST_LOG: Final = 30.0  # e^30 counts a cell are beyond any experiment: larger values were never logged


def markers(
    adata: AnnData,
    selection: Selection,
    *,
    layer: str | None = None,
    n_genes: int | None = None,
    method: Method = "wilcoxon",
) -> pd.DataFrame:
    """Rank genes by how much higher they are in the selected cells than elsewhere (`scanpy.tl.rank_genes_groups`).

    Values that are already logged (fractions, at least 0) are tested as they are. Whole numbers are taken for counts: a
    temporary copy is brought to 10,000 counts a cell and logged, with a warning unless `layer` named them. P-values are
    adjusted over all genes (Benjamini and Hochberg 1995); the Wilcoxon test is corrected for ties.

    Parameters
    ----------
    selection
        Which cells: ``(n_obs,)`` booleans, as ``LatentExplorer.selection`` gives, or names out of ``obs_names``.
    layer
        Layer to test, such as ``"counts"``; ``None``: ``X``.
    n_genes
        How many genes to return; ``None``: all.

    Returns
    -------
    DataFrame
        Sorted by falling score: ``gene``, its name in ``var_names``; ``symbol``, where ``var`` has other names in a
        column such as ``feature_name``; ``score`` (z for Wilcoxon, else t); ``log2_fold_change`` of the
        back-transformed mean log values, as scanpy's (large where one side has none); ``p_value``, two-sided;
        ``p_adjusted``; ``fraction_in`` and ``fraction_out``, the share of cells in which the gene was seen.
    """
    check_one_of("method", method, get_args(Method))
    if n_genes is not None:
        check_at_least("n_genes", n_genes)
    inside = _mask(adata, selection)
    table = _test(adata, _logged(adata, layer), inside, method)
    return table if n_genes is None else table.head(n_genes)


def _test(adata: AnnData, values: Any, inside: NDArray[np.bool_], method: Method) -> pd.DataFrame:
    import scanpy as sc

    light = AnnData(
        values,
        obs=pd.DataFrame({"side": pd.Categorical(np.where(inside, "in", "out"))}, index=adata.obs_names),
        var=pd.DataFrame(index=np.arange(adata.n_vars).astype(str)),  # names may come twice, numbers don't
    )
    with np.errstate(invalid="ignore"):  # a gene without any variation has score 0 and p 1
        sc.tl.rank_genes_groups(
            light, "side", groups=["in"], method=method, pts=True, use_raw=False, tie_correct=method == "wilcoxon"
        )
    result = light.uns["rank_genes_groups"]
    place = result["names"]["in"].astype(int)
    symbols = symbols_of(adata.var).to_numpy()
    named = {"symbol": symbols[place]} if ((symbols != "") & (symbols != adata.var_names)).any() else {}
    return pd.DataFrame(
        {
            "gene": adata.var_names[place],
            **named,
            "score": result["scores"]["in"].astype(float),
            "log2_fold_change": result["logfoldchanges"]["in"].astype(float),
            "p_value": result["pvals"]["in"],
            "p_adjusted": result["pvals_adj"]["in"],
            "fraction_in": result["pts"]["in"].to_numpy()[place],
            "fraction_out": result["pts_rest"]["in"].to_numpy()[place],
        }
    )


def _mask(adata: AnnData, selection: Selection) -> NDArray[np.bool_]:
    if isinstance(selection, pd.Series) and not selection.index.equals(adata.obs_names):
        raise ValueError(
            "a selection given as a Series must have the cells' names as its index, in their order: pass "
            "selection.to_numpy() if its rows are the cells'"
        )
    chosen = np.asarray(selection)
    if chosen.ndim != 1:
        raise ValueError(f"a selection has one dimension, got shape {chosen.shape}")
    if chosen.dtype == bool and len(chosen) != adata.n_obs:
        raise ValueError(f"a selection needs one boolean a cell: {adata.n_obs:,} cells, got {len(chosen):,}")
    mask = chosen if chosen.dtype == bool else _named(adata, chosen)
    for side, count in (("inside", int(mask.sum())), ("outside", int((~mask).sum()))):
        if count < 2:
            raise ValueError(
                f"markers compare cells inside and outside of a selection and need at least 2 of each; {count} of "
                f"{adata.n_obs:,} are {side}"
            )
    return mask


def _named(adata: AnnData, names: NDArray[Any]) -> NDArray[np.bool_]:
    if len(names) and not all(isinstance(name, str) for name in names.tolist()):
        raise ValueError(f"a selection is booleans or names of cells, got values of type {names.dtype}")
    check_known("names in obs_names", names.tolist(), adata.obs_names)
    mask: NDArray[np.bool_] = adata.obs_names.isin(names)
    return mask


def _logged(adata: AnnData, layer: str | None) -> Any:
    """Return logged expression: the values themselves where they are that, or else a temporary copy."""
    if layer is not None:
        check_key(adata, "layers", layer)
    values = adata.X if layer is None else adata.layers[layer]
    where = "X" if layer is None else f"layers[{layer!r}]"
    if values is None or 0 in adata.shape:
        raise ValueError(f"markers need values, and {where} is empty; layers has {layers_of(adata)}")
    matrix = in_memory(values)
    stored = matrix.data if sparse.issparse(matrix) else matrix
    _check_values(stored, where, adata)
    if (stored != np.floor(stored)).any():
        return without_stored_zeros(matrix)
    if layer is None:
        warn(
            f"X holds whole numbers: they are taken for counts, and a temporary copy is brought to {_TARGET_SUM:,.0f} "
            "counts a cell and logged; layer='counts' says that this is meant"
        )
    return _log_counts(matrix)


def _check_values(stored: NDArray[Any], where: str, adata: AnnData) -> None:
    fix = f"test logged values, or the counts by layer='counts'; layers has {layers_of(adata)}"
    if not np.isfinite(stored).all():
        raise ValueError(f"{where} holds NaN or infinity: {fix}")
    if (stored < 0).any():
        raise ValueError(f"{where} holds negative values, as scaling gives, and these have no fold change: {fix}")
    if (stored != np.floor(stored)).any() and stored.max() > _LARGEST_LOG:
        raise ValueError(
            f"{where} holds fractions up to {stored.max():,.4g}, which look normalised but not logged: take "
            f"scanpy.pp.log1p first, or the counts by layer='counts'; layers has {layers_of(adata)}"
        )


def _log_counts(matrix: Any) -> Any:
    import scanpy as sc

    copy = AnnData(without_stored_zeros(matrix.astype(np.float32)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty cell stays empty
        sc.pp.normalize_total(copy, target_sum=_TARGET_SUM)
    sc.pp.log1p(copy)
    return copy.X
