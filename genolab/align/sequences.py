"""Pairs of sequences as codes: checked, concatenated, and grouped by length."""

import math
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.align.scoring import UNKNOWN, Codes, Scoring

Integers = NDArray[np.int64]
Mode = Literal["global", "local", "semiglobal"]

MODES: Final = ("global", "local", "semiglobal")
GLOBAL, LOCAL, SEMIGLOBAL = range(3)


class Sequences(NamedTuple):
    """Sequences as codes, one after the other; several may be the same part of `codes`."""

    codes: Codes
    first: Integers  # (n,), where each begins
    length: Integers  # (n,)


class Job(NamedTuple):
    """What a back end is asked for: as many queries as targets, `GLOBAL`, `LOCAL` or `SEMIGLOBAL`, paths or not."""

    queries: Sequences
    targets: Sequences
    mode: int
    scoring: Scoring
    trace: bool

    def take(self, pairs: Integers) -> "Job":
        """Return the job of some of the pairs."""
        queries, targets = (
            Sequences(some.codes, some.first[pairs], some.length[pairs]) for some in (self.queries, self.targets)
        )
        return self._replace(queries=queries, targets=targets)


def read_pairs(queries: str | list[str], targets: str | list[str], scoring: Scoring) -> tuple[Sequences, Sequences]:
    """Return both sides as codes; a single text is paired with all of the other side."""
    table, several = scoring.table, not (isinstance(queries, str) or isinstance(targets, str))
    sides = [
        _read(queries, table.query_codes, "query", scoring),
        _read(targets, table.target_codes, "target", scoring),
    ]
    if several and len(queries) != len(targets):
        raise ValueError(
            f"queries and targets are aligned pair by pair, but there are {len(queries)} and {len(targets)}; "
            "give as many of both, or one text for all"
        )
    n = len(sides[1 if isinstance(queries, str) else 0].first)
    query, target = (
        Sequences(some.codes, np.resize(some.first, n), np.resize(some.length, n)) if len(some.first) != n else some
        for some in sides
    )
    return query, target


def texts(sequences: str | Iterable[str], side: str) -> str | list[str]:
    """Return a text as it is, and several as a list; refuse anything else with a TypeError."""
    if isinstance(sequences, str):
        return sequences
    if isinstance(sequences, bytes) or not isinstance(sequences, Iterable):
        raise TypeError(
            f"sequences come as a text or as a list of texts, but the {side} is a {type(sequences).__name__}; "
            "decode bytes first"
        )
    rows = list(sequences)
    strange = [type(row).__name__ for row in rows if not isinstance(row, str)]
    if strange:
        raise TypeError(
            f"sequences come as texts, but among the {side} sequences is a {strange[0]}; decode bytes first"
        )
    return rows


def _read(sequences: str | list[str], codes: Codes, side: str, scoring: Scoring) -> Sequences:
    rows = [sequences] if isinstance(sequences, str) else sequences
    length = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    # Letters outside of ASCII become "?", which is in no alphabet
    encoded = codes[np.frombuffer("".join(rows).encode("ascii", "replace"), dtype=np.uint8)]
    first = np.cumsum(length) - length
    wrong = encoded == UNKNOWN
    if wrong.any():
        place = int(wrong.argmax())
        row = int(np.searchsorted(first + length, place, side="right"))
        raise ValueError(_complaint(rows[row][place - int(first[row])], place - int(first[row]), row, side, scoring))
    return Sequences(encoded, first, length)


def _complaint(letter: str, place: int, row: int, side: str, scoring: Scoring) -> str:
    what = f"{letter!r} at position {place} of {side} {row}"
    if scoring.alphabet == "dna":
        return (
            f"DNA has the letters A C G T U and the ambiguous N R Y S W K M B D H V, but {what} is none; take gaps and "
            "line ends out first; for proteins give a matrix: Scoring(matrix='blosum62', gap_open=11, gap_extend=1)"
        )
    return f"{what} is no amino acid that {scoring.matrix} knows; gaps and line ends must be taken out first"


def packs(job: Job, size: int) -> Iterator[Integers]:
    """Yield the numbers of pairs in groups of up to `size`, the sequences of a group being of about one length.

    Pairs are sorted by query length and cut into slabs, and each slab is sorted by target length: so both vary little.
    """
    n = len(job.queries.first)
    by_query = np.argsort(job.queries.length, kind="stable")[::-1]
    for slab in np.array_split(by_query, max(1, math.isqrt(n // size))):
        within = slab[np.argsort(job.targets.length[slab], kind="stable")[::-1]]
        yield from (within[first : first + size] for first in range(0, len(within), size))


def score_bound(job: Job) -> int:
    """Return a bound on the size of any number that comes up while the pairs of a job are aligned.

    No cell is worth less than two gaps that lead to it, and no gap or mismatch less than that by more than one step;
    none is worth more than the shorter sequence's length times the best score. Padded cells lie within it as well.
    """
    scores, scoring = job.scoring.table.scores, job.scoring
    m, n = int(job.queries.length.max(initial=0)), int(job.targets.length.max(initial=0))
    deepest = 3 * scoring.gap_open + (m + n) * scoring.gap_extend + max(0, -int(scores.min())) + scoring.gap_extend
    highest = min(m, n) * max(0, int(scores.max())) + scoring.gap_open
    return max(deepest, highest, m, n)
