"""Differences of two aligned genomes as variants, as VCF states them: left-aligned, and no longer than need be."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.genomes import columns as col
from genolab.genomes.extend import Block
from genolab.genomes.overlaps import plus

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

KINDS: Final = ("SNV", "insertion", "deletion", "substitution")
COLUMNS: Final = ("chromosome", "position", "ref", "alt", "kind", "block", "b_chromosome", "b_position", "strand")


class _Rows(NamedTuple):
    """Variants of a block: first bases in a and b, as the strands are read, and alleles."""

    a: Ints
    b: Ints
    ref: list[str]
    alt: list[str]
    kind: list[str]


def variants_of(blocks: Sequence[Block]) -> pd.DataFrame:
    """Return the variants of blocks, in the order of a; the columns are told at `genolab.genomes.Comparison`."""
    tables = [table for number, block in enumerate(blocks, start=1) for table in _tables(block, number)]
    if not tables:
        return pd.DataFrame({name: [] for name in COLUMNS})
    order = {name: number for number, name in enumerate(dict.fromkeys(block.a.chromosome for block in blocks))}
    joined = pd.concat(tables, ignore_index=True)
    rank = joined["chromosome"].map(order).to_numpy()
    joined = joined.iloc[np.lexsort((joined["position"].to_numpy(), rank))].reset_index(drop=True)
    for name in ("chromosome", "kind", "b_chromosome", "strand"):
        joined[name] = joined[name].astype("category")
    return joined


def _tables(block: Block, number: int) -> list[pd.DataFrame]:
    """Return the substitutions of single bases, and the gaps, of a block."""
    in_a, in_b = col.places(block.columns)
    in_a, in_b = in_a + block.a_start, in_b + block.b_start
    letters_a, letters_b = block.a.letters, block.b.letters
    at = np.flatnonzero(block.columns == col.OTHER)
    at = at[~(col.unknown(letters_a[in_a[at]]) | col.unknown(letters_b[in_b[at]]))]  # N is no variant
    ref, alt = (_single(letters[place[at]]) for letters, place in ((letters_a, in_a), (letters_b, in_b)))
    single = _table(block, number, _Rows(in_a[at], in_b[at], ref, alt, ["SNV"] * len(at)))
    gaps = _gap_rows(block, in_a, in_b)
    return [table for table in (single, _table(block, number, gaps)) if len(table)]


def _single(letters: Bytes) -> list[str]:
    return list(letters.tobytes().decode())


def _gap_rows(block: Block, in_a: Ints, in_b: Ints) -> _Rows:
    """Return the places, alleles and kinds of gaps: a run of inserted and deleted bases is one."""
    is_gap = block.columns >= col.INSERTED
    firsts, ends = col.runs(is_gap)
    rows = np.flatnonzero(is_gap[firsts]) if len(firsts) else np.zeros(0, dtype=np.int64)
    first, end = firsts[rows], ends[rows]
    end_a, end_b = np.append(in_a, block.a_end)[end], np.append(in_b, block.b_end)[end]
    known = ~(
        _holds(col.unknown(block.a.letters), in_a[first], end_a)
        | _holds(col.unknown(block.b.letters), in_b[first], end_b)
    )
    first, end_a, end_b = first[known], end_a[known], end_b[known]
    a_at, b_at, a_size, b_size = in_a[first], in_b[first], end_a - in_a[first], end_b - in_b[first]
    floor = _equal_before(block.columns, first)
    shift = _shifts(block.a.letters, block.b.letters, a_at, b_at, a_size, b_size, floor)
    return _alleles(block, a_at - shift, b_at - shift, a_size, b_size)


def _holds(marked: NDArray[np.bool_], first: Ints, end: Ints) -> NDArray[np.bool_]:
    """Return which stretches hold a marked letter."""
    before = np.concatenate([[0], np.cumsum(marked)])
    return before[end] > before[first]


def _equal_before(columns: col.Columns, first: Ints) -> Ints:
    """Return how many equal columns lie right before each gap."""
    last = np.maximum.accumulate(np.where(columns == col.SAME, -1, np.arange(len(columns))))
    return first - 1 - last[first - 1]


@numba.njit(cache=True)
def _shifts(a, b, a_at, b_at, a_size, b_size, floor):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - numba's
    """Return how far left each bare gap can go; one equal base stays before it."""
    shift = np.zeros(len(a_at), dtype=np.int64)
    for row in range(len(a_at)):
        if a_size[row] and b_size[row]:
            continue
        letters, at, size = (a, a_at[row], a_size[row]) if a_size[row] else (b, b_at[row], b_size[row])
        while shift[row] < floor[row] - 1 and letters[at - 1 - shift[row]] == letters[at + size - 1 - shift[row]]:
            shift[row] += 1
    return shift


def _alleles(block: Block, a_at: Ints, b_at: Ints, a_size: Ints, b_size: Ints) -> _Rows:
    """Write alleles: bare gaps with the base before them, which VCF asks for."""
    refs, alts = [], []
    bare = (a_size == 0) | (b_size == 0)
    a_from, b_from = a_at - bare, b_at - bare
    for low, high, first, end in zip(a_from, a_at + a_size, b_from, b_at + b_size, strict=True):
        refs.append(block.a.letters[low:high].tobytes().decode())
        alts.append(block.b.letters[first:end].tobytes().decode())
    kinds = np.select([b_size == 0, a_size == 0], ["deletion", "insertion"], "substitution").tolist()
    return _Rows(a_from, b_from, refs, alts, kinds)


def _table(block: Block, number: int, rows: _Rows) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chromosome": block.a.chromosome,
            "position": plus(block.a, rows.a, "+"),
            "ref": rows.ref,
            "alt": rows.alt,
            "kind": rows.kind,
            "block": number,
            "b_chromosome": block.b.chromosome,
            "b_position": plus(block.b, rows.b, block.strand),
            "strand": block.strand,
        }
    )
