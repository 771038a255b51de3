"""Figures of sequences: logos, mutation maps, filters, tracks."""

from genolab.dna.plot.logo import filters, logo, mutation_map
from genolab.dna.plot.tracks import tracks

__all__ = ["filters", "logo", "mutation_map", "tracks"]
