"""Anything to AnnData, and AnnData to batches.

`fetch` (a name), `read` (a path) and `simulate_cells` (a known truth) make AnnData; `AnnDataset` and `split` make
batches of it. torch, scanpy and pandas load when a function first needs them.
"""

import importlib
from typing import TYPE_CHECKING, Any

# These two are functions under the names of their modules, so they are bound here and now: a lazy import would leave
# whichever of module and function was touched last.
from genolab.data.fetch import catalog, fetch, mirror
from genolab.data.read import read

if TYPE_CHECKING:
    from genolab.data.cache import File
    from genolab.data.cluster import cluster_sequences
    from genolab.data.cold import ColdSplit, cold_split
    from genolab.data.cycles import Cycles, estimate_cycles, fit_waves
    from genolab.data.dataset import AnnDataset, Batch, Split, split
    from genolab.data.genome import chromosome
    from genolab.data.layout import windows
    from genolab.data.protein import protein_letters, residue_codes, residues
    from genolab.data.relatives import cluster_proteins
    from genolab.data.response_table import responses
    from genolab.data.sequence import kmers, letters, one_hot, reverse_complement
    from genolab.data.simulate import simulate_cells
    from genolab.data.simulate_dna import simulate_sequences
    from genolab.data.simulate_drugs import simulate_responses
    from genolab.data.simulate_pair import GenomePair, simulate_genomes
    from genolab.data.simulate_time import simulate_time_course
    from genolab.data.sources import Source
    from genolab.data.tags import TAGS, coding_genes, dubious_genes, tag_genome
    from genolab.data.time_course import CourseFold, course_folds, courses, pseudotime_courses

__all__ = [
    "TAGS",
    "AnnDataset",
    "Batch",
    "ColdSplit",
    "CourseFold",
    "Cycles",
    "File",
    "GenomePair",
    "Source",
    "Split",
    "catalog",
    "chromosome",
    "cluster_proteins",
    "cluster_sequences",
    "coding_genes",
    "cold_split",
    "course_folds",
    "courses",
    "dubious_genes",
    "estimate_cycles",
    "fetch",
    "fit_waves",
    "kmers",
    "letters",
    "mirror",
    "one_hot",
    "protein_letters",
    "pseudotime_courses",
    "read",
    "residue_codes",
    "residues",
    "responses",
    "reverse_complement",
    "simulate_cells",
    "simulate_genomes",
    "simulate_responses",
    "simulate_sequences",
    "simulate_time_course",
    "split",
    "tag_genome",
    "windows",
]

_MODULE_OF = {
    "AnnDataset": "dataset",
    "Batch": "dataset",
    "ColdSplit": "cold",
    "CourseFold": "time_course",
    "Cycles": "cycles",
    "File": "cache",
    "GenomePair": "simulate_pair",
    "Source": "sources",
    "Split": "dataset",
    "TAGS": "tags",
    "chromosome": "genome",
    "cluster_proteins": "relatives",
    "cluster_sequences": "cluster",
    "coding_genes": "tags",
    "cold_split": "cold",
    "course_folds": "time_course",
    "courses": "time_course",
    "dubious_genes": "tags",
    "estimate_cycles": "cycles",
    "fit_waves": "cycles",
    "kmers": "sequence",
    "letters": "sequence",
    "one_hot": "sequence",
    "protein_letters": "protein",
    "pseudotime_courses": "time_course",
    "residue_codes": "protein",
    "residues": "protein",
    "responses": "response_table",
    "reverse_complement": "sequence",
    "simulate_cells": "simulate",
    "simulate_genomes": "simulate_pair",
    "simulate_responses": "simulate_drugs",
    "simulate_sequences": "simulate_dna",
    "simulate_time_course": "simulate_time",
    "split": "dataset",
    "tag_genome": "tags",
    "windows": "layout",
}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"genolab.data.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"genolab.data has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
