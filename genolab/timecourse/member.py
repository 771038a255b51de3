"""One network of an `ExpressionRNN`: a recurrent cell, a latent space, what is read from it, and how it is built."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from genolab.config import check, control
from genolab.data.dataset import Batch
from genolab.models.layers import covariate_width, drop
from genolab.timecourse.profile import Measured, features, waves, waves_so_far

Cell = Literal["gru", "lstm"]


@dataclass(frozen=True)
class ExpressionRNNConfig:
    """How an `ExpressionRNN` was built, and what of it may change while it trains."""

    n_classes: int | None = None
    cell: Cell = "gru"
    n_hidden: int = 48
    n_latent: int = 16
    harmonics: int = 2
    period: float = 1.0
    members: int = 1
    covariates: Mapping[str, int] = field(default_factory=dict)
    dropout: float = control(0.3, low=0, high=0.9, live=True, help="Share of latent values dropped while training.")
    input_dropout: float = control(
        0.2, low=0, high=0.9, live=True, help="Share of the measurements hidden, as if never made, while training."
    )
    noise: float = control(
        0.2, low=0, high=2, live=True, help="Standard deviation of what is added to the values while training."
    )
    time_shift: float = control(
        0.03, low=0, high=0.5, live=True, unit="cycles", help="How far a profile is moved in time while training."
    )
    label_smoothing: float = control(
        0.05, low=0, high=0.5, live=True, help="Share of a class's certainty spread over all classes while training."
    )
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = (self.n_hidden, self.n_latent, self.harmonics, self.members)
        if min(sizes) < 1 or not self.period > 0:
            raise ValueError(
                "an ExpressionRNN needs sizes of at least 1 and a period above 0, got "
                f"n_hidden={self.n_hidden}, n_latent={self.n_latent}, harmonics={self.harmonics}, "
                f"members={self.members}, period={self.period}"
            )
        if self.cell not in {"gru", "lstm"}:
            raise ValueError(f"cell must be 'gru' or 'lstm', got {self.cell!r}")
        if self.n_classes is not None and self.n_classes < 2:
            raise ValueError(
                f"there must be at least 2 classes, got n_classes={self.n_classes}; None forecasts instead"
            )
        check(self)


class Member(nn.Module):
    """One of the networks side by side."""

    def __init__(self, config: ExpressionRNNConfig) -> None:
        super().__init__()
        self.config = config
        width = 2 + 2 * config.harmonics + covariate_width(config.covariates)
        self.cell = {"gru": nn.GRU, "lstm": nn.LSTM}[config.cell](width, config.n_hidden, batch_first=True)
        self.to_latent = nn.Linear(2 * config.n_hidden + 2, config.n_latent)
        if config.n_classes is None:
            known = 1 + 2 * config.harmonics
            self.to_waves = nn.Linear(config.n_latent + config.n_hidden, known)
            self.to_rest = nn.Sequential(
                nn.Linear(config.n_latent + config.n_hidden + known, config.n_hidden),
                nn.ReLU(),
                nn.Linear(config.n_hidden, 2),
            )
        else:
            self.to_scores = nn.Linear(config.n_latent + 2, config.n_classes)

    def states(self, found: Measured, batch: Batch) -> torch.Tensor:
        """Return the recurrent state after each measurement, ``(n, length, n_hidden)``."""
        states: torch.Tensor = self.cell(features(found, batch, dict(self.config.covariates), self.config.harmonics))[0]
        return states

    def latent(self, found: Measured, batch: Batch) -> torch.Tensor:
        """Return the latent of what was seen up to each measurement, ``(n, length, n_latent)``."""
        return self._latent_of(self.states(found, batch), waves_so_far(found))

    def _latent_of(self, states: torch.Tensor, wave: torch.Tensor) -> torch.Tensor:
        number = torch.arange(1, states.shape[1] + 1, device=states.device)
        so_far = [states.cumsum(dim=1) / number[:, None], states.cummax(dim=1).values, wave]
        return torch.tanh(self.to_latent(torch.cat(so_far, dim=2)))

    def summaries(self, found: Measured, batch: Batch) -> torch.Tensor:
        """Return latent and state side by side, ``(n, length, n_latent + n_hidden)``: what a forecast starts from."""
        states = self.states(found, batch)
        return torch.cat([self._latent_of(states, waves_so_far(found)), states], dim=2)

    def scores(self, found: Measured, batch: Batch, generator: torch.Generator | None) -> torch.Tensor:
        """Return the scores of the classes, ``(n, n_classes)``: from the latent, and from the wave that fits."""
        last, wave = found.last[:, -1:], waves_so_far(found)
        latent = picked(self._latent_of(self.states(found, batch), wave), last)[:, 0]
        share = self.config.dropout if self.training else 0.0
        read = torch.cat([drop(latent, share, generator), picked(wave, last)[:, 0]], dim=1)
        scores: torch.Tensor = self.to_scores(read)
        return scores

    def ahead(self, state: torch.Tensor, times: torch.Tensor, since: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and spread at some times from summaries ``(..., n_latent + n_hidden)``: a wave, and the rest.

        The wave goes on for ever; the rest knows how long ago the last measurement was.
        """
        turn = waves(times, self.config.harmonics)
        wave = (self.to_waves(state) * torch.cat([torch.ones_like(turn[..., :1]), turn], dim=-1)).sum(dim=-1)
        rest = self.to_rest(torch.cat([state, since[..., None], turn], dim=-1))
        return wave + rest[..., 0], functional.softplus(rest[..., 1]) + 1e-3


def picked(rows: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    """Return ``rows[i, number[i, j]]``, ``(n, k, width)``, and 0 where the number is below 0."""
    found = rows.gather(1, number.clamp_min(0)[:, :, None].expand(-1, -1, rows.shape[2]))
    return found * (number >= 0)[:, :, None]
