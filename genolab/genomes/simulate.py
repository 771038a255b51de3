"""Simulated pairs of genomes whose true alignment is known, with inversions and translocations."""

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.checks import check_share
from genolab.sequences.encode import check_length, reverse_complement

Bytes = NDArray[np.uint8]
Variant = tuple[int, str, str, str]

_BASES: Final = np.frombuffer(b"ACGT", dtype=np.uint8)
_GAP_END: Final = 0.35  # probability that a gap ends with each base: 3 bases on average
_MAX_GAP: Final = 30


class GenomePair(NamedTuple):
    """Two simulated genomes and the truth about them.

    `a` and `b` have one chromosome each, ``"a"`` and ``"b"``. `variants` are what was changed, ``chromosome position
    ref alt kind`` as in `Comparison.variants`. `segments` are which part of a is where in b, ``a_start a_end b_start
    b_end strand``, in the order of a; 0-based and half-open; on circles `b_end` may lie beyond the length.
    """

    a: dict[str, str]
    b: dict[str, str]
    variants: pd.DataFrame
    segments: pd.DataFrame
    circular: bool


class _Piece(NamedTuple):
    start: int
    end: int
    strand: str


def simulate_genomes(
    length: int = 100_000,
    *,
    divergence: float = 0.05,
    gaps: float = 0.1,
    n_inversions: int = 0,
    n_translocations: int = 0,
    circular: bool = False,
    gc: float = 0.5,
    seed: int = 0,
) -> GenomePair:
    """Simulate a random genome, and another made of it by mutations, inversions and translocations.

    Parameters
    ----------
    length, gc
        Bases of the first genome, and their share of G and C, 0 to 1.
    divergence, gaps
        Share of its bases at which something is changed, 0 to 0.5; and share of the changes that are insertions and
        deletions, half each, of 1 to 30 bases, 3 on average; the others are substitutions. Changes don't touch.
    n_inversions, n_translocations
        Stretches that are inverted, and that are cut out and inserted elsewhere; each is a fortieth to a twentieth of
        the genome.
    circular
        Whether both are circular; then the second begins anywhere.

    Examples
    --------
    >>> pair = simulate_genomes(10_000, divergence=0.02, n_inversions=1, seed=1)
    >>> pair.segments["strand"].tolist()
    ['+', '-', '+']
    """
    _check(length, divergence=divergence, gaps=gaps, gc=gc, stretches=n_inversions + n_translocations)
    rng = np.random.default_rng(seed)
    bases = _BASES[rng.choice(4, length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])]
    pieces = _rearranged(length, n_inversions, n_translocations, rng)
    texts, variants = {}, []
    for piece in sorted(pieces):
        text, changes = _mutated(bases, piece, divergence, gaps, rng)
        texts[piece] = reverse_complement(text) if piece.strand == "-" else text
        variants += changes
    joined = "".join(texts[piece] for piece in pieces)
    turn = int(rng.integers(len(joined))) if circular else 0
    a, b = {"a": bases.tobytes().decode()}, {"b": joined[turn:] + joined[:turn]}
    segments = _segments(pieces, [len(texts[piece]) for piece in pieces], turn)
    return GenomePair(a, b, _variant_table(variants), segments, circular)


def mutate(sequence: str, share: float, *, seed: int = 0) -> str:
    """Return a sequence in which each base A, C, G or T is substituted by another one with the probability `share`."""
    check_share("share", share)
    random = np.random.default_rng(seed)
    bases = np.frombuffer(sequence.upper().encode("ascii"), dtype=np.uint8).copy()
    at = np.flatnonzero(np.isin(bases, _BASES) & (random.random(len(bases)) < share))
    bases[at] = _BASES[(np.searchsorted(_BASES, bases[at]) + random.integers(1, 4, len(at))) % 4]
    return bases.tobytes().decode("ascii")


def _check(length: int, *, divergence: float, gaps: float, gc: float, stretches: int) -> None:
    check_length(length)
    for name, value, most in (("divergence", divergence, 0.5), ("gaps", gaps, 1.0), ("gc", gc, 1.0)):
        if not 0 <= value <= most:
            raise ValueError(f"{name} is a share, 0 to {most:g}, got {value}")
    if stretches and (stretches > 9 or length < 4_000):
        raise ValueError(
            f"up to 9 stretches are inverted or moved, in at least 4,000 bases; got {stretches} in {length:,}: each "
            "takes up to a twentieth of the genome"
        )


