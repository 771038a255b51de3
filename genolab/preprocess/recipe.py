"""The recipe: what is chosen, what was fitted, what each step left, and its record in an AnnData."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd
from anndata import AnnData

import genolab
from genolab.checks import check_one_of
from genolab.config import check, control

Flavor = Literal["seurat_v3", "seurat_v3_paper", "seurat", "cell_ranger"]

ON_COUNTS = ("seurat_v3", "seurat_v3_paper")
"""Flavors that rank genes by their counts; the others rank log values."""


@dataclass(frozen=True)
class Recipe:
    """The choices between raw counts and the values that a model reads, in the order in which they are followed.

    Attributes
    ----------
    min_genes
        A cell with fewer detected genes is removed. At least 1: an empty cell can't be normalised.
    max_counts
        A cell with more counts is removed, as it may be two cells; ``None``: no limit.
    max_mito
        A cell with a larger percentage of its counts in mitochondrial genes is removed, as it may be dying; ``None``:
        no limit. Mitochondrial are the genes named ``MT-...`` or ``mt-...``, or marked in ``var["mt"]``; see `quality`.
    min_cells
        A gene seen in fewer of the cells left is removed.
    target_sum
        Each cell's counts are scaled to this sum over all genes left; ``None``: to the median sum of the cells left.
    log1p
        Take the natural logarithm of 1 + value.
    n_top_genes
        Number of variable genes to keep, exactly; ``None``: all.
    flavor
        How variable genes are ranked, see `scanpy.pp.highly_variable_genes`: ``"seurat"`` and ``"cell_ranger"`` by log
        values, ``"seurat_v3"`` and ``"seurat_v3_paper"`` by counts (they need scikit-misc; without batches they agree).
    scale
        Whether to bring each gene to unit variance.
    centre
        Whether scaling also brings each gene's mean to 0. That makes X dense: 4 bytes a cell and gene.
    max_value
        Scaled values are clipped to this, on both sides where centred; ``None``: not clipped.
    """

    min_genes: int = control(1, low=1, high=100_000, help="Cells with fewer detected genes are removed.", unit="genes")
    max_counts: int | None = control(
        None, low=1, high=1e9, scale="log", help="Cells with more counts are removed.", unit="counts"
    )
    max_mito: float | None = control(
        None, low=0, high=100, help="Cells with a larger share of mitochondrial counts are removed.", unit="%"
    )
    min_cells: int = control(1, low=1, high=1_000_000, help="Genes seen in fewer cells are removed.", unit="cells")
    target_sum: float | None = control(
        1e4, low=1, high=1e7, scale="log", help="The counts of each cell are scaled to this sum.", unit="counts"
    )
    log1p: bool = True
    n_top_genes: int | None = control(
        None, low=1, high=100_000, scale="log", help="Number of variable genes to keep.", unit="genes"
    )
    flavor: Flavor = "seurat_v3"
    scale: bool = False
    centre: bool = True
    max_value: float | None = control(
        None, low=0.1, high=1000, scale="log", help="Scaled values are clipped to this.", unit="standard deviations"
    )

    def __post_init__(self) -> None:
        check(self)
        for name in ("min_genes", "max_counts", "min_cells", "n_top_genes"):
            value = getattr(self, name)
            if value is not None and value != int(value):
                raise ValueError(f"Recipe.{name} must be a whole number, got {value!r}")
        check_one_of("Recipe.flavor", self.flavor, get_args(Flavor))
        if self.n_top_genes is not None and not self.log1p and self.flavor not in ON_COUNTS:
            raise ValueError(f"flavor={self.flavor!r} ranks log values: set log1p=True, or take flavor='seurat_v3'")


@dataclass(frozen=True, eq=False)
class FittedRecipe:
    """A recipe and what was fitted by it.

    Attributes
    ----------
    genes
        One row for each gene over which the size of a cell was counted, in order. ``kept`` marks the model's genes;
        further columns are scanpy's figures of variable genes, and ``mean`` and ``std`` of a scaled recipe.
    target_sum
        The sum that each cell was scaled to.
    """

    recipe: Recipe
    genes: pd.DataFrame
    target_sum: float
    n_cells: int  # that it was fitted on
    version: str  # of genolab

    @property
    def names(self) -> list[str]:
        """Names of the model's genes, in order."""
        return list(self.genes.index[self.genes["kept"].to_numpy()])

    def __repr__(self) -> str:
        return f"FittedRecipe({len(self.names):,} genes, fitted on {self.n_cells:,} cells; {self.recipe})"


class Step(NamedTuple):
    """What a step is, in words, and how many cells and genes it left."""

    step: str
    cells: int
    genes: int


def check_left(steps: Sequence[Step]) -> None:
    """Raise ValueError with what each step left, when the last one left nothing."""
    if steps[-1].cells == 0 or steps[-1].genes == 0:
        left = "; ".join(f"{s.step}: {s.cells:,} cells x {s.genes:,} genes" for s in steps)
        raise ValueError(f"the recipe leaves nothing. After each step: {left}. Loosen the step that removed most.")


def record(fit: FittedRecipe, steps: Sequence[Step]) -> dict[str, Any]:
    """Write a recipe in types that h5ad and zarr keep; the choices as JSON, since None is not one of them."""
    return {
        "version": fit.version,
        "recipe": json.dumps(asdict(fit.recipe)),
        "genes": fit.genes,
        "target_sum": fit.target_sum,
        "n_cells": fit.n_cells,
        "steps": pd.DataFrame(steps).set_axis([str(number) for number in range(len(steps))]),
    }


def fitted(cells: AnnData) -> FittedRecipe:
    """Read back what `genolab.preprocess.apply` fitted, also after writing and reading, to apply it to other cells."""
    kept = _recorded(cells)
    choices = json.loads(str(kept["recipe"]))
    unknown = sorted(set(choices) - {field.name for field in fields(Recipe)})
    if unknown:
        raise ValueError(
            f"the recipe was made by genolab {kept['version']} and has {unknown}, which genolab {genolab.__version__} "
            "doesn't know: update genolab, or apply a new Recipe"
        )
    return FittedRecipe(
        recipe=Recipe(**choices),
        genes=kept["genes"].copy(),
        target_sum=float(kept["target_sum"]),
        n_cells=int(kept["n_cells"]),
        version=str(kept["version"]),
    )


def summary(cells: AnnData) -> pd.DataFrame:
    """Return what each step of the recipe removed.

    One row a step: ``step`` in words, ``cells`` and ``genes`` left after it, ``cells_removed``, ``genes_removed``.
    """
    steps: pd.DataFrame = _recorded(cells)["steps"].reset_index(drop=True)
    for name in ("cells", "genes"):
        steps[f"{name}_removed"] = -steps[name].diff().fillna(0).astype(int)
    return steps


def _recorded(cells: AnnData) -> dict[str, Any]:
    found = cells.uns.get("recipe")
    if not isinstance(found, dict) or "genes" not in found:
        raise KeyError(
            f"no recipe of genolab is in this AnnData; uns has {sorted(cells.uns)}. Call gl.preprocess.apply first."
        )
    return found
