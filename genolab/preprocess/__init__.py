"""Counts to model-ready values: a recipe, what it does to cells and genes, and what it fitted; scanpy works inside.

A `Recipe` holds the choices. `apply` follows it and returns a new AnnData that carries, in ``.uns["recipe"]``, the
choices, everything fitted, and how many cells and genes each step left. `fitted` reads that back, so that a second
data set gets the same genes, in the same order, on the same scale.

>>> recipe = Recipe(min_genes=200, min_cells=3, n_top_genes=2000)
>>> cells = apply(raw, recipe)
>>> summary(cells)  # what each step removed
>>> other = apply(other_raw, fitted(cells))
"""

from genolab.preprocess.apply import apply
from genolab.preprocess.counts import counts_of, quality
from genolab.preprocess.recipe import FittedRecipe, Flavor, Recipe, fitted, summary

__all__ = ["FittedRecipe", "Flavor", "Recipe", "apply", "counts_of", "fitted", "quality", "summary"]
