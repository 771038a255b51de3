"""The genes of a recipe: ranking variable ones, finding fitted ones in other data, and their mean and deviation."""

import warnings
from typing import Any, Final

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_one_of, warn
from genolab.preprocess.recipe import ON_COUNTS, FittedRecipe, Recipe

_MANY: Final = 0.1  # share of the counted genes that may lack before a cell's size is uncertain
_FEWEST: Final = 10  # scikit-misc's loess, behind seurat_v3, fails on fewer genes; on 3 or fewer it kills the process


def rank_genes(chosen: AnnData, rule: Recipe) -> pd.DataFrame:
    """Choose variable genes; return one row a gene: ``kept``, why, and its mean and deviation where it is to be scaled.

    `chosen` holds log values in X and counts in a layer; its ``var`` gets scanpy's columns.
    """
    figures = pd.DataFrame({"kept": True}, index=pd.Index(chosen.var_names, name="gene"))
    if rule.n_top_genes is not None:
        table = _variable_genes(chosen, rule)
        chosen.var[table.columns] = table
        figures[table.columns] = table
        figures["kept"] = figures.pop("highly_variable")
    if rule.scale:
        if chosen.n_obs == 1:
            raise ValueError("scaling needs the deviation between cells, and the recipe leaves 1 cell: loosen it")
        figures["mean"], variance = _moments(chosen.X)
        figures["std"] = np.where(variance > 0, np.sqrt(variance), 1.0)  # a constant gene stays at its mean
    return figures


def _variable_genes(chosen: AnnData, rule: Recipe) -> pd.DataFrame:
    wanted = int(rule.n_top_genes or 0)
    if wanted > chosen.n_vars:
        raise ValueError(f"n_top_genes={wanted:,} asks for more than the {chosen.n_vars:,} genes left: ask for fewer")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # too few comparable genes is an error of ours, in _exactly
            table = _ranked(chosen, rule.flavor, wanted)
    except ImportError as error:
        raise ImportError(
            f"flavor={rule.flavor!r} needs scikit-misc: pip install 'genolab[cells]', or take flavor='seurat'"
        ) from error
    except ValueError as error:  # seurat_v3's regression and cell_ranger's bins need genes with many different means
        raise ValueError(
            f"flavor={rule.flavor!r} can't rank the genes of {chosen.n_obs:,} cells x {chosen.n_vars:,} genes "
            f"({error}): remove rarely seen genes by min_cells, or take another flavor; 'seurat' bears most data"
        ) from error
    numbers = table.set_axis(chosen.var_names).select_dtypes(["number", "bool"])  # no names, no intervals of bins
    return _exactly(numbers, wanted)


def _ranked(chosen: AnnData, flavor: str, wanted: int) -> pd.DataFrame:
    import scanpy as sc

    if flavor in ON_COUNTS and (varying := int((_moments(chosen.layers["counts"])[1] > 0).sum())) < _FEWEST:
        raise ValueError(f"it needs at least {_FEWEST} genes that vary, and there are {varying}")
    layer = "counts" if flavor in ON_COUNTS else None
    table: pd.DataFrame = sc.pp.highly_variable_genes(
        chosen, layer=layer, n_top_genes=wanted, flavor=flavor, inplace=False
    )
    return table


def _exactly(table: pd.DataFrame, wanted: int) -> pd.DataFrame:
    """Keep `wanted` genes: scanpy takes all that tie for the last place, here the first of them in order win."""
    count = int(table["highly_variable"].sum())
    if count < wanted:
        raise ValueError(
            f"n_top_genes={wanted:,} asks for more genes than differ between cells in a way that can be compared: "
            f"{count:,} of {len(table):,}; ask for fewer"
        )
    if count > wanted:
        spread = table["dispersions_norm"].fillna(-np.inf).to_numpy(dtype=float)
        best = np.argsort(-spread, kind="stable")[:wanted]
        table["highly_variable"] = np.isin(np.arange(len(table)), best)
    return table


def _moments(values: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance (over n - 1) of each gene, in double precision."""
    if sparse.issparse(values):
        from sklearn.utils.sparsefuncs import mean_variance_axis

        mean, variance = mean_variance_axis(values.astype(np.float64), axis=0)
        variance = variance * values.shape[0] / (values.shape[0] - 1)
    else:
        mean, variance = values.mean(axis=0, dtype=np.float64), values.var(axis=0, ddof=1, dtype=np.float64)
    return mean, variance


def find_genes(adata: AnnData, known: FittedRecipe, missing: str) -> pd.Index:
    """Return the genes to take, in the fitted order: the counted ones that are there, and the model's, that must be."""
    check_one_of("missing", missing, ("error", "zero"))
    there = known.genes.index.isin(adata.var_names)
    kept = known.genes["kept"].to_numpy(dtype=bool)
    lacking = list(known.genes.index[kept & ~there])
    if lacking and (missing == "error" or not (kept & there).any()):
        more = ", ..." if len(lacking) > 5 else ""
        raise ValueError(
            f"{len(lacking):,} of the recipe's {kept.sum():,} genes are not in this AnnData: "
            f"{', '.join(map(repr, lacking[:5]))}{more}; its own are named like {adata.var_names[0]!r}. Give both the "
            "same names, or count missing genes as never seen with missing='zero'"
        )
    if (~there).mean() > _MANY:
        warn(
            f"a cell's size was counted over {len(there):,} genes, and {(~there).sum():,} of them are not in this "
            "AnnData, so its values may come out too high"
        )
    names: pd.Index = known.genes.index[there | kept]
    return names


def select(adata: AnnData, counts: Any, cells: NDArray[np.bool_], names: pd.Index) -> AnnData:
    """Return a new AnnData of some cells and the named genes, counts in a layer; genes that aren't there get zeros."""
    place = adata.var_names.get_indexer(names)
    here = place[place >= 0]
    view = adata[cells, here]
    taken = view.to_memory() if adata.isbacked else view.copy()
    taken.layers["counts"] = counts[cells][:, here]
    taken.uns.pop("log1p", None)  # what was done to the old X says nothing about the new one
    return taken if (place >= 0).all() else _fill(taken, names, place < 0)


def _fill(taken: AnnData, names: pd.Index, filled: NDArray[np.bool_]) -> AnnData:
    """Return `taken` with all of `names`, in order; the `filled` ones get zero counts."""
    counts = taken.layers["counts"]
    at = (np.arange(taken.n_vars), np.flatnonzero(~filled))
    spread = sparse.csr_matrix((np.ones(taken.n_vars, counts.dtype), at), shape=(taken.n_vars, len(names)))
    nullable = {name: "boolean" for name in taken.var if taken.var[name].dtype == bool}  # bool has no missing value
    var = taken.var.astype(nullable).reindex(names)
    var["filled"] = filled
    new = AnnData(obs=taken.obs, var=var, uns=taken.uns, obsm=dict(taken.obsm), obsp=dict(taken.obsp))
    new.layers["counts"] = counts @ spread
    if taken.raw is not None:
        new.raw = taken.raw.to_adata()
    return new
