"""Open reading frames: what every gene finder must beat."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.sequences.annotation import GENE_COLUMNS, NO_PHASE

Frame = tuple[int, int, str]
_CODONS: Final = 125  # five letters, N among them

_OTHER_STRAND: Final = np.array([3, 2, 1, 0, 4], dtype=np.int8)
_CODE: Final = np.full(256, 4, dtype=np.int8)
for _number, _letters in enumerate(("Aa", "Cc", "Gg", "TtUu")):
    _CODE[[ord(letter) for letter in _letters]] = _number


def strand_codes(sequence: str) -> NDArray[np.int8]:
    """Return a sequence and its reverse complement as numbers, ``(2, length)``: A C G T as 0 to 3, anything else 4."""
    forward = _CODE[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]
    return np.stack([forward, _OTHER_STRAND[forward[::-1]]])


def open_reading_frames(
    sequence: str,
    *,
    min_length: int = 300,
    starts: Sequence[str] = ("ATG",),
    overlap: float = 0.0,
    chromosome: str = "sequence",
    start: int = 0,
) -> pd.DataFrame:
    """Find the longest open reading frames on both strands: from a start codon to the next stop codon in its frame.

    Of nested ones, only the longest counts; of those that overlap, the longer is taken first, as a person would.

    Parameters
    ----------
    sequence
        Letters, + strand.
    min_length
        Fewest bases, the stop codon among them.
    starts
        Start codons.
    overlap
        Share of its bases, 0 to 1, that a frame may have in common with longer ones that were taken; 1: any.
    chromosome, start
        As in `decode`.

    Returns
    -------
    DataFrame
        Genes with one coding part each, in the form that `decode` gives; the score is the length in codons.

    Raises
    ------
    ValueError
        The overlap is no share, or a start codon isn't three letters.

    Examples
    --------
    >>> open_reading_frames("CCATGAAATAGCC", min_length=9)[["start", "end", "strand"]].iloc[0].tolist()
    [2, 11, '+']
    """
    if not 0 <= overlap <= 1:
        raise ValueError(f"overlap must be a share, 0 to 1, got {overlap!r}")
    if any(len(codon) != 3 for codon in starts):
        raise ValueError(f"a start codon has three letters, got {list(starts)}")
    found = reading_frames(sequence, min_length=min_length, starts=starts)
    found.sort(key=lambda frame: (frame[0] - frame[1], frame))
    kept = apart(found, len(sequence), overlap)
    return features({frame: float((frame[1] - frame[0]) // 3) for frame in kept}, chromosome, start)


def reading_frames(sequence: str, *, min_length: int, starts: Sequence[str] = ("ATG",)) -> list[Frame]:
    """Return (first base, end, strand) of every longest frame, overlapping ones too, in order of place."""
    bases = strand_codes(sequence)
    kind = _codon_kinds(starts)
    found: list[Frame] = [(first, end, "+") for first, end in _frames(bases[0], kind, min_length)]
    length = len(sequence)
    found += [(length - end, length - first, "-") for first, end in _frames(bases[1], kind, min_length)]
    return sorted(found)


def apart(frames: Sequence[Frame], length: int, overlap: float) -> list[Frame]:
    """Take frames in the order given, unless too much of one is taken already; return them in order of place.

    On a circle a frame's end may lie beyond its `length`.
    """
    taken = np.zeros(length, dtype=bool)
    kept = []
    for first, end, strand in frames:
        here = slice(first, end) if end <= length else np.arange(first, end) % length
        if taken[here].sum() <= overlap * (end - first):
            taken[here] = True
            kept.append((first, end, strand))
    return sorted(kept)


def features(frames: Mapping[Frame, float], chromosome: str, start: int) -> pd.DataFrame:
    """Return frames and their scores as genes with one coding part each, in the form that `decode` gives."""
    rows, names = [], []
    for number, ((first, end, strand), score) in enumerate(frames.items(), start=1):
        name = f"{chromosome}.orf{number}"
        place = (chromosome, first + start, end + start, strand)
        rows += [(*place, "gene", "", NO_PHASE, score), (*place, "CDS", name, 0, score)]
        names += [name, f"{name}.CDS1"]
    return pd.DataFrame(rows, columns=list(GENE_COLUMNS), index=pd.Index(names, dtype=object))


def best_min_length(
    sequences: Mapping[str, str],
    judge: Callable[[pd.DataFrame], float],
    lengths: Sequence[int] = tuple(range(90, 601, 15)),
) -> int:
    """Return the `min_length` whose reading frames, over all sequences, `judge` likes best; the shortest of equals."""
    figures = []
    for length in lengths:
        tables = [
            open_reading_frames(letters, min_length=length, chromosome=name) for name, letters in sequences.items()
        ]
        figures.append(judge(pd.concat(tables)))
    return lengths[int(np.argmax(figures))]


def _codon_kinds(starts: Sequence[str]) -> NDArray[np.int8]:
    """Return for each codon number 1 for a start, 2 for a stop, else 0."""
    kind = np.zeros(_CODONS, dtype=np.int8)
    for codons, number in ((starts, 1), (("TAA", "TAG", "TGA"), 2)):
        for codon in codons:
            a, b, c = strand_codes(codon)[0].tolist()
            kind[25 * a + 5 * b + c] = number
    return kind


@numba.njit(cache=True)
def _frames(bases, kind, min_length):  # type: ignore[no-untyped-def]
    """Return (first, end) of the longest frames of one strand."""
    found = [(0, 0)][:0]
    begun = np.full(3, -1)
    for at in range(len(bases) - 2):
        what = kind[25 * bases[at] + 5 * bases[at + 1] + bases[at + 2]]
        frame = at % 3
        if what == 1 and begun[frame] < 0:
            begun[frame] = at
        elif what == 2:
            if begun[frame] >= 0 and at + 3 - begun[frame] >= min_length:
                found.append((begun[frame], at + 3))
            begun[frame] = -1
    return found
