"""Splits that ask what a screen asks: how well is a new compound predicted, a new target or line, or both at once."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.checks import check_columns, check_one_of
from genolab.data.dataset import AnnDataset, check_fractions, split

_ROUNDING = 1e-9


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
    order: Literal["random", "largest first"] = "random",
    seed: int = 0,
) -> ColdSplit:
    """Split rows that are a compound in a context so that what is tested on is new.

    `compound` and `context` are columns of ``obs`` whose groups are placed whole, such as ``"scaffold"`` or
    ``"compound"``, and ``"context"``, ``"protein"`` or ``"tissue"``; ``None`` where a group may be in several parts.
    With both, a row stays only if its compound and its context were placed in the same part, so that test has neither
    in common with train: of the rows a share of about ``f * f`` stays for each part's fraction f, and the others are
    dropped.

    `order` says which groups go where. ``"random"``: drawn by `seed`. ``"largest first"``: train is filled with the
    largest groups, then valid, and test has the smallest, the same for every seed; so published scaffold splits are
    made (MoleculeNet, Wu et al. 2018), and are harder, for test has the rarest scaffolds; there, all compounds without
    rings have one scaffold, as of `gl.drugs.compounds.scaffolds`. State with a figure which of the two it is of.

    Examples
    --------
    >>> parts = cold_split(dataset, "scaffold", None)  # new compounds on known targets
    >>> parts = cold_split(dataset, "scaffold", None, order="largest first")  # as published ones
    >>> both = cold_split(dataset, "scaffold", "protein", fractions=(0.6, 0.2, 0.2))
    """
    check_one_of("order", order, ("random", "largest first"))
    columns = [column for column in (compound, context) if column is not None]
    if not columns:
        raise ValueError("a cold split needs a column of compounds, of contexts, or both; for neither, take split")
    # The second split has a seed of its own, lest groups of similar sizes go the same way.
    parts = [
        _largest_first(dataset, column, fractions)
        if order == "largest first"
        else _random(dataset, column, fractions, seed + at)
        for at, column in enumerate(columns)
    ]
    part = np.where(parts[0] == parts[-1], parts[0], -1)
    train, valid, test = (dataset.subset(np.flatnonzero(part == number)) for number in range(3))
    for name, rows, fraction in zip(("train", "valid", "test"), (train, valid, test), fractions, strict=True):
        if fraction > 0 and not len(rows):
            raise ValueError(
                f"every part needs rows, and {name} has none: no group fits in it, or no row has both its compound and "
                "its context there. Raise its fraction, or make one of the two cold alone"
            )
    return ColdSplit(train, valid, test, int((part < 0).sum()))


def _random(dataset: AnnDataset, column: str, fractions: tuple[float, float, float], seed: int) -> NDArray[np.int64]:
    """Return the part of each row, ``(n,)``: 0, 1 or 2."""
    number = np.full(dataset.adata.n_obs, -1, dtype=np.int64)
    for part, rows in enumerate(split(dataset, by=column, fractions=fractions, seed=seed)):
        number[rows.rows] = part
    return number[dataset.rows]


def _largest_first(dataset: AnnDataset, column: str, fractions: tuple[float, float, float]) -> NDArray[np.int64]:
    """Return the part of each row: a group goes to train while it fits, else to valid, else to test.

    Of groups of one size that comes first whose first row is the later, as in DeepChem's ScaffoldSplitter.
    """
    import pandas as pd

    check_fractions(fractions)
    check_columns(dataset.adata.obs, column, what="obs")
    names = dataset.adata.obs[column].iloc[dataset.rows]
    if missing := int(names.isna().sum()):
        raise ValueError(
            f"obs[{column!r}] must be known for every row; it is missing for {missing:,} of {len(names):,}"
        )
    group, _ = pd.factorize(names)
    size = np.bincount(group)
    first = np.unique(group, return_index=True)[1]
    room = np.array(fractions) * len(group)
    part_of, n_rows = np.zeros(len(size), dtype=np.int64), np.zeros(3)
    for one in np.lexsort((-first, -size)):
        in_train = n_rows[0] + size[one] <= room[0] + _ROUNDING
        in_valid = n_rows[0] + n_rows[1] + size[one] <= room[0] + room[1] + _ROUNDING
        part_of[one] = 0 if in_train else 1 if in_valid else 2
        n_rows[part_of[one]] += size[one]
    return part_of[group]
