"""What the models share: noise from a given generator, a stack of layers, and covariates as numbers."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional


@contextmanager
def mode_kept(model: nn.Module) -> Iterator[None]:
    """Leave the model, and each of its parts, in the mode (training or evaluation) that it came in."""
    modes = [(part, part.training) for part in model.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model into evaluation mode for a while, without gradients."""
    with mode_kept(model), torch.no_grad():
        model.eval()
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw initial weights from `seed`, on the CPU, and leave torch's global generators as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would set those of all GPUs, too
        yield


def drop(x: torch.Tensor, share: float, generator: torch.Generator | None) -> torch.Tensor:
    """Set a `share` of the values to zero and scale the others up, so that the expectation stays."""
    if share == 0:
        return x
    kept = torch.empty_like(x).bernoulli_(1 - share, generator=generator)
    return x * kept / (1 - share)


def standard_normal(like: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    """Return standard normal noise with the shape, type and device of `like`."""
    return torch.empty_like(like).normal_(generator=generator)


class SteadyNorm(nn.BatchNorm1d):
    """Batch norm whose running statistics are the mean of all batches at first, and of about the last hundred later.

    A slow running mean (0.01 a step, as in scvi-tools) is steady, but after a workshop's hundred steps it would still
    hold a third of what it was initialised with, and validation would measure that.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise ``(n, width)``."""
        if self.training and self.num_batches_tracked is not None:
            self.momentum = max(0.01, 1 / (1 + int(self.num_batches_tracked)))
        return super().forward(x)


class Layers(nn.Module):
    """A stack of linear, batch norm, activation and dropout: ``(n, sizes[0])`` to ``(n, sizes[-1])``."""

    def __init__(self, sizes: Sequence[int], *, dropout: float = 0.0, activation: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.dropout = dropout
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.norm = nn.ModuleList(SteadyNorm(size, eps=1e-3) for size in sizes[1:])
        self.activation = activation()

    def forward(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Pass ``(n, sizes[0])`` through all layers; `generator` gives the dropout noise while training."""
        for linear, norm in zip(self.linear, self.norm, strict=True):
            x = self.activation(norm(linear(x)))
            if self.training:
                x = drop(x, self.dropout, generator)
        return x


def covariate_width(levels: Mapping[str, int]) -> int:
    """Return how many numbers the covariates take: one a level, or one for a real value (one level)."""
    return sum(levels.values())


def encode_covariates(
    covariates: Mapping[str, torch.Tensor], levels: Mapping[str, int], x: torch.Tensor
) -> torch.Tensor:
    """Append the covariates to `x`, ``(n, width)``: categories one-hot, real values as they are."""
    parts = [x]
    for name, count in levels.items():
        if name not in covariates:
            raise KeyError(
                f"this model was built with the covariate {name!r}, but the batch has {sorted(covariates)}: "
                f"pass covariates={name!r} to AnnDataset"
            )
        values = covariates[name]
        parts.append(functional.one_hot(values, count).to(x.dtype) if count > 1 else values.to(x.dtype)[:, None])
    return torch.cat(parts, dim=1) if len(parts) > 1 else x
