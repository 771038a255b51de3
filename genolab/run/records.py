"""What a run is told and what it tells: its config, its epochs, its changes, and where it stands."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from genolab.config import check, control

Losses = dict[str, float]
Schedule = Literal["constant", "one cycle"]
State = Literal["ready", "running", "paused", "stopped", "finished", "failed"]


@dataclass(frozen=True)
class RunConfig:
    """How a model is trained. Its fields are the controls that a panel shows.

    Attributes
    ----------
    epochs
        Walks over the training data.
    batch_size
        Rows an optimiser step.
    learning_rate, weight_decay
        Of AdamW (Loshchilov & Hutter 2019); without weight decay it is Adam. May change while it trains.
    schedule
        ``"constant"``: the learning rate is what it says. ``"one cycle"``: it rises to that over the first tenth of all
        steps, then falls to zero along a cosine (Smith & Topin 2019), which ends in better weights where the number of
        epochs is known from the start.
    clip_norm
        Longest gradient, in the Euclidean norm over all weights; ``None``: any.
    patience
        Stop after so many epochs in which the validation loss got no better; ``None``: never.
    restore_best
        When the run has finished, give the model the weights of its best epoch, judged by the validation loss.
    keep_every
        Keep the whole state every so many epochs, for `Run.branch`; ``None``: none.
    seed
        Order of the rows, dropout and sampling.
    device
        ``"auto"`` (CUDA, else MPS, else CPU), or a torch device's name.
    mixed_precision
        On CUDA, compute in bfloat16 where that is safe.
    threads
        CPU threads; ``None``: all cores but one, which the notebook and the browser need.
    """

    epochs: int = control(30, low=1, high=1_000_000, help="Walks over the training data.")
    batch_size: int = control(128, low=1, high=1_000_000, scale="log", help="Rows an optimiser step.")
    learning_rate: float = control(
        1e-3, low=1e-6, high=1.0, scale="log", live=True, help="How far one optimiser step goes."
    )
    weight_decay: float = control(
        0.0, low=0.0, high=1.0, live=True, help="Pull of all weights towards zero, as a share of the learning rate."
    )
    schedule: Schedule = "constant"
    clip_norm: float | None = control(None, low=1e-3, high=1e6, scale="log", help="Longest gradient allowed.")
    patience: int | None = control(None, low=1, high=1_000_000, help="Epochs without a better validation loss to bear.")
    restore_best: bool = True
    keep_every: int | None = control(None, low=1, high=1_000_000, help="Keep the state every so many epochs.")
    seed: int = control(0, low=0, high=2**32 - 1, help="Order of the rows, dropout and sampling.")
    device: str = "auto"
    mixed_precision: bool = True
    threads: int | None = control(None, low=1, high=1024, help="CPU threads to train with.")

    def __post_init__(self) -> None:
        if self.schedule not in get_args(Schedule):
            raise ValueError(f"schedule must be 'constant' or 'one cycle', got {self.schedule!r}")
        check(self)

    def rate(self, step: int, total_steps: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if self.schedule == "constant":
            return self.learning_rate
        done, rising = (step + 1) / (total_steps + 1), 0.1
        if done < rising:
            return self.learning_rate * done / rising
        return self.learning_rate * (1 + math.cos(math.pi * min(1.0, (done - rising) / (1 - rising)))) / 2


@dataclass(frozen=True)
class Epoch:
    """What one walk over the training data brought.

    Attributes
    ----------
    number
        Epochs completed, from 1.
    step
        Optimiser steps completed.
    train, valid
        Mean loss and its parts; `valid` is empty without validation data.
    settings
        Values of the live controls at the end of the epoch.
    seconds
        Time spent training and validating.
    best
        Whether no earlier epoch had so low a validation loss.
    """

    number: int
    step: int
    train: Losses
    valid: Losses
    settings: dict[str, float]
    seconds: float
    best: bool

    def row(self) -> dict[str, float]:
        """Return the epoch as a row of the history."""
        train = {f"train_{name}": value for name, value in self.train.items()}
        valid = {f"valid_{name}": value for name, value in self.valid.items()}
        return {"epoch": self.number, "step": self.step, **train, **valid, **self.settings, "seconds": self.seconds}


@dataclass(frozen=True)
class Change:
    """A control that was changed: from which step on, in which epoch, from what to what."""

    step: int
    epoch: int
    name: str
    before: float
    after: float


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands, at one moment.

    Attributes
    ----------
    state
        ``"ready"``, ``"running"``, ``"paused"``, ``"stopped"``, ``"finished"`` or ``"failed"``.
    epoch, epochs
        Epochs completed, and those that the run will have.
    step, steps_per_epoch, total_steps
        Optimiser steps completed, in one epoch, and in all.
    fraction
        Share of the run that is done, 0 to 1.
    seconds_left, rows_per_second
        ``None`` until there is a speed to go by.
    loss
        Mean training loss of the epoch at work; ``None`` at its first step.
    message
        One plain sentence.
    """

    state: State
    epoch: int
    epochs: int
    step: int
    steps_per_epoch: int
    total_steps: int
    fraction: float
    seconds_left: float | None
    rows_per_second: float | None
    loss: float | None
    message: str


class RunningMean:
    """Means of losses over the rows seen so far."""

    def __init__(self, sums: Mapping[str, float] | None = None, rows: int = 0) -> None:
        self.sums = dict(sums or {})
        self.rows = rows

    def add(self, losses: Losses, rows: int) -> None:
        """Count a batch's mean losses for its number of rows."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * rows
        self.rows += rows

    def values(self) -> Losses:
        """Return the means; empty before the first batch."""
        return {name: value / self.rows for name, value in self.sums.items()}


@dataclass
class Position:
    """Where a walk is: steps done in all and in this epoch, and what this epoch has brought so far."""

    step: int = 0
    in_epoch: int = 0
    seconds: float = 0.0
    mean: RunningMean = field(default_factory=RunningMean)

    def count(self, losses: Losses, rows: int) -> None:
        """Note a step and what it brought."""
        self.mean.add(losses, rows)
        self.step += 1
        self.in_epoch += 1

    def facts(self) -> dict[str, Any]:
        """Return the place as JSON-able facts."""
        return {
            "step": self.step,
            "in_epoch": self.in_epoch,
            "seconds": self.seconds,
            "sums": dict(self.mean.sums),
            "rows": self.mean.rows,
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Return the place that `facts` described."""
        return cls(facts["step"], facts["in_epoch"], facts["seconds"], RunningMean(facts["sums"], facts["rows"]))
