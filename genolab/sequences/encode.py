"""DNA to numbers and back: one-hot sequences, reverse complements, k-mer counts.

A one-hot sequence is ``(4, length)``, channels A, C, G, T. N and every other ambiguous IUPAC code (R Y S W K M B D H V)
is all zero, U reads as T, and lower case (soft masking) is the same as upper case. Anything else is refused.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import numpy as np
from numpy.typing import NDArray

from genolab.checks import is_whole

if TYPE_CHECKING:
    import torch

Bytes = NDArray[np.uint8]
Anchor = Literal["start", "center", "end"]

BASES: Final = "ACGT"
AMBIGUOUS: Final = "NRYSWKMBDHV"
ANCHORS: Final = ("start", "center", "end")
UNKNOWN: Final = 4
"""Code of what is no A, C, G or T."""


def _code_table() -> NDArray[np.int8]:
    table = np.full(256, UNKNOWN, dtype=np.int8)
    for code, bases in enumerate((b"Aa", b"Cc", b"Gg", b"TtUu")):
        table[list(bases)] = code
    return table


BASE_CODES: Final = _code_table()
"""``(256,)`` int8: ASCII to the codes 0 to 3 of A C G T, and `UNKNOWN`."""

_COMPLEMENT = str.maketrans("ACGTUNRYSWKMBDHVacgtunryswkmbdhv", "TGCAANYRSWMKVHDBtgcaanyrswmkvhdb")
COMPLEMENT: Final[Bytes] = np.frombuffer(bytes(_COMPLEMENT.get(code, code) for code in range(256)), dtype=np.uint8)
"""``(256,)`` uint8: ASCII to the complement; what is no DNA stays as it is."""

_IS_DNA = np.isin(np.arange(256), list(_COMPLEMENT))

# Work goes by blocks of about this many bases: enough that the calls cost little, and few enough for the cache.
_BLOCK = 1 << 19


def one_hot(sequences: str | Sequence[str], *, length: int | None = None, anchor: Anchor = "start") -> Bytes:
    """Return one sequence, or several, one-hot, ``(n, 4, length)`` uint8, at more than a billion bases a second.

    A `length` makes sequences of unequal length equal: longer ones are trimmed, shorter ones padded with N, so that
    their `anchor`, ``"start"``, ``"center"`` or ``"end"``, stays in place.

    Examples
    --------
    >>> one_hot("ACGTN")[0].tolist()
    [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    """
    return one_hot_ascii(to_ascii(sequences, length=length, anchor=anchor))


def to_ascii(sequences: str | Sequence[str], *, length: int | None = None, anchor: Anchor = "start") -> Bytes:
    """Return sequences as ASCII, ``(n, length)`` uint8; arguments as of `one_hot`. What is no DNA isn't refused yet."""
    rows = [sequences] if isinstance(sequences, str) else list(sequences)
    try:
        joined = "".join(rows)
    except TypeError:
        rows = []
    if not rows:
        given = repr(sequences)
        given = given if len(given) < 60 else f"{given[:60]}..."
        raise ValueError(f"DNA comes as a text or several of them, at least one, got {given}")
    if length is None:
        length = _common_length(rows)
    else:
        joined = "".join(_padded(row, length, anchor) for row in rows)
    # Characters outside of ASCII become "?", which is refused like any that is no DNA.
    return np.frombuffer(joined.encode("ascii", "replace"), dtype=np.uint8).reshape(len(rows), length)


def _common_length(rows: Sequence[str]) -> int:
    lengths = sorted(set(map(len, rows)))
    if len(lengths) > 1:
        raise ValueError(
            f"sequences must have one length, got {len(lengths)} lengths from {lengths[0]:,} to {lengths[-1]:,}: give "
            'length=, which cuts longer ones and fills up shorter ones with N, and anchor="start", "center" or "end"'
        )
    if lengths[0] == 0:
        raise ValueError("a sequence needs at least one base, got an empty one")
    return lengths[0]


def _padded(sequence: str, length: int, anchor: Anchor) -> str:
    """Trim a sequence, or pad it with N, to `length` around its anchor."""
    if anchor not in ANCHORS:
        raise ValueError(f"an anchor is one of {', '.join(ANCHORS)}, got {anchor!r}")
    check_length(length)
    spare = len(sequence) - length
    first = {"start": 0, "center": spare // 2, "end": spare}[anchor]
    before = max(0, -first)
    inside = sequence[max(0, first) : max(0, first + length)]
    return "N" * before + inside + "N" * (length - before - len(inside))


def check_length(length: int, *, name: str = "length") -> None:
    """Refuse a length or step that is no whole number of at least 1."""
    if not is_whole(length) or length < 1:
        raise ValueError(f"{name} is a whole number of bases, at least 1, got {length!r}")


def one_hot_ascii(sequences: Bytes, position_name: Callable[[int, int], str] | None = None) -> Bytes:
    """Return the one-hot ``(n, 4, length)`` of ASCII ``(n, length)``, and refuse what is no DNA.

    `position_name` names a row and column in the message; by default as numbers.
    """
    hot = np.empty((sequences.shape[0], 4, sequences.shape[1]), dtype=np.bool_)
    for rows, columns in _blocks(*sequences.shape):
        block, part = sequences[rows, columns], hot[rows, :, columns]
        upper = block & 0xDF  # of all 256 bytes, only a letter's two cases become that letter
        for channel, base in enumerate(b"ACG"):
            np.equal(upper, base, out=part[:, channel])
        upper &= 0xFE  # T and U differ in the last bit alone
        np.equal(upper, ord("T"), out=part[:, 3])
        if np.count_nonzero(part) < block.size:
            _check(block, position_name or _row_and_position, rows.start, columns.start)
    return hot.view(np.uint8)


def _blocks(n: int, length: int) -> Iterator[tuple[slice, slice]]:
    high, wide = max(1, _BLOCK // max(1, length)), min(length, _BLOCK)
    for row in range(0, n, high):
        for column in range(0, length, max(1, wide)):
            yield slice(row, min(n, row + high)), slice(column, min(length, column + wide))


def _row_and_position(row: int, position: int) -> str:
    return f"position {position:,} of sequence {row:,} (both counted from 0)"


def _check(
    block: Bytes, position_name: Callable[[int, int], str] = _row_and_position, row: int = 0, column: int = 0
) -> None:
    """Refuse a block, which begins at `row` and `column`, that holds anything but IUPAC codes."""
    wrong = ~_IS_DNA[block]
    if wrong.any():
        at_row, at_column = (int(indices[0]) for indices in np.nonzero(wrong))
        raise ValueError(
            f"DNA is written in {BASES} (or U), N and the ambiguous codes {AMBIGUOUS[1:]}, got "
            f"{chr(block[at_row, at_column])!r} at {position_name(row + at_row, column + at_column)}: take out gaps "
            "and other marks, or check that this is no protein"
        )


def decode_one_hot(one_hot: Any) -> list[str]:
    """Return one-hot sequences, ``(n, 4, length)`` or one ``(4, length)``, as text; what is all zero is N."""
    codes = _codes_of_one_hot(one_hot)
    return [row.tobytes().decode() for row in np.frombuffer(b"ACGTN", dtype=np.uint8)[codes]]


def _codes_of_one_hot(one_hot: Any) -> NDArray[np.int8]:
    values = np.asarray(one_hot.detach().cpu() if hasattr(one_hot, "detach") else one_hot)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1] != 4:
        raise ValueError(f"one-hot sequences are (n, 4, length) or (4, length), got the shape {np.shape(one_hot)}")
    hot: NDArray[np.bool_] = values != 0
    if (hot.sum(axis=1, dtype=np.uint8) > 1).any() or not np.array_equal(values, hot):
        raise ValueError("a one-hot position has a single 1 or, for N, none; these values are others")
    codes = np.full((hot.shape[0], hot.shape[2]), UNKNOWN, dtype=np.int8)
    for channel in range(4):
        codes -= hot[:, channel].view(np.int8) * np.int8(UNKNOWN - channel)
    return codes


@overload
def reverse_complement(sequence: str) -> str: ...  # type: ignore[overload-overlap]  # a str is a Sequence[str], too
@overload
def reverse_complement(sequence: "torch.Tensor") -> "torch.Tensor": ...
@overload
def reverse_complement(sequence: NDArray[Any]) -> NDArray[Any]: ...
@overload
def reverse_complement(sequence: Sequence[str]) -> list[str]: ...
def reverse_complement(sequence: Any) -> Any:
    """Return the other strand, read in its own direction: a string, list, array or tensor, as it came.

    In strings case and ambiguous codes are kept, and the complement of U is A. Arrays and tensors ``(..., 4, length)``
    hold one-hot bases, or anything with a value a base, such as attributions.

    Examples
    --------
    >>> reverse_complement("AACGTN")
    'NACGTT'
    """
    if isinstance(sequence, str):
        if sequence:
            _check(to_ascii(sequence))
        return sequence.translate(_COMPLEMENT)[::-1]
    if not hasattr(sequence, "shape"):
        return [reverse_complement(row) for row in sequence]
    if len(sequence.shape) < 2 or sequence.shape[-2] != 4:
        raise ValueError(f"the channels A C G T are the last axis but one, got the shape {tuple(sequence.shape)}")
    # The channels A C G T in reverse are T G C A, so both turns are flips. Only tensors have a method for it.
    return sequence.flip(-2, -1) if hasattr(sequence, "flip") else np.ascontiguousarray(sequence[..., ::-1, ::-1])


def kmers(sequences: Any, k: int) -> NDArray[np.int32]:
    """Count k-mers, `k` of 1 to 10: ``(n, 4 ** k)`` int32, in alphabetical order (``AA AC AG AT CA ...``).

    Sequences are one-hot ``(n, 4, length)``, or strings, whose lengths may differ. A k-mer with an ambiguous base isn't
    counted.
    """
    check_length(k, name="k")
    if k > 10:
        raise ValueError(f"k is at most 10 (a million columns), got {k}")
    codes = base_codes(sequences)
    counts = np.zeros((len(codes), 4**k), dtype=np.int32)
    per_block = max(1, _BLOCK // 8 // max(1, codes.shape[1]))  # a k-mer's code takes eight bytes
    for first in range(0, len(codes), per_block):
        block = _kmer_codes(codes[first : first + per_block], k)
        row, position = np.nonzero(block >= 0)
        np.add.at(counts, (first + row, block[row, position]), 1)
    return counts


def base_codes(sequences: Any) -> NDArray[np.int8]:
    """Return the codes of sequences, ``(n, length)``; after the end of shorter ones they are unknown."""
    if not isinstance(sequences, str) and not (len(sequences) and isinstance(sequences[0], str)):
        return _codes_of_one_hot(sequences)
    rows = [sequences] if isinstance(sequences, str) else list(sequences)
    ascii_rows = to_ascii(rows, length=max(1, *map(len, rows)))
    _check(ascii_rows)
    return BASE_CODES[ascii_rows]


def _kmer_codes(codes: NDArray[np.int8], k: int) -> NDArray[np.int64]:
    """Return the code of the k-mer that begins at each base, ``(n, length - k + 1)``; -1 where it has an N."""
    count = max(0, codes.shape[1] - k + 1)
    kmer = np.zeros((len(codes), count), dtype=np.int64)
    known = np.ones((len(codes), count), dtype=np.bool_)
    for offset in range(k):
        base = codes[:, offset : offset + count]
        kmer = kmer * 4 + base
        known &= base != UNKNOWN
    return np.where(known, kmer, -1)
