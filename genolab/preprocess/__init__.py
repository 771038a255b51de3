"""Counts to model-ready values, by scanpy's steps and with scanpy's numbers.

Recipe        the choices: which cells and genes stay, how values are normalised
Flavor        how variable genes are ranked
apply         follow a recipe: a new AnnData, with what was done and fitted in ``.uns["recipe"]``
suggest       a recipe for cells of which nothing is known
summary       what each step removed
fitted        read back what was fitted, for further cells
FittedRecipe  what `fitted` gives
counts_of     the raw counts of an AnnData, checked
find_counts   where they are
quality       counts, genes and mitochondrial share of each cell

>>> cells = apply(raw, Recipe(min_genes=200, min_cells=3, n_top_genes=2000))
>>> other = apply(other_raw, fitted(cells))  # the same genes, in the same order, on the same scale
"""

from genolab.preprocess.apply import apply
from genolab.preprocess.counts import counts_of, find_counts, quality
from genolab.preprocess.recipe import FittedRecipe, Flavor, Recipe, fitted, summary
from genolab.preprocess.suggest import suggest

__all__ = [
    "FittedRecipe",
    "Flavor",
    "Recipe",
    "apply",
    "counts_of",
    "find_counts",
    "fitted",
    "quality",
    "suggest",
    "summary",
]
