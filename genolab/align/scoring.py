"""Scoring schemes: match and mismatch or a substitution matrix, and affine gap costs."""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.checks import check_one_of, is_whole

Alphabet = Literal["dna", "protein"]
Codes = NDArray[np.uint8]

MATRICES: Final = ("blosum45", "blosum50", "blosum62", "blosum80", "blosum90", "nuc44", "pam30", "pam70", "pam250")
"""The substitution matrices that `Scoring` takes; ``"nuc44"`` is for DNA, the others are for proteins."""

_BASES: Final = "ACGT"
_AMBIGUOUS: Final = "NRYSWKMBDHV"
_AMINO_ACIDS: Final = "ACDEFGHIKLMNPQRSTVWYUO*"  # and the stop; B, J, X and Z each stand for several
UNKNOWN: Final = 255  # the code of what is no letter of the alphabet
_LIMIT: Final = 2**13  # scores and costs up to here leave 16-bit lanes room for sequences worth the name


class Matrix(NamedTuple):
    """A symmetric substitution matrix: its letters, one a row, and ``(k, k)`` int32 scores."""

    alphabet: Alphabet
    letters: str
    scores: NDArray[np.int32]


@cache
def substitution_matrix(name: str) -> Matrix:
    """Return a matrix of `MATRICES` as NCBI distributes it with BLAST, by Biopython."""
    try:
        from Bio.Align import substitution_matrices
    except ImportError as error:
        raise ImportError("substitution matrices need Biopython: pip install 'genolab[sequence]'") from error
    matrix = substitution_matrices.load("NUC.4.4" if name == "nuc44" else name.upper())
    return Matrix("dna" if name == "nuc44" else "protein", str(matrix.alphabet), np.asarray(matrix).astype(np.int32))


class Table(NamedTuple):
    """A scoring in numbers, as the kernels take it.

    Letters that never match have another code in the query than in the target, so that a match is always two equal
    codes. The last code is for the padding of short sequences.
    """

    query_codes: Codes  # (256,): the code of each ASCII letter, 255 for what is no letter of the alphabet
    target_codes: Codes
    scores: NDArray[np.int32]  # (k, k), query code by target code
    plain: bool  # whether all matches have one score and all mismatches another, so that kernels need no table

    @property
    def pad(self) -> int:
        """The code that pads short sequences."""
        return len(self.scores) - 1


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Scores of aligned letters, and costs of gaps.

    The first letter of a gap costs `gap_open`, each further one `gap_extend`: the convention of parasail and EMBOSS.
    (For BLAST and minimap2, which charge both for the first letter, `gap_open` is the sum of theirs.)

    Parameters
    ----------
    match, mismatch
        Of two equal bases, above 0, and of any two others, at most 0. Only A, C, G and T can match (U reads as T):
        N and the other ambiguous letters match nothing, not even themselves.
    gap_open, gap_extend
        Costs, so positive; ``0 <= gap_extend <= gap_open``.
    matrix
        Name of a matrix of `MATRICES`, instead of `match` and `mismatch`. It scores ambiguous letters, too, but in an
        alignment they are equal to nothing; U and O, which it doesn't know, score as X.
    alphabet
        ``"dna"`` or ``"protein"``; by default what the matrix is for. Proteins need a matrix.

    Examples
    --------
    >>> Scoring(matrix="blosum62", gap_open=11, gap_extend=1).alphabet
    'protein'
    """

    match: int = 2
    mismatch: int = -3
    gap_open: int = 5
    gap_extend: int = 2
    matrix: str | None = None
    alphabet: Alphabet | None = None

    def __post_init__(self) -> None:
        for name in ("match", "mismatch", "gap_open", "gap_extend"):
            value = getattr(self, name)
            if not is_whole(value) or abs(value) > _LIMIT:
                raise ValueError(f"{name} must be a whole number of at most {_LIMIT:,}, got {value!r}")
        if not 0 <= self.gap_extend <= self.gap_open:
            raise ValueError(
                f"gap costs must satisfy 0 <= gap_extend <= gap_open, got {self.gap_extend} and {self.gap_open}; "
                "they are costs, so no minus sign"
            )
        if not self.mismatch <= 0 < self.match:
            raise ValueError(f"match must be above 0 and mismatch at most 0, got {self.match} and {self.mismatch}")
        if self.matrix is not None:
            check_one_of("matrix", self.matrix, MATRICES)
        if self.matrix is not None and (self.match, self.mismatch) != (Scoring.match, Scoring.mismatch):
            raise ValueError(
                f"a matrix takes the place of match and mismatch, but {self.matrix} came with {self.match} and "
                f"{self.mismatch}: leave out the one or the others"
            )
        object.__setattr__(self, "alphabet", _alphabet(self.matrix, self.alphabet))

    @property
    def table(self) -> Table:
        """The scoring in numbers."""
        return _plain_table(self.match, self.mismatch) if self.matrix is None else _matrix_table(self.matrix)


def _alphabet(matrix: str | None, wanted: Alphabet | None) -> Alphabet:
    own: Alphabet = "dna" if matrix is None else substitution_matrix(matrix).alphabet
    if wanted not in {None, "dna", "protein"}:
        raise ValueError(f"alphabet must be 'dna' or 'protein', got {wanted!r}")
    if wanted == "protein" and matrix is None:
        raise ValueError("proteins are scored by a matrix; give one, such as Scoring(matrix='blosum62')")
    if wanted not in {None, own}:
        raise ValueError(f"{matrix} is a matrix for {own}, but the alphabet wanted is {wanted}")
    return own


@cache
def _plain_table(match: int, mismatch: int) -> Table:
    """Return codes 0 to 3 for the bases, 4 and 5 for other letters of query and target, and 6 for the padding."""
    scores = np.full((7, 7), mismatch, dtype=np.int32)
    scores[range(4), range(4)] = match
    also = {"U": _BASES.index("T")}
    query, target = (_codes(_BASES, also | dict.fromkeys(_AMBIGUOUS, other)) for other in (4, 5))
    return Table(query, target, scores, plain=True)


@cache
def _matrix_table(name: str) -> Table:
    """Return a matrix whose ambiguous letters have two codes, and whose last row and column are for the padding."""
    matrix = substitution_matrix(name)
    rows = {letter: row for row, letter in enumerate(matrix.letters)}
    if matrix.alphabet == "protein":
        # Selenocysteine, pyrrolysine and "leucine or isoleucine" are in no matrix of the time: any amino acid.
        rows |= dict.fromkeys("UOJ", rows["X"])
    known = _BASES if matrix.alphabet == "dna" else _AMINO_ACIDS
    ambiguous = [letter for letter in rows if letter not in known]
    order = [*rows.values(), *(rows[letter] for letter in ambiguous)]
    scores = np.full((len(order) + 1,) * 2, min(0, matrix.scores.min()), dtype=np.int32)  # padding never scores
    scores[:-1, :-1] = matrix.scores[np.ix_(order, order)]
    letters = "".join(rows)
    also = {"U": letters.index("T")} if matrix.alphabet == "dna" else {}
    second = {letter: len(rows) + number for number, letter in enumerate(ambiguous)}
    return Table(_codes(letters, also), _codes(letters, also | second), scores, plain=False)


def _codes(letters: str, others: dict[str, int]) -> Codes:
    """Return the codes of ASCII letters: their place in `letters`, or what `others` has; case doesn't matter."""
    codes = np.full(256, UNKNOWN, dtype=np.uint8)
    for letter, code in ({letter: place for place, letter in enumerate(letters)} | others).items():
        codes[[ord(letter), ord(letter.lower())]] = code
    return codes
