"""Letters to numbers and back: one-hot sequences, reverse complements, k-mer counts.

A one-hot sequence is ``(4, length)``, channels A, C, G, T. N and every other ambiguous IUPAC code (R Y S W K M B D H V)
is all zero, U reads as T, and lower case (soft masking) is the same as upper case. Anything else is refused.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from genolab.checks import is_whole

if TYPE_CHECKING:
    import torch

Bytes = NDArray[np.uint8]
Anchor = Literal["start", "center", "end"]

BASES = "ACGT"
AMBIGUOUS = "NRYSWKMBDHV"
ANCHORS = ("start", "center", "end")

_COMPLEMENT = str.maketrans("ACGTUNRYSWKMBDHVacgtunryswkmbdhv", "TGCAANYRSWMKVHDBtgcaanyrswmkvhdb")
# The same as a table of bytes; what is no DNA stays as it is.
COMPLEMENT: Bytes = np.frombuffer(bytes(_COMPLEMENT.get(code, code) for code in range(256)), dtype=np.uint8)
_IS_DNA = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(f"{BASES}U{AMBIGUOUS}".encode(), dtype=np.uint8))
_IS_DNA |= np.roll(_IS_DNA, 32)  # in ASCII the lower-case letters lie 32 after the upper-case ones

# Work goes by blocks of about this many letters: enough that the calls cost little, and few enough for the cache.
_BLOCK = 1 << 19


def one_hot(sequences: str | Sequence[str], *, length: int | None = None, anchor: Anchor = "start") -> Bytes:
    """Turn DNA into numbers, at more than a billion bases a second.

    Parameters
    ----------
    sequences
        One sequence, or several of equal length. U reads as T; case doesn't matter.
    length
        Makes sequences of unequal length equal: longer ones are cut, shorter ones filled up with N.
    anchor
        What stays in place when they are: their ``"start"``, ``"center"`` or ``"end"``.

    Returns
    -------
    ``(n, 4, length)`` uint8, channels A C G T; n is 1 for a single string. N and the other ambiguous IUPAC codes are
    all zero.

    Raises
    ------
    ValueError
        A letter is no DNA (the message says where); the lengths differ and `length` isn't given; nothing came.

    Examples
    --------
    >>> one_hot("ACGTN")[0].tolist()
    [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    """
    return encode(stack(sequences, length=length, anchor=anchor))


def stack(sequences: str | Sequence[str], *, length: int | None = None, anchor: Anchor = "start") -> Bytes:
    """Lay sequences under each other as ASCII, ``(n, length)`` uint8; arguments and errors as in `one_hot`."""
    rows = [sequences] if isinstance(sequences, str) else list(sequences)
    try:
        joined = "".join(rows)
    except TypeError:
        rows = []
    if not rows:
        raise ValueError(f"DNA comes as a text or several of them, at least one, got {_glance(sequences)}")
    if length is None:
        length = _common_length(rows)
    else:
        joined = "".join(fit(row, length, anchor) for row in rows)
    # Letters outside of ASCII become "?", which is refused like any letter that is no DNA.
    return np.frombuffer(joined.encode("ascii", "replace"), dtype=np.uint8).reshape(len(rows), length)


def _glance(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:60]}..."


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


def fit(sequence: str, length: int, anchor: Anchor) -> str:
    """Cut a sequence, or fill it up with N, to `length` around its anchor."""
    first = anchored_start(0, len(sequence), length, anchor)
    before = max(0, -first)
    inside = sequence[max(0, first) : max(0, first + length)]
    return "N" * before + inside + "N" * (length - before - len(inside))


def anchored_start(start: int, end: int, length: int, anchor: Anchor) -> int:
    """Return where a window of `length` begins that has the anchor of ``[start, end)`` in place; it may be negative.

    Raises
    ------
    ValueError
        The anchor is unknown, or the length is no whole number of at least 1.
    """
    if anchor not in ANCHORS:
        raise ValueError(f"an anchor is one of {', '.join(ANCHORS)}, got {anchor!r}")
    check_length(length)
    spare = (end - start) - length
    return start + {"start": 0, "center": spare // 2, "end": spare}[anchor]


def check_length(length: int, *, name: str = "length") -> None:
    """Refuse a length or step that is no whole number of at least 1."""
    if not is_whole(length) or length < 1:
        raise ValueError(f"{name} is a whole number of bases, at least 1, got {length!r}")


def encode(letters: Bytes, where: Callable[[int, int], str] | None = None) -> Bytes:
    """Return the one-hot ``(n, 4, length)`` of ASCII ``(n, length)``.

    Parameters
    ----------
    letters
        uint8.
    where
        Names the place of a letter by its row and column, for the message; by default the row's number.

    Raises
    ------
    ValueError
        A letter is no DNA.
    """
    hot = np.empty((letters.shape[0], 4, letters.shape[1]), dtype=np.bool_)
    for rows, columns in _blocks(*letters.shape):
        block, part = letters[rows, columns], hot[rows, :, columns]
        upper = block & 0xDF  # of all 256 bytes, only a letter's two cases become that letter
        for channel, base in enumerate(b"ACG"):
            np.equal(upper, base, out=part[:, channel])
        upper &= 0xFE  # T and U differ in the last bit alone
        np.equal(upper, ord("T"), out=part[:, 3])
        if np.count_nonzero(part) < block.size:
            _check(block, where or _row_and_position, rows.start, columns.start)
    return hot.view(np.uint8)


def _blocks(n: int, length: int) -> Iterator[tuple[slice, slice]]:
    high, wide = max(1, _BLOCK // max(1, length)), min(length, _BLOCK)
    for row in range(0, n, high):
        for column in range(0, length, max(1, wide)):
            yield slice(row, min(n, row + high)), slice(column, min(length, column + wide))


def _check(block: Bytes, where: Callable[[int, int], str], row: int, column: int) -> None:
    """Refuse a block that holds a letter other than the IUPAC codes; `row`, `column` are where it begins."""
    wrong = ~_IS_DNA[block]
    if wrong.any():
        at_row, at_column = (int(places[0]) for places in np.nonzero(wrong))
        raise ValueError(
            f"DNA is written in {BASES} (or U), N and the ambiguous codes {AMBIGUOUS[1:]}, got "
            f"{chr(block[at_row, at_column])!r} at {where(row + at_row, column + at_column)}: take out gaps and "
            "other marks, or check that this is no protein"
        )


def _row_and_position(row: int, position: int) -> str:
    return f"position {position:,} of sequence {row:,} (both counted from 0)"


def bases(one_hot: Any) -> list[str]:
    """Return one-hot sequences as text; a base that is all zero is N.

    Parameters
    ----------
    one_hot
        ``(n, 4, length)``, or ``(4, length)`` for a single one; array or tensor of zeros and ones.

    Returns
    -------
    One string a sequence.

    Raises
    ------
    ValueError
        The shape is another, or a position has more than one base.
    """
    hot = _as_hot(one_hot)
    number = np.zeros((hot.shape[0], hot.shape[2]), dtype=np.uint8)
    for channel in range(4):
        number += hot[:, channel].astype(np.uint8) * np.uint8(channel + 1)
    text = np.frombuffer(b"NACGT", dtype=np.uint8)[number]
    return [row.tobytes().decode() for row in text]


def _as_hot(one_hot: Any) -> NDArray[np.bool_]:
    """Return a one-hot array or tensor as ``(n, 4, length)`` bool."""
    values = np.asarray(one_hot.detach().cpu() if hasattr(one_hot, "detach") else one_hot)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1] != 4:
        raise ValueError(f"one-hot sequences are (n, 4, length) or (4, length), got the shape {np.shape(one_hot)}")
    hot: NDArray[np.bool_] = values != 0
    if (hot.sum(axis=1, dtype=np.uint8) > 1).any() or not np.array_equal(values, hot):
        raise ValueError("a one-hot position has a single 1 or, for N, none; these values are others")
    return hot


@overload
def reverse_complement(sequence: str) -> str: ...  # type: ignore[overload-overlap]  # a str is a Sequence[str], too
@overload
def reverse_complement(sequence: "torch.Tensor") -> "torch.Tensor": ...
@overload
def reverse_complement(sequence: NDArray[Any]) -> NDArray[Any]: ...
@overload
def reverse_complement(sequence: Sequence[str]) -> list[str]: ...
def reverse_complement(sequence: Any) -> Any:
    """Return the other strand, read in its own direction.

    Parameters
    ----------
    sequence
        A string (case and ambiguous codes are kept, the complement of U is A), several of them, or an array or tensor
        ``(..., 4, length)`` of one-hot bases, or of anything with a value a base, such as attributions.

    Returns
    -------
    The same kind: a string, a list of strings, an array, a tensor.

    Raises
    ------
    ValueError
        A letter is no DNA, or an array has no four channels.

    Examples
    --------
    >>> reverse_complement("AACGTN")
    'NACGTT'
    """
    if isinstance(sequence, str):
        if sequence:
            _check(stack(sequence), _row_and_position, 0, 0)
        return sequence.translate(_COMPLEMENT)[::-1]
    if not hasattr(sequence, "shape"):
        return [reverse_complement(row) for row in sequence]
    if len(sequence.shape) < 2 or sequence.shape[-2] != 4:
        raise ValueError(f"the channels A C G T are the last axis but one, got the shape {tuple(sequence.shape)}")
    # The channels A C G T in reverse are T G C A, so both turns are flips. Only tensors have a method for it.
    return sequence.flip(-2, -1) if hasattr(sequence, "flip") else np.ascontiguousarray(sequence[..., ::-1, ::-1])


def kmers(sequences: Any, k: int) -> NDArray[np.int32]:
    """Count all words of k bases.

    Parameters
    ----------
    sequences
        One-hot ``(n, 4, length)``, or strings, whose lengths may differ.
    k
        Length of a word, 1 to 10. A word with an ambiguous base isn't counted.

    Returns
    -------
    ``(n, 4 ** k)`` int32; the columns are the words in alphabetical order, ``AA AC AG AT CA ...``.

    Raises
    ------
    ValueError
        `k` is out of range, or a letter is no DNA.
    """
    check_length(k, name="k")
    if k > 10:
        raise ValueError(f"k is at most 10 (a million columns), got {k}")
    codes = base_codes(sequences)
    counts = np.zeros((len(codes), 4**k), dtype=np.int32)
    per_block = max(1, _BLOCK // 8 // max(1, codes.shape[1]))  # a word's number takes eight bytes
    for first in range(0, len(codes), per_block):
        words = word_codes(codes[first : first + per_block], k)
        row, place = np.nonzero(words >= 0)
        np.add.at(counts, (first + row, words[row, place]), 1)
    return counts


def base_codes(sequences: Any) -> NDArray[np.int8]:
    """Return ``(n, length)`` int8: 0 to 3 for A C G T, and -1 for N and behind the end of shorter sequences."""
    if isinstance(sequences, str) or (len(sequences) and isinstance(sequences[0], str)):
        rows = [sequences] if isinstance(sequences, str) else list(sequences)
        hot = one_hot(rows, length=max(1, *map(len, rows))).view(np.bool_)
    else:
        hot = _as_hot(sequences)
    codes = np.full((hot.shape[0], hot.shape[2]), -1, dtype=np.int8)
    for channel in range(4):
        codes += hot[:, channel].view(np.int8) * np.int8(channel + 1)
    return codes


def word_codes(codes: NDArray[np.int8], k: int) -> NDArray[np.int64]:
    """Return the number of the word that begins at each base, ``(n, length - k + 1)``; -1 where it has an N."""
    count = max(0, codes.shape[1] - k + 1)
    words = np.zeros((len(codes), count), dtype=np.int64)
    known = np.ones((len(codes), count), dtype=np.bool_)
    for offset in range(k):
        base = codes[:, offset : offset + count]
        words = words * 4 + base
        known &= base >= 0
    words[~known] = -1
    return words
