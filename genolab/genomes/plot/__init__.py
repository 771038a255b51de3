"""Figures of genomes: dot plots, synteny, variants, a tree."""

from genolab.genomes.plot.dotplot import dotplot
from genolab.genomes.plot.synteny import synteny
from genolab.genomes.plot.tree import tree
from genolab.genomes.plot.variants import variants

__all__ = ["dotplot", "synteny", "tree", "variants"]
