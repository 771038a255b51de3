"""Autoencoders for expression: the classic one, and the variational one for counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import torch
from torch import nn
from torch.nn import functional

from genolab.checks import check_one_of
from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch
from genolab.data.rows import rounding_error
from genolab.models.layers import Layers, covariate_width, drop, encode_covariates, seeded, standard_normal
from genolab.models.likelihood import Likelihood, negative_binomial, normal, poisson, zero_inflated_negative_binomial
from genolab.preprocess.counts import places_of_counts

# Left to itself, the KL weight reaches its end after half the run, and after this many steps in a long one.
_WARMUP_STEPS = 400


@dataclass(frozen=True)
class AutoencoderConfig:
    """How an `Autoencoder` was built, and what of it may change while it trains."""

    n_genes: int
    hidden: tuple[int, ...] = (128,)
    n_latent: int = 10
    input_dropout: float = control(
        0.0, low=0, high=0.9, live=True, help="Share of the input values hidden from the encoder while training."
    )
    seed: int = 0

    def __post_init__(self) -> None:
        _check_sizes(self.n_genes, self.hidden, self.n_latent)
        check(self)


class Autoencoder(nn.Module):
    """The classic autoencoder: squeeze a profile through a few numbers, and rebuild it from them.

    It reconstructs its own input under mean squared error; the last layer is linear. With `input_dropout` it is a
    denoising autoencoder (Vincent et al. 2008): it sees a damaged profile and rebuilds the whole one, which keeps a
    small latent space from describing single genes.

    The input is log-normalised expression, ``(n, n_genes)``. `hidden` are the widths of the encoder's layers, which the
    decoder has in reverse; `input_dropout` is the share of the input set to zero while training.

    Examples
    --------
    The textbook example, from a thousand genes down to a plane:

    >>> Autoencoder(1000, hidden=(256, 128, 64, 32, 16, 8, 4), n_latent=2)
    """

    def __init__(
        self,
        n_genes: int,
        *,
        hidden: Sequence[int] = (128,),
        n_latent: int = 10,
        input_dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = AutoencoderConfig(n_genes, tuple(hidden), n_latent, input_dropout, seed)
        sizes = (n_genes, *hidden)
        with seeded(seed):
            self.encoder = Layers(sizes, activation=nn.ELU)
            self.to_latent = nn.Linear(sizes[-1], n_latent)
            self.decoder = Layers((n_latent, *reversed(hidden)), activation=nn.ELU)
            self.to_genes = nn.Linear(sizes[1] if hidden else n_latent, n_genes)

    def encode(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return the latent ``(n, n_latent)`` of expression ``(n, n_genes)``."""
        _check_width(x, self.config.n_genes)
        if self.training:
            x = drop(x, self.config.input_dropout, generator)
        latent: torch.Tensor = self.to_latent(self.encoder(x, generator))
        return latent

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the latent of a batch, ``(n, n_latent)``."""
        return self.encode(batch.x)

    def decode(self, latent: torch.Tensor, covariates: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Return expression ``(n, n_genes)`` for latent ``(n, n_latent)``; this model uses no covariates."""
        del covariates
        genes: torch.Tensor = self.to_genes(self.decoder(latent))
        return genes

    def reconstruct(self, batch: Batch) -> torch.Tensor:
        """Return the batch's expression as the model rebuilds it, ``(n, n_genes)``."""
        return self.decode(self.embed(batch))

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error over cells and genes."""
        rebuilt = self.decode(self.encode(batch.x, batch.generator))
        return {"loss": functional.mse_loss(rebuilt, batch.x)}

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, and say what will happen."""
        del total_steps
        _check_values(dataset, self.config.n_genes, counts=False)
        return f"Mean squared error on {dataset.inputs[0]}, {self.config.n_genes:,} genes to {self.config.n_latent}."


@dataclass(frozen=True)
class VariationalAutoencoderConfig:
    """How a `VariationalAutoencoder` was built, and what of it may change while it trains."""

    n_genes: int
    n_latent: int = 10
    hidden: tuple[int, ...] = (128,)
    likelihood: Likelihood = "nb"
    covariates: Mapping[str, int] = field(default_factory=dict)
    dropout: float = control(0.1, low=0, high=0.9, live=True, help="Share of hidden values dropped while training.")
    kl_weight: float = control(
        1.0, low=0, high=10, live=True, help="Pull of the latent space towards a standard normal, after the warm-up."
    )
    kl_warmup_steps: int | None = control(
        None, low=0, high=10_000_000, help="Optimiser steps over which the KL weight grows from 0."
    )
    seed: int = 0

    def __post_init__(self) -> None:
        _check_sizes(self.n_genes, self.hidden, self.n_latent)
        check_one_of("likelihood", self.likelihood, get_args(Likelihood))
        check(self)


