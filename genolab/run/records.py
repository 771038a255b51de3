"""What a run is given and what it reports: its config, its epochs, its changes, and where it stands."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from genolab.checks import check_one_of
from genolab.config import check, control

Losses = dict[str, float]
Schedule = Literal["constant", "one cycle"]
State = Literal["ready", "running", "paused", "stopped", "finished", "failed"]


@dataclass(frozen=True)
class RunConfig:
    """How a model is trained, by AdamW (Loshchilov & Hutter 2019). Its fields are the controls that a panel shows.

    Attributes
    ----------
    schedule
        ``"constant"``; or ``"one cycle"``: the learning rate rises to its value over the first tenth of all steps, then
        falls to zero along a cosine (Smith & Topin 2019): better weights, where the number of epochs is known at first.
        Epochs beyond `epochs` have a cycle of their own. The history shows its ``rate``.
    clip_norm, patience, keep_every
        ``None``: not at all. What is kept is for `Run.branch`.
    restore_best
        When the run has finished, give the model the weights of the epoch with the lowest validation loss.
    device
        ``"auto"`` (CUDA, else MPS, else CPU), or a torch device's name.
    mixed_precision
        On CUDA, compute in bfloat16 where that is safe.
    threads
        ``None``: all cores but one, which the notebook and the browser need.
    """

    epochs: int = control(30, low=1, high=1_000_000, help="Passes over the training data.")
    batch_size: int = control(128, low=1, high=1_000_000, scale="log", help="Rows an optimiser step.")
    learning_rate: float = control(
        1e-3,
        low=1e-6,
        high=1.0,
        slider=(1e-5, 1e-1),
        scale="log",
        live=True,
        help="How far one optimiser step goes.",
    )
    weight_decay: float = control(
        0.0, low=0.0, high=1.0, live=True, help="Pull of all weights towards zero, as a share of the learning rate."
    )
    schedule: Schedule = "constant"
    clip_norm: float | None = control(
        None, low=1e-3, high=1e6, scale="log", help="Longest gradient allowed, by its Euclidean norm."
    )
    patience: int | None = control(None, low=1, high=1_000_000, help="Epochs without a better validation loss to bear.")
    restore_best: bool = True
    keep_every: int | None = control(None, low=1, high=1_000_000, help="Keep the state every so many epochs.")
    seed: int = control(0, low=0, high=2**32 - 1, help="Order of the rows, dropout and sampling.")
    device: str = "auto"
    mixed_precision: bool = True
    threads: int | None = control(None, low=1, high=1024, help="CPU threads to train with.")

    def __post_init__(self) -> None:
        check_one_of("schedule", self.schedule, get_args(Schedule))
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
    """One pass over the training data: mean losses and their parts, by name.

    `number` counts from 1, `step` all optimiser steps; `settings` are the live controls at its end, `seconds` those
    spent training and validating, and `best` says that no earlier epoch had so low a validation loss. `rate` is the
    learning rate of its last step, where a schedule makes it another than the control's.
    """

    number: int
    step: int
    train: Losses
    valid: Losses
    settings: dict[str, float]
    seconds: float
    best: bool
    rate: float | None = None

    def row(self) -> dict[str, float]:
        """Return the epoch as a row of the history."""
        train = {f"train_{name}": value for name, value in self.train.items()}
        valid = {f"valid_{name}": value for name, value in self.valid.items()}
        rate = {} if self.rate is None else {"rate": self.rate}
        return {
            "epoch": self.number, "step": self.step, **train, **valid, **self.settings, **rate, "seconds": self.seconds
        }  # fmt: skip


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
    """Where a run stands, at one moment: `fraction` of it is done, 0 to 1.

    `seconds_left` and `rows_per_second` are ``None`` until there is a speed to go by; `loss`, the mean training loss of
    the epoch at work, at its first step. `epochs` is how many it will have; the message is one plain sentence.
    Where the loss wasn't finite, `back_to` are the epochs that `Run.go_back` returns to, and what they are called: the
    best, and the last finite one (0: the start). `speed_limit` is in epochs a second, as `Run.limit_speed` set it.
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
    back_to: dict[int, str] = field(default_factory=dict)
    speed_limit: float | None = None
