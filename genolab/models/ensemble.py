"""Deep ensembles (Lakshminarayanan et al. 2017): networks with different initial weights, which answer together."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, cast

import torch
from torch import nn

Member = TypeVar("Member", bound=nn.Module)


class Ensemble(nn.ModuleList, Generic[Member]):
    """A list of member networks that knows their type, and puts their outputs together.

    Examples
    --------
    >>> with seeded(0):
    ...     members = Ensemble(nn.Linear(4, 2) for _ in range(5))
    >>> members.stack(lambda member: member(x)).mean(dim=0)  # (n, 2)
    """

    def __iter__(self) -> Iterator[Member]:
        return cast("Iterator[Member]", super().__iter__())

    def stack(self, output: Callable[[Member], torch.Tensor]) -> torch.Tensor:
        """Return the members' outputs, ``(members, ...)``."""
        return torch.stack([output(member) for member in self])

    def concat(self, output: Callable[[Member], torch.Tensor], *, dim: int = 1) -> torch.Tensor:
        """Return the members' outputs side by side, along `dim`."""
        return torch.cat([output(member) for member in self], dim=dim)


def mixture(means: torch.Tensor, variances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and variance of the mixture, in equal parts, of the members' distributions, ``(members, ...)``."""
    return means.mean(dim=0), variances.mean(dim=0) + means.var(dim=0, correction=0)
