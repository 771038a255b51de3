"""What alignments are held to: random pairs, parasail's scores, and scores of paths counted anew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import parasail

from genolab.align import Alignment, Scoring, cigar_runs, substitution_matrix

PARASAIL = {"global": "nw", "local": "sw", "semiglobal": "sg"}
AMINO_ACIDS = "ARNDCQEGHILKMFPSTWYV"
SCORINGS = (
    Scoring(),
    Scoring(match=1, mismatch=-4, gap_open=6, gap_extend=1),
    Scoring(match=5, mismatch=-4, gap_open=10, gap_extend=0),
    Scoring(match=1, mismatch=-1, gap_open=1, gap_extend=1),
    Scoring(matrix="nuc44", gap_open=10, gap_extend=1),
    Scoring(matrix="blosum62", gap_open=11, gap_extend=1),
    Scoring(matrix="pam250", gap_open=14, gap_extend=2),
)


def random_pairs(n: int, longest: int, alphabet: str, seed: int) -> tuple[list[str], list[str]]:
    """Return pairs of 0 to `longest` letters; of three, two have a common origin, at up to 30 % divergence, and Ns."""
    random = np.random.default_rng(seed)
    letters = np.frombuffer(alphabet.encode(), dtype=np.uint8)
    queries, targets = [], []
    for number in range(n):
        query = random.choice(letters, random.integers(0, longest + 1))
        target = random.choice(letters, random.integers(0, longest + 1))
        if number % 3:
            target = changed(query, letters, random.uniform(0, 0.3), random)[:longest]
        if number % 5 == 0 and len(query) > 4:
            query[: len(query) // 4] = ord("X" if len(alphabet) > 4 else "N")
        queries.append(query.tobytes().decode())
        targets.append(target.tobytes().decode())
    return queries, targets


def changed(sequence: np.ndarray, letters: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """Return a copy with so large a share of its letters changed, and stretches of up to 20 letters lost and gained."""
    copy = np.where(random.random(len(sequence)) < share, random.choice(letters, len(sequence)), sequence)
    parts = np.split(copy, np.sort(random.integers(0, len(copy) + 1, round(len(copy) * share / 10))))
    ends = [part[random.integers(0, 21) :] if random.random() < 0.5 else part for part in parts]
    gains = [random.choice(letters, random.integers(0, 20)) for _ in parts]
    return np.concatenate([np.concatenate(both) for both in zip(ends, gains, strict=True)])


def parasail_scores(queries: Sequence[str], targets: Sequence[str], mode: str, scoring: Scoring) -> np.ndarray:
    """Return parasail's scores, 32 bits wide. It takes no empty sequences; their scores come from the definition.

    They are those of its scan kernels: where a gap's first letter costs as little as a further one, its striped kernels
    (1.3.4) miss the best score of a few pairs in a hundred, by parasail's own plain and scan kernels.
    """
    matrix, score = parasail_matrix(scoring), getattr(parasail, f"{PARASAIL[mode]}_scan_32")
    return np.array(
        [
            score(query, target, scoring.gap_open, scoring.gap_extend, matrix).score
            if query and target
            else -gap_cost(len(query) + len(target), scoring) * (mode == "global")
            for query, target in zip(queries, targets, strict=True)
        ],
        dtype=np.int64,
    )


def parasail_matrix(scoring: Scoring) -> Any:
    """Return parasail's matrix of the same name, or one in which N matches nothing."""
    if scoring.matrix is not None:
        return getattr(parasail, scoring.matrix)
    matrix = parasail.matrix_create("ACGTN", scoring.match, scoring.mismatch)
    matrix[4, 4] = scoring.mismatch
    return matrix


def gap_cost(length: int, scoring: Scoring) -> int:
    return scoring.gap_open + (length - 1) * scoring.gap_extend if length else 0


def rescored(found: Alignment, scoring: Scoring) -> int:
    """Return what a path is worth, counted column by column; it must span the aligned parts."""
    at, other, score = found.query_start, found.target_start, 0
    for length, what in cigar_runs(found.cigar):
        if what in "=X":
            letters = list(zip(found.query[at : at + length], found.target[other : other + length], strict=True))
            assert all(same(*pair, scoring) == (what == "=") for pair in letters), (found, what)
            score += sum(gain(*pair, scoring) for pair in letters)
        else:
            score -= gap_cost(length, scoring)
        at, other = at + length * (what != "D"), other + length * (what != "I")
    assert (at, other) == (found.query_end, found.target_end), found
    return score


def same(one: str, other: str, scoring: Scoring) -> bool:
    return one == other and one in ("ACGT" if scoring.alphabet == "dna" else "ACDEFGHIKLMNPQRSTVWYUO*")


def gain(one: str, other: str, scoring: Scoring) -> int:
    if scoring.matrix is None:
        return scoring.match if same(one, other, scoring) else scoring.mismatch
    matrix = substitution_matrix(scoring.matrix)
    return int(matrix.scores[matrix.letters.index(one), matrix.letters.index(other)])
