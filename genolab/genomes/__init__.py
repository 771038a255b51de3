"""Genomes side by side: homologous blocks, variants, shared genes, distances and a tree.

>>> pair = gl.genome.compare("human_mt", "orangutan_mt")
>>> pair.blocks, pair.variants, pair.shared_genes
>>> pair.to_vcf("variants.vcf")
"""

from genolab.genome.codes import CODES, translate
from genolab.genome.comparison import Comparison, compare
from genolab.genome.fill import Block, aligned_bases
from genolab.genome.side import Genome, open_genome
from genolab.genome.trees import distances, tree

__all__ = [
    "CODES",
    "Block",
    "Comparison",
    "Genome",
    "aligned_bases",
    "compare",
    "distances",
    "open_genome",
    "translate",
    "tree",
]
