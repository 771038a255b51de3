"""The codons of genome a's genes in an alignment, and what genome b has in their place."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.genomes.alignment_view.columns import Columns
from genolab.sequences.annotation import Gene
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.genetic_codes import amino_acids

Whole = NDArray[np.int64]

_GAP: Final = ord("-")
_UNKNOWN: Final = "X"


class Codon(NamedTuple):
    """One codon.

    Attributes
    ----------
    columns
        Of its three bases, ascending.
    gene
        Which of the genes it belongs to.
    a, b
        Amino acids, ``*`` for a stop; `b` is empty where a gap breaks the codon.
    change
        ``"same"``, ``"silent"`` (other bases, the same amino acid), ``"other"`` (another amino acid), ``"broken"``, or
        ``"unknown"`` (a letter is ambiguous, such as N, so that `a` or `b` is X).
    """

    columns: tuple[int, int, int]
    gene: int
    a: str
    b: str
    change: str


def codons(columns: Columns, genes: Sequence[Gene], first: int, stop: int, code: int) -> list[Codon]:
    """Return the codons of genes, on genome a, that reach into some columns.

    A codon is taken as genome a's annotation has it, so that behind a gap whose length is no multiple of three b is
    still read in a's frame.

    Parameters
    ----------
    columns
        Of the block.
    genes
        Coding genes on the block's chromosome of a.
    first, stop
        The columns, half-open.
    code
        NCBI's number of the genetic code.
    """
    found = []
    for number, gene in enumerate(genes):
        at = _places(columns, gene)
        at = at[(at >= 0).all(axis=1) & (at >= first).any(axis=1) & (at < stop).any(axis=1)]
        if len(at):
            found += _read(columns, at, gene.strand, number, code)
    return found


def _places(columns: Columns, gene: Gene) -> Whole:
    """Return the columns of each codon, ``(n, 3)`` in the order of reading; -1 outside of the block."""
    place = np.concatenate([np.arange(start, end) for start, end in gene.exons])
    place = (place if gene.strand == "+" else place[::-1])[gene.phase :]
    whole = place[: len(place) // 3 * 3]
    return columns.of_a(whole % columns.a_length).reshape(-1, 3)


def _read(columns: Columns, at: Whole, strand: str, gene: int, code: int) -> list[Codon]:
    low = int(at.min())
    page = columns.page(low, int(at.max()) + 1)
    one, other = page.a[at - low], page.b[at - low]  # (n, 3)
    if strand == "-":
        one, other = COMPLEMENT[one], COMPLEMENT[other]
    neighbours = np.abs(np.diff(page.a_at[at - low], axis=1)) == 1
    inserted = (neighbours & (np.abs(np.diff(at, axis=1)) != 1)).any(axis=1)
    broken = (other == _GAP).any(axis=1) | inserted
    acids = [amino_acids(letters.ravel(), code).tobytes().decode() for letters in (one, other)]
    same = (one == other).all(axis=1)
    found = []
    for row, ((first, second, third), mine, yours) in enumerate(zip(np.sort(at, axis=1).tolist(), *acids, strict=True)):
        change = "broken" if broken[row] else _change(mine, yours, same=bool(same[row]))
        found.append(Codon((first, second, third), gene, mine, "" if broken[row] else yours, change))
    return found


def _change(mine: str, yours: str, *, same: bool) -> str:
    if _UNKNOWN in {mine, yours}:
        return "unknown"
    return "same" if same else "silent" if mine == yours else "other"
