"""What a response is to a `ResponseModel`, a number or a class: how its networks say it, and what being wrong costs.

Every network gives ``(n, outputs)``; an outcome reads those of all networks, ``(members, n, outputs)``, as one.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch
from genolab.drugs.pairs import Pairs
from genolab.models.ensemble import mixture

_NARROWEST: Final = 1e-4  # least variance of a standardised response, so that the likelihood stays bounded
_MARKS: Final = {"<": -1.0, ">": 1.0}
_CODES: Final = 8  # more marks than there are
_HOTTEST: Final = 3.0  # the temperature lies between exp(-3) and exp(3)

Said = Iterable[tuple[torch.Tensor, Batch]]
"""What all networks say of rows, ``(members, n, outputs)``, beside these rows."""


class Score(NamedTuple):
    """What a model predicts, and how sure it is.

    Attributes
    ----------
    mean
        ``(n,)`` responses, or probabilities of the second of two classes; ``(n, classes)`` of more.
    spread
        Standard deviations of the same shape: of the response; or, of a probability, between the networks.
    """

    mean: torch.Tensor
    spread: torch.Tensor


class NumberHead(nn.Module):
    """Mean and variance of the standardised response, ``(n, 2)``; learning the variance moves nothing else."""

    def __init__(self, n_vectors: int, hidden: int) -> None:
        super().__init__()
        self.to_mean = nn.Linear(hidden, 1)
        self.doubts = nn.Linear(n_vectors + hidden, max(1, hidden // 4))
        self.to_variance = nn.Linear(max(1, hidden // 4), 1)

    def forward(self, vectors: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Read the vectors of both sides, and the last hidden layer."""
        doubts = self.doubts(torch.cat([vectors, hidden], dim=1).detach()).relu()
        variance = functional.softplus(self.to_variance(doubts)) + _NARROWEST
        return torch.cat([self.to_mean(hidden), variance], dim=1)


