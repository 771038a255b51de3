"""The codons of genome a's genes in an alignment, and what genome b has in their place."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.genomes.alignment_view.columns import GAP, AlignmentColumns
from genolab.sequences.annotation import Gene
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.genetic_codes import amino_acids

Integers = NDArray[np.int64]

_UNKNOWN: Final = "X"


class Codon(NamedTuple):
    """One codon.

    Its `change` is ``"same"``, ``"silent"`` (other bases, the same amino acid), ``"other"`` (another amino acid),
    ``"broken"`` (by a gap), or ``"unknown"`` (a base is ambiguous, such as N, so that `a` or `b` is X).
    """

    columns: tuple[int, int, int]  # of its bases, ascending
    gene: int  # which of the genes
    a: str  # amino acid, * for a stop
    b: str  # empty where the codon is broken
    change: str


def codons(columns: AlignmentColumns, genes: Sequence[Gene], first: int, stop: int, code: int) -> list[Codon]:
    """Return the codons of coding genes of genome a that reach into columns ``[first, stop)``, by a genetic code.

    A codon is taken as genome a's annotation has it, so that after a gap whose length is no multiple of three b is
    still read in a's frame.
    """
    result = []
    for number, gene in enumerate(genes):
        at = _codon_columns(columns, gene)
        at = at[(at >= 0).all(axis=1) & (at >= first).any(axis=1) & (at < stop).any(axis=1)]
        if len(at):
            result += _read(columns, at, gene.strand, number, code)
    return result


def _codon_columns(columns: AlignmentColumns, gene: Gene) -> Integers:
    """Return the columns of each codon, ``(n, 3)`` in the order of reading; -1 outside of the block."""
    positions = np.concatenate([np.arange(start, end) for start, end in gene.exons])
    positions = (positions if gene.strand == "+" else positions[::-1])[gene.phase :]
    whole = positions[: len(positions) // 3 * 3]
    return columns.of_a(whole % columns.block.a.size).reshape(-1, 3)


def _read(columns: AlignmentColumns, at: Integers, strand: str, gene: int, code: int) -> list[Codon]:
    low = int(at.min())
    page = columns.page(low, int(at.max()) + 1)
    a, b = page.a[at - low], page.b[at - low]  # (n, 3)
    if strand == "-":
        a, b = COMPLEMENT[a], COMPLEMENT[b]
    neighbours = np.abs(np.diff(page.a_at[at - low], axis=1)) == 1
    inserted = (neighbours & (np.abs(np.diff(at, axis=1)) != 1)).any(axis=1)
    broken = (b == GAP).any(axis=1) | inserted
    acids_a, acids_b = (np.frombuffer(amino_acids(bases.ravel(), code), dtype="S1").astype("U1") for bases in (a, b))
    change = np.select(
        [broken, (acids_a == _UNKNOWN) | (acids_b == _UNKNOWN), (a == b).all(axis=1), acids_a == acids_b],
        ["broken", "unknown", "same", "silent"],
        "other",
    )
    rows = zip(np.sort(at, axis=1).tolist(), acids_a, np.where(broken, "", acids_b), change, strict=True)
    return [Codon((x, y, z), gene, str(one), str(other), str(kind)) for (x, y, z), one, other, kind in rows]
