"""Figures of two genomes: dot plots, synteny, variants."""

from genolab.genomes.plot.dotplot import dotplot
from genolab.genomes.plot.synteny import synteny
from genolab.genomes.plot.variants import variants

__all__ = ["dotplot", "synteny", "variants"]