class Numbers(nn.Module):
    """A response that is a number, or a bound of one: each network says a mean and a variance."""

    centre: torch.Tensor
    size: torch.Tensor
    widened: torch.Tensor
    bounds: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(0.0))  # of the response, from the training rows
        self.register_buffer("size", torch.tensor(1.0))
        self.register_buffer("widened", torch.tensor(1.0))  # by `calibrate`
        self.register_buffer("bounds", torch.zeros(_CODES))  # what codes of obs["censored"] say: -1 at most, 1 at least

    @staticmethod
    def head(n_vectors: int, hidden: int) -> nn.Module:
        """Return the last layer of one network."""
        return NumberHead(n_vectors, hidden)

    def learn(self, seen: Pairs, dataset: AnnDataset) -> str:
        """Learn the response's mean and size from the training rows, and say what is to be learned; or refuse them."""
        if not np.isfinite(seen.response).all():
            raise ValueError(
                "the response must be known for every row, and holds NaN or infinity: leave those rows out"
            )
        if seen.response.min() == seen.response.max():
            raise ValueError(f"all responses are {seen.response[0]:g}: there is nothing to learn")
        self.centre.fill_(float(seen.response.mean()))
        self.size.fill_(float(seen.response.std()))
        self.bounds.copy_(_bounds(dataset))
        return "Squared error of the response"

    def predict(self, said: torch.Tensor) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        return self.score(said).mean

    def score(self, said: torch.Tensor) -> Score:
        """Return mean and spread of the networks' mixture, in the response's unit."""
        mean, variance = mixture(*said.unbind(dim=2))
        return Score(mean * self.size + self.centre, variance.sqrt() * self.size * self.widened)

    def loss(self, said: torch.Tensor, batch: Batch, *, training: bool) -> dict[str, torch.Tensor]:
        """Return the squared error of the standardised response plus the variance's part, and the error itself."""
        means, variances = said.unbind(dim=2)
        if not training:
            mixed = self.score(said)
            means, variances = (mixed.mean - self.centre) / self.size, (mixed.spread / self.size).square()
        squared = self._missed((_target(batch) - self.centre) / self.size - means, batch).square()
        likelihood = (squared.detach() / variances + variances.log()).mean() / 2
        return {"loss": squared.mean() + likelihood, "mse": squared.detach().mean() * self.size.square()}

    def calibrate(self, held_out: Said, coverage: float) -> float:
        """Widen or narrow the spread until the central intervals of `coverage` hold that share of the rows."""
        found = []
        for said, batch in held_out:
            mean, spread = self.score(said)
            found.append(self._missed(_target(batch) - mean, batch).abs() / (spread / self.widened))
        promised = NormalDist().inv_cdf((1 + coverage) / 2)
        self.widened.fill_(float(torch.cat(found).double().quantile(coverage)) / promised)
        return float(self.widened)

    def _missed(self, miss: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return by how much the truth lies off, ``(..., n)``; 0 where a bound is kept."""
        if "censored" not in batch.covariates:
            return miss
        bound = self.bounds[batch.covariates["censored"]]
        return torch.where(bound == 0, miss, torch.where(bound < 0, miss.clamp(max=0), miss.clamp(min=0)))


class Classes(nn.Module):
    """A response that is one of several classes, such as inactive and active: each network says a logit for each."""

    temperature: torch.Tensor

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.register_buffer("temperature", torch.tensor(1.0))  # by `calibrate`

    def head(self, n_vectors: int, hidden: int) -> nn.Module:
        """Return the last layer of one network."""
        del n_vectors
        return ClassHead(hidden, self.n_classes)

    def learn(self, seen: Pairs, dataset: AnnDataset) -> str:
        """Say what is to be learned; or refuse the training rows."""
        if seen.response.min() == seen.response.max():
            only = dataset.target_names[int(seen.response[0])]
            raise ValueError(f"all rows are {only!r}: there is nothing to learn")
        return f"Cross-entropy of {' and '.join(map(repr, dataset.target_names))}"

    def predict(self, said: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of all classes, ``(n, classes)``."""
        return (said / self.temperature).softmax(dim=2).mean(dim=0)

    def score(self, said: torch.Tensor) -> Score:
        """Return probabilities and their standard deviation between the networks: of two classes, of the second."""
        each = (said / self.temperature).softmax(dim=2)
        if self.n_classes == 2:
            each = each[..., 1]
        return Score(each.mean(dim=0), each.std(dim=0, correction=0))

    def loss(self, said: torch.Tensor, batch: Batch, *, training: bool) -> dict[str, torch.Tensor]:
        """Return the cross-entropy, of each network while training, else of their mean; and the accuracy."""
        target, mixed = _target(batch), self.predict(said)
        right = (mixed.detach().argmax(dim=1) == target).float().mean()
        if not training:
            return {"loss": functional.nll_loss(_mixed_logs(said / self.temperature), target), "accuracy": right}
        each = functional.cross_entropy(said.flatten(0, 1), target.repeat(len(said)))
        return {"loss": each, "accuracy": right}

    def calibrate(self, held_out: Said, coverage: float) -> float:
        """Set the temperature (Guo et al. 2017) by which the classes of held-out rows are the most probable."""
        from scipy.optimize import minimize_scalar

        del coverage  # of intervals, which classes have none of
        said, targets = zip(*((said.double(), _target(batch)) for said, batch in held_out), strict=True)
        logits, target = torch.cat(said, dim=1), torch.cat(targets)

        def cost(log_temperature: float) -> float:
            return float(functional.nll_loss(_mixed_logs(logits / math.exp(log_temperature)), target))

        best = minimize_scalar(cost, bounds=(-_HOTTEST, _HOTTEST), method="bounded")
        self.temperature.fill_(math.exp(best.x))
        return float(self.temperature)


class ClassHead(nn.Module):
    """A logit for each class, ``(n, classes)``."""

    def __init__(self, hidden: int, n_classes: int) -> None:
        super().__init__()
        self.to_logits = nn.Linear(hidden, n_classes)

    def forward(self, vectors: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Read the last hidden layer."""
        del vectors  # only doubt reads them
        found: torch.Tensor = self.to_logits(hidden)
        return found


def _mixed_logs(logits: torch.Tensor) -> torch.Tensor:
    """Return the logarithms of the networks' mean probabilities, ``(n, classes)``, which never are of nothing."""
    return torch.logsumexp(logits.log_softmax(dim=2), dim=0) - math.log(len(logits))


def _target(batch: Batch) -> torch.Tensor:
    if batch.target is None:
        raise ValueError("a ResponseModel learns from a response: pass target='obs/response' to AnnDataset")
    return batch.target.reshape(-1)


def _bounds(dataset: AnnDataset) -> torch.Tensor:
    """Return what each code of the covariate ``censored`` says: the truth is at most (-1) or at least (1) the value."""
    found = torch.zeros(_CODES)
    if "censored" not in dataset.covariate_levels:
        return found
    marks = [str(mark) for mark in dataset.adata.obs["censored"].astype("category").cat.categories]
    if strange := sorted(set(marks) - {"<", ">", "=", ""}):
        raise ValueError(f"obs['censored'] holds '<', '>' or nothing, got {strange[:5]}")
    for code, mark in enumerate(marks):
        found[code] = _MARKS.get(mark, 0.0)
    return found
