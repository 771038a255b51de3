"""The steps of a recipe, from counts to model-ready values, in order."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

import genolab
from genolab.preprocess.counts import Mask, counts_of, counts_place, quality_of, with_genes_of
from genolab.preprocess.genes import find_genes, rank_genes, select
from genolab.preprocess.recipe import FittedRecipe, Recipe, Step, check_left, record
from genolab.waiting import bar


def apply(
    adata: AnnData,
    recipe: Recipe | FittedRecipe | None = None,
    *,
    missing: Literal["error", "zero"] = "error",
    counts: str | None = None,
    round_counts: bool = False,
) -> AnnData:
    """Follow a recipe from counts to model-ready values.

    The steps are those of scanpy's tutorial: quality metrics, cells, genes, normalisation, log, variable genes, scale.
    Counts come from ``layers["counts"]``, or else from ``X``, unless `counts` says where they are. `adata` isn't
    changed; a backed one is read into memory.

    Parameters
    ----------
    recipe
        The choices; ``None``: ``Recipe()``. A `FittedRecipe` removes cells by its limits and then takes its own genes,
        sum, means and deviations instead of fitting new ones; further genes are dropped.
    missing
        What happens when genes of a fitted recipe are not there: ``"error"``, or ``"zero"``, where they count as never
        seen, ``var["filled"]`` marks them, and other layers and ``varm``, which lack them, are left out.
    counts
        Where the counts are: ``"X"``, ``"raw"``, or ``"layers/raw_counts"``; see `counts_of`. With ``"raw"`` the genes
        are those of ``raw``, described by ``raw.var``; where they differ, layers and ``varm`` are left out.
    round_counts
        Whether to round estimated counts to whole numbers; see `counts_of`.

    Returns
    -------
    AnnData
        A new one: float32 values in ``X``, the same cells' and genes' counts in ``layers["counts"]`` (float32 or
        float64, sparse ones as CSR), the columns of `quality` in ``obs``, ``var["highly_variable"]`` where variable
        genes were chosen, and ``uns["recipe"]``. All else that the user had is carried over.
    """
    known = recipe if isinstance(recipe, FittedRecipe) else None
    rule = known.recipe if known else recipe if isinstance(recipe, Recipe) else Recipe()
    if adata.isbacked and adata.is_view:  # of which anndata makes no further view
        adata = adata.to_memory()
    matrix = counts_of(adata, counts, round_counts=round_counts)
    adata = with_genes_of(adata, counts_place(adata, counts))
    _check_names(adata)
    if known is None:
        _check_new(adata, missing)
    steps = [Step("as it came", adata.n_obs, adata.n_vars)]
    with bar("Preprocessing", 3, unit="steps") as shown:
        metrics = quality_of(adata, matrix)
        cells = _keep_cells(metrics, rule, steps)
        names = find_genes(adata, known, missing) if known else adata.var_names[_keep_genes(matrix[cells], rule, steps)]
        chosen = select(adata, matrix, cells, names)
        chosen.obs[metrics.columns] = metrics.loc[chosen.obs_names]
        chosen = _drop_empty_cells(chosen, steps)
        shown.update()
        target = known.target_sum if known else _target_sum(chosen, rule)
        _normalise(chosen, target, log1p=rule.log1p)
        shown.update()
        fit = known or FittedRecipe(rule, rank_genes(chosen, rule), target, chosen.n_obs, genolab.__version__)
        finished = _finish(chosen, fit, steps, new=known is None)
        shown.update()
    return finished


def _finish(chosen: AnnData, fit: FittedRecipe, steps: list[Step], *, new: bool) -> AnnData:
    """Keep the model's genes, scale, and record what was done."""
    finished = chosen[:, fit.names].copy()
    if not new:
        steps.append(Step("genes of the fitted recipe", *finished.shape))
    elif fit.recipe.n_top_genes is not None:
        steps.append(Step(f"the {fit.recipe.n_top_genes:,} most variable genes", *finished.shape))
    if fit.recipe.scale:
        _scale(finished, fit)
    finished.uns["recipe"] = record(fit, steps)
    return finished


def _check_names(adata: AnnData) -> None:
    for axis, names in (("obs", adata.obs_names), ("var", adata.var_names)):
        if not names.is_unique:
            twice = names[names.duplicated()].unique()
            raise ValueError(
                f"{axis} names must be unique, and {len(twice):,} come more than once, such as {twice[0]!r}: "
                f"rename them, or call adata.{axis}_names_make_unique()"
            )


