"""Open reading frames in any genetic code, for genomes without annotation."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.genetic_codes import amino_acids, are_starts
from genolab.sequences.orfs import Frame, apart

Bytes = NDArray[np.uint8]


def reading_frames(letters: Bytes, code: int, *, min_length: int, circular: bool = False) -> list[Frame]:
    """Return (first base, end, strand) of open reading frames on both strands, none over another: longer ones go first.

    A frame goes from the first start codon behind a stop codon to the next stop codon, which is part of it. On a
    circle it may go over the origin; its end then lies beyond the circle's length.

    Parameters
    ----------
    letters
        Upper-case ASCII.
    code
        NCBI's number of the genetic code.
    min_length
        Fewest bases, the stop codon among them.
    circular
        Whether the letters are a circle.
    """
    size = len(letters)
    walk = _of_circle if circular else _of_strand
    found: list[Frame] = [(start, end, "+") for start, end in walk(letters, code, min_length)]
    turned = COMPLEMENT[letters[::-1]]
    for start, end in walk(turned, code, min_length):
        back = size if end > size else 0
        found.append((back + size - end, back + size - start, "-"))
    return apart(sorted(found, key=lambda frame: (frame[0] - frame[1], frame)), size, 0.0)


def _of_circle(letters: Bytes, code: int, min_length: int) -> Iterator[tuple[int, int]]:
    """Walk the frames that end in a circle's second round, before which all that leads to them was seen once."""
    size = len(letters)
    for start, end in _of_strand(np.tile(letters, 2), code, min_length):
        if end > size and end - start <= size:
            back = start // size * size
            yield start - back, end - back


def _of_strand(letters: Bytes, code: int, min_length: int) -> Iterator[tuple[int, int]]:
    for shift in range(3):
        part = letters[shift:]
        stops = np.flatnonzero(amino_acids(part, code) == ord("*"))
        starts = np.flatnonzero(are_starts(part, code))
        if len(starts) == 0:
            continue
        after = np.concatenate([[0], stops[:-1] + 1]) if len(stops) else stops
        first = starts[np.minimum(np.searchsorted(starts, after), len(starts) - 1)]
        long = (first >= after) & (3 * (stops + 1 - first) >= min_length)
        yield from zip((3 * first + shift)[long].tolist(), (3 * (stops + 1) + shift)[long].tolist(), strict=True)
