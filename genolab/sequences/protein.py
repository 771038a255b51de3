"""Proteins to numbers and back: a code a residue, and residues one-hot over the twenty amino acids.

Codes are 0 for nothing (after a sequence's end) and k for ``RESIDUES[k - 1]``. Lower case is the same as upper case.
What is no residue, such as a gap or a stop (``*``), is refused.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Codes = NDArray[np.uint8]

AMINO_ACIDS: Final = "ACDEFGHIKLMNPQRSTVWY"
# What a code of one letter may stand for. Selenocysteine and pyrrolysine are read as what they were made from.
_AMBIGUOUS: Final = {"B": "DN", "Z": "EQ", "J": "IL", "X": AMINO_ACIDS, "U": "C", "O": "K"}
RESIDUES: Final = AMINO_ACIDS + "".join(_AMBIGUOUS)
"""The residue of each code from 1 on."""

_ASCII: Final = np.frombuffer(f" {RESIDUES}".encode(), dtype=np.uint8)
_CODES: Final[Codes] = np.zeros(256, dtype=np.uint8)  # of each ASCII letter; 0 for what is no residue
_CODES[_ASCII[1:]] = _CODES[_ASCII[1:] + 32] = np.arange(1, len(_ASCII))


def encode_protein(sequences: str | Sequence[str], *, length: int | None = None) -> Codes:
    """Return the codes of one or several proteins, ``(n, length)`` uint8: 0 after a protein's end.

    `length` is by default that of the longest; longer proteins lose their end.

    Examples
    --------
    >>> encode_protein(["ACD", "MX"]).tolist()
    [[1, 2, 3], [11, 24, 0]]
    """
    rows = [sequences] if isinstance(sequences, str) else list(sequences)
    if not rows or not all(isinstance(row, str) and row for row in rows):
        raise ValueError(f"proteins come as texts of at least one letter, got {rows[:3]!r}")
    width = max(map(len, rows)) if length is None else length
    if width < 1:
        raise ValueError(f"length is a whole number of residues, at least 1, got {length}")
    codes = np.zeros((len(rows), width), dtype=np.uint8)
    for number, row in enumerate(rows):
        own = _CODES[np.frombuffer(row.encode("ascii", "replace"), dtype=np.uint8)]
        if not own.all():
            position = int(own.argmin())
            raise ValueError(
                f"a protein's letters are the 20 amino acids and {' '.join(_AMBIGUOUS)}; protein {number} has "
                f"{row[position]!r} at position {position}: remove stops (*) and gaps (-), and write X for what isn't "
                "known"
            )
        codes[number, : len(row)] = own[:width]
    return codes


def decode_protein(codes: ArrayLike) -> list[str]:
    """Return the proteins that codes ``(n, length)`` stand for, up to each one's end."""
    return [_ASCII[row[row > 0]].tobytes().decode() for row in np.atleast_2d(np.asarray(codes, dtype=np.uint8))]


def one_hot_protein(codes: ArrayLike) -> NDArray[np.float32]:
    """Return residues one-hot, ``(n, 20, length)`` float32, in the order of `AMINO_ACIDS`, from codes ``(n, length)``.

    An ambiguous residue is equal shares of all that it may be (X: a twentieth each); after the end there are zeros.
    """
    shares: NDArray[np.float32] = RESIDUE_SHARES[np.asarray(codes)].transpose(0, 2, 1)
    return shares


def _residue_shares() -> NDArray[np.float32]:
    meanings = ["", *(_AMBIGUOUS.get(residue, residue) for residue in RESIDUES)]
    return np.array([[(acid in one) / max(1, len(one)) for acid in AMINO_ACIDS] for one in meanings], dtype=np.float32)


RESIDUE_SHARES: Final = _residue_shares()
"""``(27, 20)``: the shares of the amino acids in what each code stands for."""
