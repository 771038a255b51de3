"""How many bases two sequences have in common: their longest common subsequence, for many pairs at once.

Bit by bit in parallel: 63 bases a word, 128 sequences side by side, about 0.2 microseconds a pair of 251 bases (Hyyrö
2004, "Bit-parallel LCS-length computation revisited"). numba compiles it at its first use and keeps it on disk.
"""

import numba
import numpy as np
from numpy.typing import NDArray

# Sequences that are compared with one at once: enough that their loop is worth its start, and all fits the first cache.
LANES = 128
# Bits of a word that stand for bases; the last one takes the carry to the next word.
BITS = 63

_WHOLE, _TOP = np.uint64(2**BITS - 1), np.uint64(BITS)
_ONE, _TWO, _FOUR, _LAST = (np.uint64(shift) for shift in (1, 2, 4, 56))
_PAIRS, _NIBBLES, _HALVES, _BYTES = (
    np.uint64(pattern) for pattern in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x0101010101010101)
)


def word_masks(codes: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Return where each base stands in each sequence as bits.

    Parameters
    ----------
    codes
        ``(n, length)``: 0 to 3, or -1 for what is not known.

    Returns
    -------
    ``(n_blocks, 4, n_words, LANES)``: sequences in blocks of `LANES`, the last one filled up with unknown ones.
    """
    n, length = codes.shape
    blocks, words = -(-n // LANES), -(-length // BITS)
    padded = np.full((blocks * LANES, words * BITS), -1, dtype=np.int8)
    padded[:n, :length] = codes
    hot = (padded[:, None] == np.arange(4, dtype=np.int8)[:, None]).reshape(len(padded), 4, words, BITS)
    bits = np.packbits(np.pad(hot, ((0, 0), (0, 0), (0, 0), (0, 1))), axis=3, bitorder="little").view("<u8")
    return np.ascontiguousarray(bits.reshape(blocks, LANES, 4, words).transpose(0, 2, 3, 1)).astype(np.uint64)


@numba.njit(cache=True)
def _ones(bits):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Return the number of set bits."""
    bits = bits - ((bits >> _ONE) & _PAIRS)
    bits = (bits & _NIBBLES) + ((bits >> _TWO) & _NIBBLES)
    return np.int64((((bits + (bits >> _FOUR)) & _HALVES) * _BYTES) >> _LAST)


@numba.njit(cache=True)
def in_common(row, masks, free, carry, found):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Write the longest common subsequence of `row` with each sequence of a block into `found`, ``(LANES,)``.

    `free` ``(n_words, LANES)`` and `carry` ``(LANES,)`` are work space.
    """
    words = masks.shape[1]
    free[:] = _WHOLE
    for base in row:
        if base < 0:
            continue
        carry[:] = 0
        for word in range(words):
            here, column = free[word], masks[base, word]
            for lane in range(LANES):
                before = here[lane]
                matches = before & column[lane]
                total = before + matches + carry[lane]
                carry[lane] = total >> _TOP
                here[lane] = (total | (before ^ matches)) & _WHOLE
    found[:] = words * BITS
    for word in range(words):  # a bit that is no longer set is a base in common
        for lane in range(LANES):
            found[lane] -= _ones(free[word, lane])


@numba.njit(cache=True)
def _root(parent, at):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


@numba.njit(cache=True)
def join_similar(strands, masks, known, strong, identity):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Join all pairs that are similar enough; return the root of each sequence, ``(n,)``.

    `strands` ``(n_strands, n, length)`` are the codes to compare with, `known` the number of known bases, `strong` that
    of G and C, by which the sequences are sorted.
    """
    n, words = strands.shape[1], masks.shape[2]
    parent = np.arange(n)
    free, carry = np.empty((words, LANES), np.uint64), np.empty(LANES, np.uint64)
    found = np.empty(LANES, np.int64)
    one_size = known.min() == known.max()
    for i in range(n - 1):
        for block in range((i + 1) // LANES, len(masks)):
            first, last = max(i + 1, block * LANES), min(n, (block + 1) * LANES)
            # G and C match G and C alone: at least as many bases don't match as one has more of them than the other.
            if one_size and known[i] - (strong[first] - strong[i]) < identity * known[i] - 1e-9:
                break
            for strand in strands:
                in_common(strand[i], masks[block], free, carry, found)
                for j in range(first, last):
                    if found[j - block * LANES] >= max(1.0, identity * max(known[i], known[j]) - 1e-9):
                        low, high = _root(parent, i), _root(parent, j)
                        parent[max(low, high)] = min(low, high)
    for i in range(n):
        parent[i] = _root(parent, i)
    return parent
