"""Filters over sequences, for one strand or both at once, and the noise that keeps a network from learning by heart."""

import math

import torch
from torch import nn
from torch.nn import functional

from genolab.models.layers import SteadyNorm


class Filters(nn.Module):
    """Filters over positions, normalised, above zero: ``(n, n_in, length)`` to ``(n, n_out, length)``.

    With `shared` strands, the second half of the filters is the first half's reverse complement, in reverse order. To
    read the other strand is then to flip channels and positions, in and out.

    With a `length`, every filter has a threshold of its own at each position, so that it can be blind where its motif
    means nothing.
    """

    def __init__(self, n_in: int, n_out: int, width: int, *, shared: bool, length: int | None = None) -> None:
        super().__init__()
        self.shared = shared
        own = n_out // 2 if shared else n_out
        self.weight = nn.Parameter(torch.empty(own, n_in, width))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # as torch's own convolutions begin
        self.norm = SteadyNorm(own, eps=1e-3)
        self.places = None if length is None else nn.Parameter(torch.zeros(own, length))
        self.activation = nn.ReLU()

    @property
    def filters(self) -> torch.Tensor:
        """All filters, ``(n_out, n_in, width)``."""
        return torch.cat([self.weight, self.weight.flip(0, 1, 2)]) if self.shared else self.weight

    @property
    def thresholds(self) -> torch.Tensor | None:
        """What is added to each filter's response at each position, ``(n_out, length)``."""
        if self.places is None or not self.shared:
            return self.places
        return torch.cat([self.places, self.places.flip(0, 1)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Slide the filters over the positions; beyond the ends there is nothing."""
        found = self._normalised(functional.conv1d(x, self.filters, padding=self.weight.shape[2] // 2))
        thresholds = self.thresholds
        activated: torch.Tensor = self.activation(found if thresholds is None else found + thresholds)
        return activated

    def _normalised(self, found: torch.Tensor) -> torch.Tensor:
        if not self.shared:
            normal: torch.Tensor = self.norm(found)
            return normal
        n, half = len(found), found.shape[1] // 2
        both = self.norm(torch.cat([found[:, :half], found[:, half:].flip(1)]))  # (2 n, n_out / 2, length)
        return torch.cat([both[:n], both[n:].flip(1)], dim=1)


def hidden_bases(x: torch.Tensor, share: float, generator: torch.Generator | None) -> torch.Tensor:
    """Hide a `share` of the bases of ``(n, 4, length)``, as if they were N."""
    if share == 0:
        return x
    kept = torch.empty(len(x), 1, x.shape[2], device=x.device).bernoulli_(1 - share, generator=generator)
    return x * kept.to(x.dtype)


def shifted(x: torch.Tensor, most: int, generator: torch.Generator | None) -> torch.Tensor:
    """Move each of the sequences ``(n, 4, length)`` to a side by up to `most` bases; N comes in from beyond its end."""
    if most == 0:
        return x
    by = torch.randint(2 * most + 1, (len(x),), device=x.device, generator=generator)
    choices = functional.pad(x, (most, most)).unfold(2, x.shape[2], 1)  # (n, 4, 2 most + 1, length), a view
    return choices[torch.arange(len(x), device=x.device), :, by]