class VariationalAutoencoder(nn.Module):
    """A variational autoencoder for single-cell counts (Kingma & Welling 2014; Lopez et al. 2018, scVI).

    The encoder gives each cell a normal distribution in the latent space; the decoder turns a draw from it into the
    share that each gene has of the cell's counts. The cell's own total (its library size) is taken as observed.

    Parameters
    ----------
    n_genes
        Width of the input: raw counts, ``(n, n_genes)``; real values for the normal likelihood.
    hidden
        Widths of the encoder's layers; the decoder has them in reverse.
    likelihood
        ``"nb"`` (negative binomial with a dispersion for each gene), ``"zinb"`` (zero-inflated), ``"poisson"``, or
        ``"normal"``.
    covariates
        What to correct for, as ``dataset.covariate_levels`` gives it (``{"donor": 4}``): input of encoder and decoder,
        so that the latent space need not hold it.
    dropout
        Share of hidden values dropped in the encoder while training.
    kl_weight, kl_warmup_steps
        Weight of the KL term, and the steps over which it grows from 0; ``None``: half of the run, at most 400.
    """

    def __init__(
        self,
        n_genes: int,
        *,
        n_latent: int = 10,
        hidden: Sequence[int] = (128,),
        likelihood: Likelihood = "nb",
        covariates: Mapping[str, int] | None = None,
        dropout: float = 0.1,
        kl_weight: float = 1.0,
        kl_warmup_steps: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        levels = dict(covariates or {})
        self.config = VariationalAutoencoderConfig(
            n_genes, n_latent, tuple(hidden), likelihood, levels, dropout, kl_weight, kl_warmup_steps, seed
        )
        extra = covariate_width(levels)
        with seeded(seed):
            self.encoder = Layers((n_genes + extra, *hidden))
            self.to_mean = nn.Linear((n_genes + extra, *hidden)[-1], n_latent)
            self.to_log_variance = nn.Linear((n_genes + extra, *hidden)[-1], n_latent)
            self.decoder = Layers((n_latent + extra, *reversed(hidden)))
            self.to_scores = nn.Linear(hidden[0] if hidden else n_latent + extra, n_genes)
            self.to_dropout = nn.Linear(self.to_scores.in_features, n_genes) if likelihood == "zinb" else None
            self.log_spread = nn.Parameter(
                torch.randn(n_genes) if likelihood in {"nb", "zinb"} else torch.zeros(n_genes)
            )

    def encode(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean and the log variance of each cell in the latent space, both ``(n, n_latent)``."""
        _check_width(batch.x, self.config.n_genes)
        if self.config.likelihood != "normal" and not self.training:  # of training rows `plan` has looked at all
            _check_counts(batch.x)
        x = batch.x if self.config.likelihood == "normal" else torch.log1p(batch.x)  # (n, n_genes)
        x = encode_covariates(batch.covariates, self.config.covariates, x)  # (n, n_genes + extra)
        self.encoder.dropout = self.config.dropout
        hidden = self.encoder(x, batch.generator)  # (n, hidden[-1])
        return self.to_mean(hidden), self.to_log_variance(hidden)

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return each cell's mean in the latent space, ``(n, n_latent)``."""
        return self.encode(batch)[0]

    def decode(
        self,
        latent: torch.Tensor,
        covariates: Mapping[str, torch.Tensor] | None = None,
        library: torch.Tensor | float = 1e4,
    ) -> torch.Tensor:
        """Return expected counts ``(n, n_genes)`` for latent ``(n, n_latent)`` and `library` counts a cell."""
        scores = self._scores(latent, covariates or {})[0]
        return scores if self.config.likelihood == "normal" else library * scores.softmax(dim=1)

    def reconstruct(self, batch: Batch) -> torch.Tensor:
        """Return the expected counts of each cell at its own library size, ``(n, n_genes)``."""
        return self.decode(self.embed(batch), batch.covariates, batch.x.sum(dim=1, keepdim=True))

    def _scores(
        self, latent: torch.Tensor, covariates: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        hidden = self.decoder(encode_covariates(covariates, self.config.covariates, latent))  # (n, hidden[0])
        return self.to_scores(hidden), None if self.to_dropout is None else self.to_dropout(hidden)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the negative evidence lower bound a cell, in nats, with its parts.

        ``reconstruction`` is the negative log-likelihood summed over genes, ``kl`` the divergence summed over latent
        dimensions, ``kl_by_dimension`` the same apart, ``kl_weight`` the weight at this step.
        """
        mean, log_variance = self.encode(batch)
        noise = standard_normal(mean, batch.generator) if self.training else torch.zeros_like(mean)
        latent = mean + noise * (0.5 * log_variance).exp()  # (n, n_latent)
        reconstruction = self._reconstruction(batch, latent) / len(batch)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(dim=0)  # (n_latent,)
        weight = self._kl_weight(batch.step, batch.total_steps)
        return {
            "loss": reconstruction + weight * kl.sum(),
            "reconstruction": reconstruction,
            "kl": kl.sum(),
            "kl_weight": torch.tensor(weight),
            "kl_by_dimension": kl,
        }

    def _reconstruction(self, batch: Batch, latent: torch.Tensor) -> torch.Tensor:
        x = batch.x
        scores, dropout_scores = self._scores(latent, batch.covariates)
        if self.config.likelihood == "normal":
            return normal(x, scores, log_scale=self.log_spread)
        given: dict[str, Any] = {"library": x.sum(dim=1, keepdim=True), "nonzero": batch.nonzero}  # (n, 1), (n_values,)
        if self.config.likelihood == "poisson":
            return poisson(x, scores, **given)
        given["log_dispersion"] = self.log_spread
        if dropout_scores is None:
            return negative_binomial(x, scores, **given)
        return zero_inflated_negative_binomial(x, scores, dropout_scores=dropout_scores, **given)

    def _warmup(self, total_steps: int) -> int:
        steps = self.config.kl_warmup_steps
        return min(_WARMUP_STEPS, total_steps // 2) if steps is None else steps

    def _kl_weight(self, step: int | None, total_steps: int | None) -> float:
        """Return the KL weight at a step; outside of training it is the full one, so that epochs can be compared."""
        if step is None or total_steps is None:
            return self.config.kl_weight
        return self.config.kl_weight * min(1.0, (step + 1) / max(1, self._warmup(total_steps)))

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data and the length of the run suit the model, and say how the KL weight will grow."""
        _check_values(dataset, self.config.n_genes, counts=self.config.likelihood != "normal")
        warmup = self._warmup(total_steps)
        if warmup > total_steps:
            raise ValueError(
                f"the KL weight must reach its end within the run: kl_warmup_steps={warmup:,}, but the run has "
                f"{total_steps:,} steps. Train for more epochs, or leave kl_warmup_steps=None"
            )
        return (
            f"KL weight grows from 0 to {self.config.kl_weight:g} over the first {warmup:,} of {total_steps:,} steps."
        )


def _check_sizes(n_genes: int, hidden: tuple[int, ...], n_latent: int) -> None:
    if n_genes < 2 or n_latent < 1 or any(size < 1 for size in hidden):
        raise ValueError(
            f"an autoencoder needs at least 2 genes, 1 latent dimension and layers of at least 1, "
            f"got n_genes={n_genes}, n_latent={n_latent}, hidden={hidden}"
        )


def _check_width(x: torch.Tensor, n_genes: int) -> None:
    if x.shape[1] != n_genes:
        raise ValueError(
            f"this model was built for {n_genes:,} genes, got {x.shape[1]:,}: pass the data it was trained on"
        )


def _check_counts(x: torch.Tensor) -> None:
    """Refuse rows that can't be counts: a model of counts would embed logged values without a complaint."""
    if not ((x >= 0) & ((x - x.round()).abs() <= rounding_error(x))).all():
        raise ValueError(
            f"this model was built for raw counts (whole numbers of at least 0), and these rows hold others, from "
            f"{x.min():g} to {x.max():g}: pass the counts, as in inputs='layers/counts'"
        )


def _where_counts_are(dataset: AnnDataset, slot: str) -> str:
    places = places_of_counts(dataset.adata, but=slot)
    if inputs := [place for place in places if place != "raw"]:
        return f"Pass inputs={inputs[0]!r}"
    option = "counts='raw'" if places else "round_counts=True"
    what = "raw has some" if places else "if they are estimated counts, round them"
    return f"Pass inputs='layers/counts' of gl.preprocess.apply(cells, {option}): {what}"


def _check_values(dataset: AnnDataset, n_genes: int, *, counts: bool) -> None:
    slot = dataset.inputs[0]
    if dataset.n_features != n_genes:
        raise ValueError(
            f"this model was built for {n_genes:,} genes, but {slot!r} has {dataset.n_features:,}: "
            f"build it with n_genes={dataset.n_features}"
        )
    values = dataset.summary()
    if values.n_not_finite:
        raise ValueError(
            f"{slot!r} must hold finite numbers; {values.n_not_finite:,} are NaN or infinite: remove those cells"
        )
    if not counts:
        return
    if values.minimum < 0 or not values.whole:
        what = f"its smallest value is {values.minimum:g}" if values.minimum < 0 else "it holds fractions"
        raise ValueError(
            f"a count likelihood needs raw counts (whole numbers of at least 0), but {slot!r} has none: {what}. "
            f"{_where_counts_are(dataset, slot)}, or choose likelihood='normal'"
        )
    if len(values.empty_rows):
        names = list(dataset.adata.obs_names[dataset.rows[values.empty_rows[:3]]])
        raise ValueError(
            f"every cell needs at least one count; {len(values.empty_rows):,} have none in {slot!r} (such as "
            f"{', '.join(map(str, names))}): leave them out, as in "
            "cells[cells.layers['counts'].getnnz(axis=1) > 0].copy()"
        )
