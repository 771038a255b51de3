"""Genetic codes by NCBI's numbers, from Biopython's tables, and what codons mean in them."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from genolab.sequences.encode import BASE_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

Bytes = NDArray[np.uint8]


def _tables() -> dict[int, Any]:
    """Return the codes in which no codon is both a stop and an amino acid, as it is in three of NCBI's."""
    try:
        from Bio.Data.CodonTable import unambiguous_dna_by_id as tables
    except ImportError as error:
        raise ImportError("genetic codes need Biopython: pip install 'genolab[sequence]'") from error
    return {code: table for code, table in tables.items() if not set(table.stop_codons) & set(table.forward_table)}


_TABLES: Final = _tables()
GENETIC_CODES: Final = {code: str(table.names[0]).lower() for code, table in _TABLES.items()}
"""The genetic codes, by NCBI's numbers."""

# In nuclei and bacteria fewer start codons than NCBI lists: the others begin few genes, and would make reading frames
# of anything.
_STARTS: Final = {1: ("ATG",), 11: ("ATG", "GTG", "TTG"), 12: ("ATG",), 26: ("ATG",)}


def check_code(code: int) -> None:
    """Refuse the number of a code that isn't known."""
    if code not in _TABLES:
        known = ", ".join(f"{number} ({name})" for number, name in GENETIC_CODES.items())
        raise ValueError(f"a genetic code is one of NCBI's numbers, here {known}; got {code!r}")


def start_codons(code: int) -> "Sequence[str]":
    """Return the codons that genes begin with."""
    check_code(code)
    starts: Sequence[str] = _STARTS.get(code) or _TABLES[code].start_codons
    return starts


def stop_codons(code: int) -> "Sequence[str]":
    """Return the codons that genes end with."""
    check_code(code)
    stops: Sequence[str] = _TABLES[code].stop_codons
    return stops


@cache
def _acid_table(code: int) -> Bytes:
    """Return ``(125,)`` ASCII: the amino acid of each codon by the codes of its bases; ``*`` is a stop, X unknown."""
    table = np.full((5, 5, 5), ord("X"), dtype=np.uint8)
    for codon, acid in {**_TABLES[code].forward_table, **dict.fromkeys(_TABLES[code].stop_codons, "*")}.items():
        table[tuple(BASE_CODES[list(codon.encode())])] = ord(acid)
    return table.ravel()


def amino_acids(coding: Bytes, code: int) -> Bytes:
    """Return the amino acids ``(length // 3,)`` of a coding sequence in ASCII; ``*`` is a stop, X unknown."""
    codons = BASE_CODES[coding[: len(coding) // 3 * 3]].reshape(-1, 3)
    acids: Bytes = _acid_table(code)[codons @ np.array([25, 5, 1])]
    return acids


def translate(coding: Bytes | str, code: int = 1) -> str:
    """Return the protein of a coding sequence in frame, text or ASCII, up to its first stop, if it has one.

    `code` is NCBI's number of the genetic code. One or two bases left over at the end are left out, as in mitochondrial
    genes, whose stop codon may be completed by the poly-A tail.

    Examples
    --------
    >>> translate("ATAGCCTGA", code=2)
    'MAW'
    """
    check_code(code)
    if not isinstance(coding, str | np.ndarray):
        raise TypeError(
            f"a coding sequence is a text, or ASCII as uint8, got {type(coding).__name__}: decode bytes first"
        )
    if isinstance(coding, str):
        coding = np.frombuffer(coding.encode("ascii", "replace"), dtype=np.uint8)
    return amino_acids(coding, code).tobytes().decode().split("*", 1)[0]
