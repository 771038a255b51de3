"""What a model was trained on: names of columns, codes, levels and classes, in order.

A model remembers it as ``model.trained_on``; `genolab.data.dataset.aligned` brings other data into its order by name.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab import registry
from genolab.checks import listing

Names = tuple[str, ...]
Places = NDArray[np.int64]

_MOST_NAMED = 5


@dataclass(frozen=True)
class Slot:
    """One slot: the shape of a row, and what its numbers stand for, as far as the data say it.

    Attributes
    ----------
    names
        Of the columns (genes, terms); of a column of categories, its classes. ``None`` where they have no names.
    codes
        Where values are row numbers in tables: the names of each column's table.
    """

    slot: str
    shape: tuple[int, ...] = ()
    names: Names | None = None
    codes: tuple[Names, ...] | None = None


@dataclass(frozen=True)
class Signature:
    """What a model was trained on: its inputs, its target, and the levels of covariates, ``()`` for numbers."""

    inputs: tuple[Slot, ...]
    target: Slot | None = None
    covariates: Mapping[str, Names] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing in it can change, and it may hold a hundred thousand names

    @property
    def outputs(self) -> Names:
        """The names of the target's classes or columns; ``()`` where they have none."""
        return () if self.target is None else self.target.names or ()

    def facts(self) -> dict[str, Any]:
        """Return it JSON-able."""
        return dataclasses.asdict(self)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Return what `facts` described."""
        target, levels = facts["target"], facts["covariates"]
        return cls(
            tuple(map(_slot, facts["inputs"])),
            None if target is None else _slot(target),
            {name: tuple(each) for name, each in levels.items()},
        )


def _slot(facts: Mapping[str, Any]) -> Slot:
    names, codes = facts["names"], facts["codes"]
    return Slot(
        facts["slot"],
        tuple(facts["shape"]),
        None if names is None else tuple(names),
        None if codes is None else tuple(map(tuple, codes)),
    )


def describe(adata: AnnData, slot: str, shape: Sequence[int]) -> Slot:
    """Describe a slot whose rows have that shape."""
    place, _, name = slot.partition("/")
    if (target := registry.table("codes").get(slot)) is not None and (codes := registry.load(target)(adata)):
        return Slot(slot, tuple(shape), codes=codes)
    names: Any = None
    if place in {"X", "layers"}:
        names = adata.var_names
    elif place == "obsm":
        names = getattr(adata.obsm[name], "columns", adata.uns.get(name))  # uns["terms"] names obsm["terms"]'s columns
    if not isinstance(names, list | tuple | np.ndarray | pd.Index) or len(names) != shape[0] or len(shape) != 1:
        return Slot(slot, tuple(shape))
    return Slot(slot, tuple(shape), tuple(map(str, names)))


def places(wanted: Names, given: Names, what: str, fix: str) -> Places | None:
    """Return where each of the wanted names stands among the given ones; ``None`` where both are the same.

    Where one is missing, a ValueError names the first that are.
    """
    if wanted == given:
        return None
    index = pd.Index(given)
    if not index.is_unique:
        twice = index[index.duplicated()].unique()
        raise ValueError(
            f"{what} are not those that the model was trained on, or in another order, and can't be matched by name, "
            f"for some come twice ({_first(list(twice))}): make the names unique"
        )
    at = index.get_indexer(pd.Index(wanted)).astype(np.int64)
    if (at < 0).any():
        missing = [name for name, place in zip(wanted, at, strict=True) if place < 0]
        more = [name for name in given if name not in set(wanted)]
        instead = f"; it has others, such as {_first(more)}" if more else ""
        raise ValueError(
            f"{what} must have the {len(wanted):,} names that the model was trained on; {len(missing):,} are missing: "
            f"{_first(missing)}{instead}. {fix}"
        )
    return at


def recode(wanted: Names, given: Names, used: NDArray[np.int64], what: str, fix: str) -> Places | None:
    """Return each given name's number among the wanted ones; ``None`` where none changes. All that is used is there."""
    if wanted == given:
        return None
    number: dict[str, int] = {}
    for place, name in enumerate(wanted):
        number.setdefault(name, place)
    table = np.array([number.get(name, -1) for name in given], dtype=np.int64)
    if unknown := [given[code] for code in used if table[code] < 0]:
        raise ValueError(
            f"{what} has {len(unknown):,} that the model was not trained on: {_first(unknown)}; it knows "
            f"{listing(wanted)}. {fix}"
        )
    return table


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:_MOST_NAMED], "..."] if len(names) > _MOST_NAMED else names)
