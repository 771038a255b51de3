"""What sets some cells apart: the genes that mark a selection, by scanpy's tests."""

import warnings
from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_at_least, check_key, check_known, check_one_of, listing, warn
from genolab.data.gene_names import symbols_of
from genolab.preprocess.counts import in_memory, layers_of, without_stored_zeros

Method = Literal["wilcoxon", "t-test", "t-test_overestim_var"]
Selection = NDArray[np.bool_] | pd.Series | Sequence[bool] | Sequence[str] | str

_TARGET_SUM: Final = 1e4
_FEWEST: Final = 2  # cells that a test needs on each side
_OTHER: Final = "\0 other cells"  # no column of text has this
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
        Which cells: ``(n_obs,)`` booleans, as ``LatentExplorer.selection`` gives, or names out of ``obs_names``. Or a
        column of ``obs``, such as ``"leiden"``: each of its groups in turn, but for those of one cell.
    layer
        Layer to test, such as ``"counts"``; ``None``: ``X``.
    n_genes
        How many genes to return, of each group; ``None``: all.

    Returns
    -------
    DataFrame
        Sorted by falling score: ``group``, where a column was asked for; ``gene``, its name in ``var_names``;
        ``symbol``, where ``var`` has other names in a column such as ``feature_name``; ``score`` (z for Wilcoxon, else
        t); ``log2_fold_change`` of the back-transformed mean log values, as scanpy's (large where one side has none);
        ``p_value``, two-sided; ``p_adjusted``; ``fraction_in`` and ``fraction_out``, the share of cells in which the
        gene was seen.
    """
    check_one_of("method", method, get_args(Method))
    if n_genes is not None:
        check_at_least("n_genes", n_genes)
    sides = _groups(adata, selection) if isinstance(selection, str) else _sides(_mask(adata, selection))
    tables = _test(adata, _logged(adata, layer), sides, method)
    if not isinstance(selection, str):
        return tables["in"].head(n_genes or adata.n_vars)
    parts = [table.head(n_genes or adata.n_vars).assign(group=group) for group, table in tables.items()]
    joined = pd.concat(parts, ignore_index=True)
    return joined[["group", *joined.columns.drop("group")]]


def _sides(inside: NDArray[np.bool_]) -> "pd.Categorical[str]":
    return pd.Categorical.from_codes(np.where(inside, 0, -1), pd.Index(["in"]))


def _groups(adata: AnnData, column: str) -> "pd.Categorical[str]":
    """Return each cell's group as text; cells without one, and groups of one cell, are in none."""
    check_key(adata, "obs", column)
    names = adata.obs[column].astype("category")
    sizes = names.value_counts(sort=False)
    kept = sizes.index[(sizes >= _FEWEST) & (adata.n_obs - sizes >= _FEWEST)]
    if len(kept) == 0:
        raise ValueError(
            f"markers compare each group with all other cells, and no group of obs[{column!r}] has at least "
            f"{_FEWEST} cells and leaves as many outside; its groups are {listing(sizes.index)}"
        )
    return pd.Categorical(names.cat.set_categories(list(kept)).cat.rename_categories(str))


def _test(adata: AnnData, values: Any, sides: "pd.Categorical[str]", method: Method) -> dict[str, pd.DataFrame]:
    """Test each of the named sides against all other cells."""
    import scanpy as sc

    named = [_OTHER, *sides.categories]
    light = AnnData(
        values,
        obs=pd.DataFrame({"side": sides.set_categories(named).fillna(_OTHER)}, index=adata.obs_names),
        var=pd.DataFrame(index=np.arange(adata.n_vars).astype(str)),  # names may come twice, numbers don't
    )
    groups, ties = list(sides.categories), method == "wilcoxon"
    with np.errstate(invalid="ignore"):  # a gene without any variation has score 0 and p 1
        sc.tl.rank_genes_groups(light, "side", groups=groups, method=method, pts=True, use_raw=False, tie_correct=ties)
    return {group: _table(adata, light.uns["rank_genes_groups"], group) for group in groups}


def _table(adata: AnnData, result: Any, group: str) -> pd.DataFrame:
    place = result["names"][group].astype(int)
    symbols = symbols_of(adata.var).to_numpy()
    named = {"symbol": symbols[place]} if ((symbols != "") & (symbols != adata.var_names)).any() else {}
    return pd.DataFrame(
        {
            "gene": adata.var_names[place],
            **named,
            "score": result["scores"][group].astype(float),
            "log2_fold_change": result["logfoldchanges"][group].astype(float),
            "p_value": result["pvals"][group],
            "p_adjusted": result["pvals_adj"][group],
            "fraction_in": result["pts"][group].to_numpy()[place],
            "fraction_out": result["pts_rest"][group].to_numpy()[place],
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
        if count < _FEWEST:
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
