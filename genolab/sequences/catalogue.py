"""How the known genomes are made from their files."""

from typing import TYPE_CHECKING

from genolab.data.catalogue import Paths

if TYPE_CHECKING:
    from anndata import AnnData


def build_yeast_genome(paths: Paths) -> "AnnData":
    """Read SGD's features of two chromosomes; the sequence is looked into as it is needed."""
    from genolab.sequences.genome import read_genome

    return read_genome(paths["yeast_chr1_2.gff3.gz"], paths["yeast_chr1_2.fa.gz"])


def build_annotated_genome(paths: Paths) -> "AnnData":
    """Read a genome of two files, features (``.gff3.gz``) and sequence (``.fa.gz``)."""
    from genolab.sequences.genome import read_genome

    sequence, features = sorted(paths)
    return read_genome(paths[features], paths[sequence])


def build_contigs(paths: Paths) -> "AnnData":
    """Read a genome without annotation: there are no rows, but the sequence can be looked into and compared."""
    import pandas as pd

    from genolab.sequences.genome import genome_adata, genome_info
    from genolab.sequences.regions import COLUMNS

    (path,) = paths.values()
    return genome_adata(
        pd.DataFrame({name: [] for name in COLUMNS}, index=pd.Index([], dtype=object)), genome_info(path)
    )


def build_circles(paths: Paths) -> "AnnData":
    """Read a genome without annotation, whose chromosomes are circles."""
    genome = build_contigs(paths)
    genome.uns["genome"]["circular"] = list(genome.uns["genome"]["lengths"])
    return genome