def _check_new(adata: AnnData, missing: str) -> None:
    if min(adata.shape) == 1:
        raise ValueError(
            f"a recipe is fitted on at least 2 cells and 2 genes, got {adata.n_obs:,} x {adata.n_vars:,}; "
            "to apply one to a single cell, pass gl.preprocess.fitted(cells)"
        )
    if missing != "error":
        raise ValueError(f"missing={missing!r} is for a fitted recipe; a new one takes the genes that are there")


def _keep_cells(metrics: pd.DataFrame, rule: Recipe, steps: list[Step]) -> Mask:
    keep = np.ones(len(metrics), dtype=bool)
    for step, passes in _cell_rules(metrics, rule):
        keep &= passes
        steps.append(Step(step, int(keep.sum()), steps[-1].genes))
    check_left(steps)
    return keep


def _cell_rules(metrics: pd.DataFrame, rule: Recipe) -> Iterator[tuple[str, Mask]]:
    genes = f"{rule.min_genes:,} detected gene{'s' * (rule.min_genes > 1)}"
    yield f"cells with at least {genes}", metrics["n_genes_by_counts"].to_numpy() >= rule.min_genes
    if rule.max_counts is not None:
        yield f"cells with at most {rule.max_counts:,} counts", metrics["total_counts"].to_numpy() <= rule.max_counts
    if rule.max_mito is not None:
        if "pct_counts_mt" not in metrics:
            raise ValueError(
                f"max_mito={rule.max_mito:g} needs mitochondrial genes, and none is named 'MT-...' or 'mt-...': mark "
                "them in a boolean column var['mt'], give symbols in var['gene_symbols'], or leave max_mito out"
            )
        passes = metrics["pct_counts_mt"].to_numpy() <= rule.max_mito
        yield f"cells with at most {rule.max_mito:g} % mitochondrial counts", passes


def _keep_genes(counts: Any, rule: Recipe, steps: list[Step]) -> Mask:
    keep: Mask = np.asarray((counts > 0).sum(axis=0)).ravel() >= rule.min_cells
    step = f"genes seen in at least {rule.min_cells:,} cell{'s' * (rule.min_cells > 1)}"
    steps.append(Step(step, steps[-1].cells, int(keep.sum())))
    check_left(steps)
    return keep


def _drop_empty_cells(chosen: AnnData, steps: list[Step]) -> AnnData:
    """Drop cells in which no gene is left: they can't be normalised."""
    full = np.asarray(chosen.layers["counts"].sum(axis=1)).ravel() > 0
    if full.all():
        return chosen
    steps.append(Step("cells with a count in the genes left", int(full.sum()), steps[-1].genes))
    check_left(steps)
    return chosen[full].copy()


def _target_sum(chosen: AnnData, rule: Recipe) -> float:
    if rule.target_sum is not None:
        return float(rule.target_sum)
    return float(np.median(np.asarray(chosen.layers["counts"].sum(axis=1))))


def _normalise(chosen: AnnData, target_sum: float, *, log1p: bool) -> None:
    import scanpy as sc

    chosen.X = chosen.layers["counts"].astype(np.float32)
    sc.pp.normalize_total(chosen, target_sum=target_sum)
    if log1p:
        sc.pp.log1p(chosen)


def _scale(finished: AnnData, fit: FittedRecipe) -> None:
    """Scale X by the fitted means and deviations: the same arithmetic for the first data set and every later one."""
    genes, limit = fit.genes.loc[fit.names], fit.recipe.max_value
    mean, std = (genes[name].to_numpy(dtype=np.float32) for name in ("mean", "std"))
    values = finished.X
    if fit.recipe.centre:
        values = values.toarray() if sparse.issparse(values) else values
        values = (values - mean) / std
        values = values if limit is None else values.clip(-limit, limit)
    else:
        values = sparse.csr_matrix(values.multiply(1 / std)) if sparse.issparse(values) else values / std
        if limit is not None:
            values = values.minimum(limit) if sparse.issparse(values) else values.clip(max=limit)
    finished.X = values.astype(np.float32)
    finished.var["mean"], finished.var["std"] = genes["mean"], genes["std"]
