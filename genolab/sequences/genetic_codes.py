"""Genetic codes by NCBI's numbers, and what codons mean in them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# Amino acids of the codons TTT TTC TTA TTG TCT ... GGG, as NCBI prints its tables; * is a stop.
_TABLES: Final = {
    1: "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
    2: "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG",
    3: "FFLLSSSSYY**CCWWTTTTPPPPHHQQRRRRIIMMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
    4: "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
    5: "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSSSSVVVVAAAADDEEGGGG",
    6: "FFLLSSSSYYQQCC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
    9: "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNNKSSSSVVVVAAAADDEEGGGG",
    11: "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
}
GENETIC_CODES: Final = {
    1: "standard",
    2: "vertebrate mitochondria",
    3: "yeast mitochondria",
    4: "mould mitochondria, Mycoplasma",
    5: "invertebrate mitochondria",
    6: "ciliate nuclei",
    9: "echinoderm and flatworm mitochondria",
    11: "bacteria, archaea, plastids",
}
"""The codes that are known here, by NCBI's numbers."""

# Codons that genes begin with, as NCBI lists them; in nuclei ATG alone: CTG and TTG begin few genes there, and would
# make reading frames of anything.
_STARTS: Final = {
    2: "ATG ATA ATC ATT GTG",
    3: "ATG ATA GTG",
    4: "ATG ATA ATC ATT GTG TTG CTG TTA",
    5: "ATG ATA ATC ATT GTG TTG",
    9: "ATG GTG",
    11: "ATG GTG TTG",
}

_BASE: Final = np.full(256, 64, dtype=np.int64)  # so large that a codon with another letter is beyond the 64
_BASE[np.frombuffer(b"TCAG", dtype=np.uint8)] = np.arange(4)
_UNKNOWN: Final = ord("X")


def check_code(code: int) -> None:
    """Refuse the number of a code that isn't known."""
    if code not in _TABLES:
        known = ", ".join(f"{number} ({name})" for number, name in GENETIC_CODES.items())
        raise ValueError(f"a genetic code is one of NCBI's numbers, here {known}; got {code!r}")


def amino_acids(letters: Bytes, code: int) -> Bytes:
    """Return the amino acids ``(length // 3,)`` of coding letters, as ASCII; ``*`` is a stop, X unknown."""
    number = _numbers(letters)
    table = np.frombuffer(_TABLES[code].encode(), dtype=np.uint8)
    return np.where(number < 64, table[np.minimum(number, 63)], _UNKNOWN).astype(np.uint8)


def are_starts(letters: Bytes, code: int) -> NDArray[np.bool_]:
    """Say which codons ``(length // 3,)`` of coding letters can begin a gene."""
    starts = _STARTS.get(code, "ATG").replace(" ", "")
    return np.isin(_numbers(letters), _numbers(np.frombuffer(starts.encode(), dtype=np.uint8)))


def _numbers(letters: Bytes) -> NDArray[np.int64]:
    """Return the places of codons in NCBI's tables; 64 and more where a letter is unknown."""
    codons = letters[: len(letters) // 3 * 3].reshape(-1, 3)
    numbers: NDArray[np.int64] = _BASE[codons] @ np.array([16, 4, 1])
    return numbers


def translate(letters: Bytes | str, code: int = 1) -> str:
    """Return a protein, up to its first stop, if it has one.

    Parameters
    ----------
    letters
        Coding letters in frame; one or two left over at the end are left out, as in mitochondrial genes, whose stop
        codon may be completed by the poly-A tail.
    code
        NCBI's number of the genetic code.

    Raises
    ------
    ValueError
        The code isn't known.
    TypeError
        The letters are neither text nor uint8.

    Examples
    --------
    >>> translate("ATAGCCTGA", code=2)
    'MAW'
    """
    check_code(code)
    if not isinstance(letters, str | np.ndarray):
        raise TypeError(
            f"coding letters are a text, or ASCII as uint8, got {type(letters).__name__}: decode bytes first"
        )
    known = (
        np.frombuffer(letters.upper().replace("U", "T").encode("ascii", "replace"), dtype=np.uint8)
        if isinstance(letters, str)
        else letters
    )
    return amino_acids(known, code).tobytes().decode().split("*", 1)[0]