def _rearranged(length: int, n_inversions: int, n_translocations: int, rng: np.random.Generator) -> list[_Piece]:
    """Return the pieces of the first genome in the order and on the strands that they have in the second."""
    count = n_inversions + n_translocations
    if count == 0:
        return [_Piece(0, length, "+")]
    spacing = length // count
    sizes = rng.integers(length // 40, length // 20, count)
    starts = np.arange(count) * spacing + rng.integers(spacing // 10, spacing - length // 20, count)
    kinds = rng.permutation([*["inverted"] * n_inversions, *["translocated"] * n_translocations])
    pieces, translocated, at = [], [], 0
    for start, size, kind in zip(starts.tolist(), sizes.tolist(), kinds, strict=True):
        pieces.append(_Piece(at, start, "+"))
        if kind == "inverted":
            pieces.append(_Piece(start, start + size, "-"))
        else:
            translocated.append(_Piece(start, start + size, "+"))
        at = start + size
    pieces.append(_Piece(at, length, "+"))
    for piece in translocated:
        pieces = _inserted(pieces, piece, rng)
    return pieces


def _inserted(pieces: list[_Piece], piece: _Piece, rng: np.random.Generator) -> list[_Piece]:
    """Cut the longest piece that isn't next to it in two, and insert a piece between."""
    apart = [other for other in pieces if other.end != piece.start and other.start != piece.end] or pieces
    longest = max(apart, key=lambda other: other.end - other.start)
    size = longest.end - longest.start
    cut = longest.start + int(rng.integers(size // 4, size - size // 4))
    parts = [longest._replace(end=cut), piece, longest._replace(start=cut)]
    at = pieces.index(longest)
    return [*pieces[:at], *(parts if longest.strand == "+" else parts[::-1]), *pieces[at + 1 :]]


def _mutated(
    bases: Bytes, piece: _Piece, divergence: float, gaps: float, rng: np.random.Generator
) -> tuple[str, list[Variant]]:
    """Return a piece's new bases on the + strand, and what was changed in it."""
    places = piece.start + 1 + np.flatnonzero(rng.random(max(0, piece.end - piece.start - 2)) < divergence)
    draws = rng.random((len(places), 2))
    text, parts, variants = bases.tobytes().decode(), [], []
    at = changed_to = piece.start
    for place, (kind, gap) in zip(places.tolist(), draws.tolist(), strict=True):
        size = min(_MAX_GAP, 1 + int(np.log(gap) / np.log(1 - _GAP_END))) if kind < gaps else 1
        if place <= changed_to or place + size >= piece.end:
            continue
        start, ref, alt, name = _change(text, place, size, kind / gaps if kind < gaps else None, changed_to, rng)
        parts += [text[at:start], alt]
        variants.append((start, ref, alt, name))
        at, changed_to = start + len(ref), place + (size if name == "deletion" else 1)
    return "".join([*parts, text[at : piece.end]]), variants


def _change(  # noqa: PLR0917 - the state of one loop
    text: str, place: int, size: int, gap: float | None, floor: int, rng: np.random.Generator
) -> Variant:
    """Return a change at a place, as VCF states it; `gap` below 0.5 is an insertion, above it a deletion."""
    if gap is None:
        other = "ACGT".replace(text[place], "")[rng.integers(3)]
        return place, text[place], other, "SNV"
    if gap >= 0.5:
        while place - 1 > floor and text[place - 1] == text[place + size - 1]:
            place -= 1
        return place - 1, text[place - 1 : place + size], text[place - 1], "deletion"
    new = _BASES[rng.integers(4, size=size)].tobytes().decode()
    while place - 1 > floor and text[place - 1] == new[-1]:
        place, new = place - 1, new[-1] + new[:-1]
    return place - 1, text[place - 1], text[place - 1] + new, "insertion"


def _segments(pieces: list[_Piece], sizes: list[int], turn: int) -> pd.DataFrame:
    starts = (np.cumsum([0, *sizes[:-1]]) - turn) % sum(sizes)
    rows = [
        (*piece[:2], start, start + size, piece.strand)
        for piece, start, size in zip(pieces, starts.tolist(), sizes, strict=True)
    ]
    return pd.DataFrame(sorted(rows), columns=["a_start", "a_end", "b_start", "b_end", "strand"])


def _variant_table(variants: list[Variant]) -> pd.DataFrame:
    table = pd.DataFrame(variants, columns=["position", "ref", "alt", "kind"])
    table.insert(0, "chromosome", "a")
    return table
