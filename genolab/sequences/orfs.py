"""Open reading frames in any genetic code, on lines and circles: what every gene finder must beat."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.compiled import compiled
from genolab.sequences.annotation import GENE_COLUMNS, NO_PHASE
from genolab.sequences.encode import BASE_CODES, UNKNOWN
from genolab.sequences.genetic_codes import start_codons, stop_codons
from genolab.waiting import progress

Frame = tuple[int, int, str]
"""First base, end, strand; on a circle the end may lie beyond its length."""

_COMPLEMENT_CODES = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.int8)


def strand_codes(sequence: str | NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the codes of a sequence, text or ASCII, and of its reverse complement, ``(2, length)``."""
    if isinstance(sequence, str):
        sequence = np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)
    forward = BASE_CODES[sequence]
    return np.stack([forward, _COMPLEMENT_CODES[forward[::-1]]])


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

    Of nested ones, only the longest counts; of those that overlap, the longer is taken first. They are returned as
    genes with one coding part each, as `genolab.genes.decode` returns them; the score is the length in codons.

    Parameters
    ----------
    min_length
        Fewest bases, the stop codon among them.
    overlap
        Share of its bases, 0 to 1, that a frame may have in common with longer ones that were taken; 1: any.
    chromosome, start
        Where the sequence lies: the name of its chromosome, and its first base there.

    Examples
    --------
    >>> open_reading_frames("CCATGAAATAGCC", min_length=9)[["start", "end", "strand"]].iloc[0].tolist()
    [2, 11, '+']
    """
    if not 0 <= overlap <= 1:
        raise ValueError(f"overlap must be a share, 0 to 1, got {overlap!r}")
    if any(len(codon) != 3 for codon in starts):
        raise ValueError(f"a start codon has three bases, got {list(starts)}")
    frames = reading_frames(sequence, min_length=min_length, starts=starts, overlap=overlap)
    return frame_table({frame: float((frame[1] - frame[0]) // 3) for frame in frames}, chromosome, start)


def reading_frames(
    sequence: str | NDArray[np.uint8],
    *,
    min_length: int,
    code: int = 1,
    starts: Sequence[str] | None = None,
    overlap: float = 1.0,
    circular: bool = False,
) -> list[Frame]:
    """Return the longest frame before each stop codon, on both strands, in order of position.

    A frame goes from the first start codon after a stop codon to the next stop codon, which is part of it; where the
    sequence is `circular`, also over its origin. `starts` are by default those of the genetic `code`, by NCBI's number;
    `min_length` and `overlap` are as of `open_reading_frames`.
    """
    kinds, size = _codon_kinds(start_codons(code) if starts is None else starts, stop_codons(code)), len(sequence)
    walk = _circle_frames if circular else _strand_frames
    forward, reverse = strand_codes(sequence)
    frames: list[Frame] = [(first, end, "+") for first, end in walk(forward, kinds, min_length)]
    for first, end in walk(reverse, kinds, min_length):
        turn = size if end > size else 0
        frames.append((turn + size - end, turn + size - first, "-"))
    if overlap == 1:
        return sorted(frames)
    return remove_overlaps(sorted(frames, key=lambda frame: (frame[0] - frame[1], frame)), size, overlap)


def remove_overlaps(frames: Sequence[Frame], length: int, overlap: float = 0.0) -> list[Frame]:
    """Take frames in the given order, unless a larger share of one than `overlap` is taken; return them by position."""
    taken = np.zeros(length, dtype=bool)
    kept = []
    for first, end, strand in frames:
        bases = slice(first, end) if end <= length else np.arange(first, end) % length
        if taken[bases].sum() <= overlap * (end - first):
            taken[bases] = True
            kept.append((first, end, strand))
    return sorted(kept)


def frame_table(frames: Mapping[Frame, float], chromosome: str, start: int) -> pd.DataFrame:
    """Return frames and their scores as genes with one coding part each, as `open_reading_frames` does."""
    rows, names = [], []
    for number, ((first, end, strand), score) in enumerate(frames.items(), start=1):
        name = f"{chromosome}.orf{number}"
        position = (chromosome, first + start, end + start, strand)
        rows += [(*position, "gene", "", NO_PHASE, score), (*position, "CDS", name, 0, score)]
        names += [name, f"{name}.CDS1"]
    return pd.DataFrame(rows, columns=list(GENE_COLUMNS), index=pd.Index(names, dtype=object))


def best_min_length(
    sequences: Mapping[str, str],
    score: Callable[[pd.DataFrame], float],
    lengths: Sequence[int] = tuple(range(90, 601, 15)),
) -> int:
    """Return the `min_length` whose reading frames, over all sequences, have the highest score; the least of equals."""
    scores = []
    for length in progress(lengths, "Lengths"):
        tables = [
            open_reading_frames(sequence, min_length=length, chromosome=name) for name, sequence in sequences.items()
        ]
        scores.append(score(pd.concat(tables)))
    return lengths[int(np.argmax(scores))]


def _codon_kinds(starts: Sequence[str], stops: Sequence[str]) -> NDArray[np.int8]:
    """Return for each codon, by the codes of its bases, 1 for a start, 2 for a stop, else 0: ``(5, 5, 5)``."""
    kinds = np.zeros((5, 5, 5), dtype=np.int8)
    for codons, kind in ((starts, 1), (stops, 2)):
        for codon in codons:
            kinds[tuple(strand_codes(codon)[0])] = kind
    return kinds


def _circle_frames(codes: NDArray[np.int8], kinds: NDArray[np.int8], min_length: int) -> Iterator[tuple[int, int]]:
    """Yield the frames that end in a circle's second round, before which all that leads to them was seen once."""
    size = len(codes)
    for first, end in _strand_frames(np.tile(codes, 2), kinds, min_length):
        if end > size and end - first <= size:
            turn = first // size * size
            yield first - turn, end - turn


@compiled
def _strand_frames(codes, kinds, min_length):
    """Return (first base, end) of the longest frames of one strand."""
    frames = [(0, 0)][:0]  # numba needs its type
    begun = np.full(3, -1)
    for at in range(len(codes) - 2):
        kind = kinds[codes[at], codes[at + 1], codes[at + 2]]
        frame = at % 3
        if kind == 1 and begun[frame] < 0:
            begun[frame] = at
        elif kind == 2:
            if begun[frame] >= 0 and at + 3 - begun[frame] >= min_length:
                frames.append((begun[frame], at + 3))
            begun[frame] = -1
    return frames
