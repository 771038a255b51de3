"""Splits that ask what a screen asks: how well is a new compound predicted, a new target or line, or both at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.data.dataset import AnnDataset, split


class ColdSplit(NamedTuple):
    """Three parts of a dataset, and how many rows are in none: compound and context are of different parts."""

    train: AnnDataset
    valid: AnnDataset
    test: AnnDataset
    dropped: int


def cold_split(
    dataset: AnnDataset,
    compound: str | None = "scaffold",
    context: str | None = "context",
    *,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int = 0,
) -> ColdSplit:
    """Split rows that are a compound in a context so that what is tested on is new.

    `compound` and `context` are columns of ``obs`` whose groups are placed whole, such as ``"scaffold"`` or
    ``"compound"``, and ``"context"``, ``"protein"`` or ``"tissue"``; ``None`` where a group may be in several parts.
    With both, a row stays only if its compound and its context were placed in the same part, so that test has neither
    in common with train: of the rows a share of about ``f * f`` stays for each part's fraction f, and the others are
    dropped.

    Examples
    --------
    >>> parts = cold_split(dataset, "scaffold", None)  # new compounds on known targets
    >>> both = cold_split(dataset, "scaffold", "protein", fractions=(0.6, 0.2, 0.2))
    """
    columns = [column for column in (compound, context) if column is not None]
    if not columns:
        raise ValueError("a cold split needs a column of compounds, of contexts, or both; for neither, take split")
    # The second split has a seed of its own, lest groups of similar sizes go the same way.
    parts = [_parts(dataset, column, fractions, seed + at) for at, column in enumerate(columns)]
    part = np.where(parts[0] == parts[-1], parts[0], -1)
    train, valid, test = (dataset.subset(np.flatnonzero(part == number)) for number in range(3))
    for name, rows, fraction in zip(("train", "valid", "test"), (train, valid, test), fractions, strict=True):
        if fraction > 0 and not len(rows):
            raise ValueError(
                f"every part needs rows, and {name} has none: no row has both its compound and its context there. "
                "Raise its fraction, or make one of the two cold alone"
            )
    return ColdSplit(train, valid, test, int((part < 0).sum()))


def _parts(dataset: AnnDataset, column: str, fractions: tuple[float, float, float], seed: int) -> NDArray[np.int64]:
    """Return the part of each row, ``(n,)``: 0, 1 or 2."""
    number = np.full(dataset.adata.n_obs, -1, dtype=np.int64)
    for part, rows in enumerate(split(dataset, by=column, fractions=fractions, seed=seed)):
        number[rows.rows] = part
    return number[dataset.rows]
