"""What sets some cells apart: the genes that mark a selection, by scanpy's tests."""

import warnings
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

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
    """Rank genes by how much higher they are in the selected cells than in all others.

    The test is `scanpy.tl.rank_genes_groups`, the Wilcoxon test with its correction for ties, and p-values adjusted
    over all genes after Benjamini and Hochberg (1995).

    The values tested are logged expression. Values that are already logged (fractions, at least 0) are taken as they
    are. Whole numbers are taken for counts: a temporary copy is brought to 10,000 counts a cell and logged, and a
    warning says so unless `layer` named them.

    Parameters
    ----------
    adata
        Cells by genes; not changed.
    selection
        Which cells: ``(n_obs,)`` booleans, as ``LatentExplorer.selection`` gives, or names out of ``obs_names``.
    layer
        Layer to test, such as ``"counts"``; ``None``: ``X``.
    n_genes
        How many genes to return; ``None``: all.
    method
        ``"wilcoxon"``, or scanpy's ``"t-test"`` (Welch's) and ``"t-test_overestim_var"``.

    Returns
    -------
    DataFrame
        Sorted by falling score: ``gene``; ``score`` (z for Wilcoxon, else t); ``log2_fold_change`` of the
        back-transformed mean log values, as scanpy's (large where one side has none); ``p_value``, two-sided;
        ``p_adjusted``; ``fraction_in`` and ``fraction_out``, the share of cells in which the gene was seen.

    Raises
    ------
    KeyError
        `layer` or a selected name isn't there.
    ValueError
        The selection has another length than `adata`, or leaves fewer than 2 cells inside or outside, or the values
        are scaled, not finite, or normalised without a logarithm.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}")
    if n_genes is not None and n_genes < 1:
        raise ValueError(f"n_genes must be 1 or more, got {n_genes}")
    inside = _mask(adata, selection)
    table = _ranked(adata, _logged(adata, layer), inside, method)
    return table if n_genes is None else table.head(n_genes)


def _ranked(adata: AnnData, values: Any, inside: NDArray[np.bool_], method: Method) -> pd.DataFrame:
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
    return _table(light.uns["rank_genes_groups"], adata.var_names)


def _table(found: dict[str, Any], names: pd.Index) -> pd.DataFrame:
    place = found["names"]["in"].astype(int)
    return pd.DataFrame(
        {
            "gene": names[place],
            "score": found["scores"]["in"].astype(float),
            "log2_fold_change": found["logfoldchanges"]["in"].astype(float),
            "p_value": found["pvals"]["in"],
            "p_adjusted": found["pvals_adj"]["in"],
            "fraction_in": found["pts"]["in"].to_numpy()[place],
            "fraction_out": found["pts_rest"]["in"].to_numpy()[place],
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
    unknown = pd.Index(names).difference(adata.obs_names, sort=False)
    if len(unknown):
        raise KeyError(
            f"{len(unknown):,} of {len(names):,} selected names are not in obs_names, such as {unknown[0]!r}"
        )
    mask: NDArray[np.bool_] = adata.obs_names.isin(names)
    return mask


def _logged(adata: AnnData, layer: str | None) -> Any:
    """Return logged expression: the values themselves where they are that, or else a temporary copy."""
    if layer is not None and layer not in adata.layers:
        raise KeyError(f"'layers/{layer}' is not in this AnnData; layers has {layers_of(adata)}")
    found = adata.X if layer is None else adata.layers[layer]
    where = "X" if layer is None else f"layers[{layer!r}]"
    if found is None or 0 in adata.shape:
        raise ValueError(f"markers need values, and {where} is empty; layers has {layers_of(adata)}")
    matrix = in_memory(found)
    stored = matrix.data if sparse.issparse(matrix) else matrix
    _check_values(stored, where, adata)
    if (stored != np.floor(stored)).any():
        return without_stored_zeros(matrix)
    if layer is None:
        warnings.warn(
            f"X holds whole numbers: they are taken for counts, and a temporary copy is brought to {_TARGET_SUM:,.0f} "
            "counts a cell and logged; layer='counts' says that this is meant",
            stacklevel=3,
        )
    return _log_counts(matrix)


def _check_values(stored: NDArray[Any], where: str, adata: AnnData) -> None:
    remedy = f"test logged values, or the counts by layer='counts'; layers has {layers_of(adata)}"
    if not np.isfinite(stored).all():
        raise ValueError(f"{where} holds NaN or infinity: {remedy}")
    if (stored < 0).any():
        raise ValueError(f"{where} holds negative values, as scaling gives, and these have no fold change: {remedy}")
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
