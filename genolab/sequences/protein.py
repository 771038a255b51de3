"""Residues to numbers and back: codes a byte each, and mixtures of the twenty amino acids.

Codes are 0 for nothing (behind a sequence's end) and k for ``LETTERS[k - 1]``. Lower case is the same as upper case.
What is no residue, such as a gap or a stop (``*``), is refused.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Codes = NDArray[np.uint8]

AMINO_ACIDS: Final = "ACDEFGHIKLMNPQRSTVWY"
# What a letter may stand for. Selenocysteine and pyrrolysine are read as what they were made from.
_STANDS_FOR: Final = {"B": "DN", "Z": "EQ", "J": "IL", "X": AMINO_ACIDS, "U": "C", "O": "K"}
LETTERS: Final = AMINO_ACIDS + "".join(_STANDS_FOR)
"""Letter of each code from 1 on."""


def residue_codes(sequences: str | Sequence[str], *, length: int | None = None) -> Codes:
    """Turn proteins into numbers.

    Parameters
    ----------
    sequences
        One protein, or several of any lengths; case doesn't matter.
    length
        Residues a row; longer proteins lose their end. ``None``: as many as the longest has.

    Returns
    -------
    ``(n, length)`` uint8: 0 behind a protein's end, else the place of its letter in ``LETTERS``, counted from 1.

    Raises
    ------
    ValueError
        A letter is no residue (the message says where), a protein is empty, or nothing came.

    Examples
    --------
    >>> residue_codes(["ACD", "MX"]).tolist()
    [[1, 2, 3], [11, 24, 0]]
    """
    rows = [sequences] if isinstance(sequences, str) else list(sequences)
    if not rows or not all(isinstance(row, str) and row for row in rows):
        raise ValueError(f"proteins come as texts of at least one letter, got {rows[:3]!r}")
    widest = max(map(len, rows)) if length is None else length
    if widest < 1:
        raise ValueError(f"length is a whole number of residues, at least 1, got {length}")
    codes = np.zeros((len(rows), widest), dtype=np.uint8)
    for number, row in enumerate(rows):
        found = _CODE_OF[np.frombuffer(row.encode("ascii", "replace"), dtype=np.uint8)]
        if not found.all():
            raise ValueError(_no_residue(row, number, int(found.argmin())))
        codes[number, : len(row)] = found[:widest]
    return codes


def _no_residue(row: str, number: int, place: int) -> str:
    return (
        f"a protein's letters are the 20 amino acids and {' '.join(_STANDS_FOR)}; protein {number} has {row[place]!r} "
        f"at position {place}: remove stops (*) and gaps (-), and write X for what isn't known"
    )


def protein_letters(codes: ArrayLike) -> list[str]:
    """Return the proteins that codes ``(n, length)`` stand for, up to each one's end."""
    table = np.frombuffer(f" {LETTERS}".encode(), dtype=np.uint8)
    rows = np.atleast_2d(np.asarray(codes, dtype=np.uint8))
    return [table[row[row > 0]].tobytes().decode() for row in rows]


def residues(codes: ArrayLike) -> NDArray[np.float32]:
    """Return what stands at each position as shares of the twenty amino acids.

    Parameters
    ----------
    codes
        ``(n, length)`` uint8, of `residue_codes`.

    Returns
    -------
    ``(n, 20, length)`` float32, in the order of ``AMINO_ACIDS``: a one for a known residue; equal shares of all that an
    ambiguous letter may be (X: a twentieth each); nothing but zeros behind the end.
    """
    found: NDArray[np.float32] = SHARES[np.asarray(codes)].transpose(0, 2, 1)
    return found


def _shares() -> NDArray[np.float32]:
    """Return ``(27, 20)``: the shares of the amino acids in what each code stands for."""
    meant = ["", *(_STANDS_FOR.get(letter, letter) for letter in LETTERS)]
    return np.array([[(acid in one) / max(1, len(one)) for acid in AMINO_ACIDS] for one in meant], dtype=np.float32)


def _code_of() -> Codes:
    """Return ``(256,)``: the code of each ASCII letter, 0 for what is no residue."""
    table = np.zeros(256, dtype=np.uint8)
    for code, letter in enumerate(LETTERS, start=1):
        table[[ord(letter), ord(letter.lower())]] = code
    return table


SHARES: Final = _shares()
_CODE_OF: Final = _code_of()
