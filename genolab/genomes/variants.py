"""Differences of two aligned genomes as variants in the sense of VCF: left-aligned, and no longer than need be."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.compiled import compiled
from genolab.genomes import columns as col
from genolab.genomes.extend import Block

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

COLUMNS: Final = ("chromosome", "position", "ref", "alt", "kind", "block", "b_chromosome", "b_position", "strand")
_TRANSITIONS: Final = ("AG", "GA", "CT", "TC")


class _Rows(NamedTuple):
    """Variants of a block: first bases in a and b, as the strands are read, and alleles."""

    a: Integers
    b: Integers
    ref: list[str]
    alt: list[str]
    kind: list[str]


def is_transition(variants: pd.DataFrame) -> "pd.Series[bool]":
    """Return which variants are transitions, A for G or C for T and the reverse; other SNVs are transversions."""
    return (variants["ref"].astype(str) + variants["alt"].astype(str)).isin(_TRANSITIONS)


def variants_of(blocks: Sequence[Block]) -> pd.DataFrame:
    """Return the variants of blocks, in the order of a; the columns are those of `genolab.genomes.Comparison`."""
    tables = [table for number, block in enumerate(blocks, start=1) for table in _tables(block, number)]
    if not tables:
        return pd.DataFrame({name: [] for name in COLUMNS})
    order = {name: number for number, name in enumerate(dict.fromkeys(block.a.chromosome for block in blocks))}
    table = pd.concat(tables, ignore_index=True)
    rank = table["chromosome"].map(order).to_numpy()
    table = table.iloc[np.lexsort((table["position"].to_numpy(), rank))].reset_index(drop=True)
    return table.astype(dict.fromkeys(("chromosome", "kind", "b_chromosome", "strand"), "category"))


def _tables(block: Block, number: int) -> list[pd.DataFrame]:
    """Return the substitutions of single bases, and the gaps, of a block."""
    in_a, in_b = block.positions()
    at = np.flatnonzero(block.columns == col.MISMATCH)
    ref, alt = block.a.bases[in_a[at]], block.b.bases[in_b[at]]
    known = ~(col.is_ambiguous(ref) | col.is_ambiguous(alt))  # N is no variant
    at, (refs, alts) = at[known], (list(bases[known].tobytes().decode()) for bases in (ref, alt))
    single = _Rows(in_a[at], in_b[at], refs, alts, ["SNV"] * len(at))
    return [_table(block, number, rows) for rows in (single, _gap_rows(block, in_a, in_b)) if len(rows.a)]


def _gap_rows(block: Block, in_a: Integers, in_b: Integers) -> _Rows:
    """Return the positions, alleles and kinds of gaps: a run of inserted and deleted bases is one."""
    is_gap = block.columns >= col.INSERTION
    starts, stops = col.runs(is_gap)
    first, end = starts[is_gap[starts]], stops[is_gap[starts]]
    end_a, end_b = np.append(in_a, block.a_end)[end], np.append(in_b, block.b_end)[end]
    known = ~(
        _any_within(col.is_ambiguous(block.a.bases), in_a[first], end_a)
        | _any_within(col.is_ambiguous(block.b.bases), in_b[first], end_b)
    )
    first, end_a, end_b = first[known], end_a[known], end_b[known]
    a_at, b_at, a_size, b_size = in_a[first], in_b[first], end_a - in_a[first], end_b - in_b[first]
    room = _equal_before(block.columns, first)
    shift = _shifts(block.a.bases, block.b.bases, a_at, b_at, a_size, b_size, room)
    return _alleles(block, a_at - shift, b_at - shift, a_size, b_size)


def _any_within(marked: NDArray[np.bool_], first: Integers, end: Integers) -> NDArray[np.bool_]:
    before = np.concatenate([[0], np.cumsum(marked)])
    return before[end] > before[first]


def _equal_before(columns: col.Columns, first: Integers) -> Integers:
    last = np.maximum.accumulate(np.where(columns == col.EQUAL, -1, np.arange(len(columns))))
    return first - 1 - last[first - 1]


@compiled
def _shifts(a, b, a_at, b_at, a_size, b_size, room):  # noqa: PLR0917 - numba's
    """Return how far left each bare gap can go; one equal base stays before it."""
    shift = np.zeros(len(a_at), dtype=np.int64)
    for row in range(len(a_at)):
        if a_size[row] and b_size[row]:
            continue
        bases, at, size = (a, a_at[row], a_size[row]) if a_size[row] else (b, b_at[row], b_size[row])
        while shift[row] < room[row] - 1 and bases[at - 1 - shift[row]] == bases[at + size - 1 - shift[row]]:
            shift[row] += 1
    return shift


def _alleles(block: Block, a_at: Integers, b_at: Integers, a_size: Integers, b_size: Integers) -> _Rows:
    """Write alleles: bare gaps with the base before them, which VCF asks for."""
    is_bare = (a_size == 0) | (b_size == 0)
    sides = ((block.a.bases, a_at - is_bare, a_at + a_size), (block.b.bases, b_at - is_bare, b_at + b_size))
    refs, alts = (
        [bases[start:end].tobytes().decode() for start, end in zip(first, stop, strict=True)]
        for bases, first, stop in sides
    )
    kinds = np.select([b_size == 0, a_size == 0], ["deletion", "insertion"], "substitution").tolist()
    return _Rows(a_at - is_bare, b_at - is_bare, refs, alts, kinds)


def _table(block: Block, number: int, rows: _Rows) -> pd.DataFrame:
    values = (
        block.a.chromosome, block.a.to_forward(rows.a), rows.ref, rows.alt, rows.kind, number,
        block.b.chromosome, block.b.to_forward(rows.b), block.strand,
    )  # fmt: skip
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
