"""DNA whose truth is known: motifs planted at known positions, spacings and strands."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from genolab.checks import check_one_of, check_share
from genolab.sequences.encode import check_length, one_hot, one_hot_ascii, reverse_complement

if TYPE_CHECKING:
    from anndata import AnnData

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# What is planted by default: the two boxes of E. coli's sigma-70 promoters, which stand 17 bases apart.
_SIGMA70 = {"minus35": "TTGACA", "minus10": "TATAAT"}


def simulate_sequences(
    n_sequences: int = 1_000,
    length: int = 200,
    *,
    motifs: "Mapping[str, str | Floats] | None" = None,
    spacing: tuple[int, int] | None = None,
    strands: Literal["+", "both"] = "+",
    decoys: bool = False,
    gc: float = 0.5,
    seed: int = 0,
) -> "AnnData":
    """Draw random DNA, half of it with motifs planted at known positions.

    Every base of the background is drawn on its own. Into the sequences of the class ``motif`` all motifs are planted,
    each base drawn from its column of the motif; the class ``background`` has none of them, or `decoys`.

    Parameters
    ----------
    motifs
        Name to motif: bases such as ``"TATAAT"`` (N and the other ambiguous codes stay background), or probabilities
        ``(4, width)``. By default the two boxes of sigma-70, ``minus35`` and ``minus10``.
    spacing
        Least and most bases between the end of a motif and the start of the next, in their order, uniformly drawn. By
        default every motif stands on its own, anywhere it doesn't overlap another.
    strands
        ``"both"``: the strand is random; of all motifs together where they have a spacing, else of each.
    decoys
        Plant the motifs into the background, too, but with the columns of each shuffled: the classes then have the same
        composition, and only the motifs themselves distinguish them.
    gc
        Share of G and C in the background.

    Returns
    -------
    AnnData
        ``obsm["sequence"]`` ``(n, 4, length)`` uint8, and the truth: ``obs["class"]``, ``obsm["motif_position"]`` ``(n,
        n_motifs)`` (the first base on the + strand; -1 where there is none), ``obsm["motif_strand"]`` (1, -1; 0 where
        there is none), ``obsm["motif_mask"]`` ``(n, length)`` (whether a base is a motif's), and ``uns["simulation"]``
        with the arguments, ``names`` and, by name, the ``motifs`` ``(4, width)``, NaN where they stay background.
        Decoys are no truth: ``obsm["decoy_position"]`` has them.

    Examples
    --------
    >>> loci = gl.dna.simulate_sequences(1000, 100, motifs={"tata": "TATAAA"}, seed=1)
    >>> int(loci.obsm["motif_mask"].sum(axis=1).max())
    6
    """
    matrices = {name: _matrix(name, motif) for name, motif in (_SIGMA70 if motifs is None else motifs).items()}
    widths = np.array([matrix.shape[1] for matrix in matrices.values()], dtype=np.int64)
    _check(n_sequences, length, widths, spacing=spacing, strands=strands, gc=gc)
    rng = np.random.default_rng(seed)
    codes = rng.choice(4, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2], size=(n_sequences, length))
    is_motif = np.arange(n_sequences) % 2 == 0
    position, strand = _positions(n_sequences, length, widths, spacing=spacing, both=strands == "both", rng=rng)
    for number, matrix in enumerate(matrices.values()):
        shuffled = matrix[:, rng.permutation(matrix.shape[1])]
        _plant(codes, matrix, position[:, number], strand[:, number], rows=is_motif, rng=rng)
        if decoys:
            _plant(codes, shuffled, position[:, number], strand[:, number], rows=~is_motif, rng=rng)
    adata = _annotated(np.frombuffer(b"ACGT", dtype=np.uint8)[codes], is_motif, position, strand, widths, decoys=decoys)
    adata.uns["simulation"] = {
        "names": list(matrices),
        "motifs": matrices,
        "spacing": "none" if spacing is None else list(spacing),
        "strands": strands,
        "decoys": decoys,
        "gc": gc,
        "seed": seed,
    }
    return adata


def _matrix(name: str, motif: Any) -> Floats:
    """Return a motif as probabilities ``(4, width)``; an ambiguous letter's column is NaN: it isn't planted."""
    if isinstance(motif, str):
        hot: Floats = one_hot(motif)[0].astype(np.float64)
        hot[:, hot.sum(axis=0) == 0] = np.nan
        return hot
    matrix: Floats = np.array(motif, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != 4 or matrix.shape[1] == 0:
        raise ValueError(f"a motif is bases, or probabilities (4, width); {name!r} has the shape {matrix.shape}")
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=0), 1, atol=1e-3):
        raise ValueError(f"a motif's columns are probabilities that add up to 1; those of {name!r} don't")
    matrix /= matrix.sum(axis=0)
    return matrix


def _check(
    n_sequences: int, length: int, widths: Integers, *, spacing: Sequence[int] | None, strands: str, gc: float
) -> None:
    check_length(n_sequences, name="n_sequences")
    check_length(length)
    if len(widths) == 0:
        raise ValueError("at least one motif is planted, got none")
    if spacing is not None and not 0 <= spacing[0] <= spacing[1]:
        raise ValueError(f"spacing is the least and the most bases between motifs, such as (15, 19), got {spacing}")
    check_one_of("strands", strands, ("+", "both"))
    check_share("gc", gc)
    longest = int(widths.sum()) + (0 if spacing is None else spacing[1] * (len(widths) - 1))
    if longest > length:
        raise ValueError(f"the motifs, with their spacing, take up to {longest:,} bases and a sequence has {length:,}")


def _positions(
    n: int, length: int, widths: Integers, *, spacing: tuple[int, int] | None, both: bool, rng: np.random.Generator
) -> tuple[Integers, NDArray[np.int8]]:
    """Draw the first bases of motifs on the + strand, ``(n, n_motifs)``, and their strands, 1 or -1."""
    count = len(widths)
    n_drawn = 1 if spacing is not None else count
    minus = rng.random((n, n_drawn)) < (0.5 if both else 0.0)
    strand = np.broadcast_to(np.where(minus, np.int8(-1), np.int8(1)), (n, count))
    if spacing is None:
        return _without_overlap(n, length, widths, rng), strand
    gaps = rng.integers(spacing[0], spacing[1] + 1, size=(n, count - 1))
    offset = np.concatenate([np.zeros((n, 1), dtype=np.int64), np.cumsum(widths[:-1] + gaps, axis=1)], axis=1)
    total = offset[:, -1] + widths[-1]
    position = rng.integers(0, length - total + 1)[:, None] + offset
    # On the other strand the whole arrangement is turned over, so that its order is reversed as well.
    turned = length - position - widths
    return np.where(strand < 0, turned, position), strand


def _without_overlap(n: int, length: int, widths: Integers, rng: np.random.Generator) -> Integers:
    """Draw positions without overlap, uniformly over all arrangements: an order, and gaps that fill the rest."""
    count = len(widths)
    order = rng.permuted(np.tile(np.arange(count), (n, 1)), axis=1)
    spare = length - int(widths.sum())
    # Of spare + count slots, count are motifs: the sorted slots less their rank are the bases of the gaps before.
    picked = np.sort(np.array([rng.choice(spare + count, count, replace=False) for _ in range(n)]), axis=1)
    sorted_widths = widths[order]
    start = picked - np.arange(count) + np.cumsum(sorted_widths, axis=1) - sorted_widths
    position = np.empty((n, count), dtype=np.int64)
    np.put_along_axis(position, order, start, axis=1)
    return position


def _plant(
    codes: Integers,
    matrix: Floats,
    position: Integers,
    strand: NDArray[np.int8],
    *,
    rows: NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """Draw a motif's bases into the given rows, in place."""
    for sign, motif in ((1, matrix), (-1, reverse_complement(matrix))):
        chosen = np.flatnonzero(rows & (strand == sign))
        cumulative = np.cumsum(motif, axis=0)  # (4, width)
        uniform = rng.random((len(chosen), motif.shape[1]))
        base = (uniform[:, None, :] >= cumulative[None, :3]).sum(axis=1)  # (n, width)
        planted = ~np.isnan(motif[0])
        codes[chosen[:, None], position[chosen][:, None] + np.flatnonzero(planted)] = base[:, planted]


def _annotated(
    bases: NDArray[np.uint8],
    is_motif: NDArray[np.bool_],
    position: Integers,
    strand: NDArray[np.int8],
    widths: Integers,
    *,
    decoys: bool,
) -> "AnnData":
    import pandas as pd
    from anndata import AnnData

    n, length = bases.shape
    obs = pd.DataFrame(
        {"class": pd.Categorical(np.where(is_motif, "motif", "background"), categories=["background", "motif"])},
        index=[f"sequence_{number:0{len(str(n))}d}" for number in range(1, n + 1)],
    )
    column = np.arange(length)
    mask = np.zeros((n, length), dtype=np.bool_)
    for first, width in zip(position.T[:, :, None], widths, strict=True):
        mask |= (column >= first) & (column < first + width)
    truth = {
        "sequence": one_hot_ascii(bases),
        "motif_position": np.where(is_motif[:, None], position, -1),
        "motif_strand": np.where(is_motif[:, None], strand, 0).astype(np.int8),
        "motif_mask": mask & is_motif[:, None],
    }
    if decoys:
        truth["decoy_position"] = np.where(is_motif[:, None], -1, position)
    return AnnData(obs=obs, obsm=truth)
