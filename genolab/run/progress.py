"""What a run has done so far: all that changes while it trains, beside the model and its optimiser."""

import dataclasses
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import torch

from genolab.run.records import Change, Epoch, Losses, RunConfig

_WINDOW_S: Final = 5.0
_DAMAGED: Final = "the file was damaged or changed by hand: copy it, or save the run, again"


@dataclass
class RunningMean:
    """Means of losses over the rows seen so far."""

    sums: Losses = field(default_factory=dict)
    rows: int = 0

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
    """Steps done in all and in this epoch, and the seconds and mean losses of this epoch so far."""

    step: int = 0
    in_epoch: int = 0
    seconds: float = 0.0
    mean: RunningMean = field(default_factory=RunningMean)

    def count(self, losses: Losses, rows: int) -> None:
        """Note a step and its losses."""
        self.mean.add(losses, rows)
        self.step += 1
        self.in_epoch += 1


@dataclass
class Progress:
    """Where a run is, and how it came there.

    Attributes
    ----------
    best_weights
        Of the epoch with the lowest validation loss.
    last_weights
        Those to go on from, while the model has the best ones; else ``None``.
    finite
        The last epoch whose losses were finite (0: the start), and the weights at its end; ``None`` where not known.
    schedule
        Its first step and the one after its last; ``None`` before training.
    goal
        Epochs that were asked for last, where other than the config's.
    patience_from
        The epoch after which patience counts anew, since more were asked for after an early stop.
    """

    position: Position = field(default_factory=Position)
    epochs: list[Epoch] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    best_weights: dict[str, torch.Tensor] | None = None
    last_weights: dict[str, torch.Tensor] | None = None
    finite: tuple[int, dict[str, torch.Tensor]] | None = None
    schedule: tuple[int, int] | None = None
    goal: int = 0
    patience_from: int = 0

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest validation loss."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    def ended_early(self, config: RunConfig) -> bool:
        """Whether the config's patience is at its end."""
        best, patience = self.best, config.patience
        if patience is None or best is None:
            return False
        return len(self.epochs) - max(best.number, self.patience_from) >= patience

    def target(self, config: RunConfig) -> int:
        """Return how many epochs there will be."""
        return self.goal if self.patience_from else max(config.epochs, self.goal)

    def has_finished(self, config: RunConfig) -> bool:
        """Whether there is nothing left to do of what was asked for."""
        return len(self.epochs) >= self.target(config) or self.ended_early(config)

    def ask(self, goal: int, config: RunConfig, *, is_more: bool) -> None:
        """Note how many epochs are asked for; `is_more`: though it may have stopped early."""
        if is_more and self.ended_early(config):
            self.patience_from = len(self.epochs)
        self.goal = goal

    def ends(self) -> dict[int, dict[str, torch.Tensor]]:
        """Return the weights of the epochs to go back to: the best, and the last whose losses were finite."""
        best = {} if self.best is None or self.best_weights is None else {self.best.number: self.best_weights}
        return best if self.finite is None else best | {self.finite[0]: self.finite[1]}

    def summary(self, config: RunConfig, steps_per_epoch: int) -> str:
        """Return one plain sentence, or two."""
        done, best, inside = len(self.epochs), self.best, self.position.in_epoch
        validated = (
            "" if best is None else f" Validation loss was best at epoch {best.number}: {best.valid['loss']:.4g}."
        )
        if self.ended_early(config):
            return f"Stopped early after epoch {done}: no better for {config.patience} epochs.{validated}"
        where = f", and {inside} of {steps_per_epoch} steps of the next" if inside else ""
        return f"{done:,} of {max(done, self.target(config)):,} epochs done{where}.{validated}"

    def end_names(self) -> dict[int, str]:
        """Return what these epochs are called."""
        best = 0 if self.best is None else self.best.number
        return {
            end: f"the {'best' if end == best else 'last finite'} epoch, {end}" if end else "the start"
            for end in self.ends()
        }

    def go_back(self, epoch: int) -> None:
        """Forget all that came after the end of an epoch; 0: the start."""
        step = self.epochs[epoch - 1].step if epoch else 0
        self.epochs, self.patience_from = self.epochs[:epoch], min(epoch, self.patience_from)
        self.changes = [change for change in self.changes if change.step < step]
        self.position, self.last_weights = Position(step=step), None

    def complete_epoch(self, valid: Losses, settings: dict[str, float], rate: float | None = None) -> Epoch:
        """Close the epoch, and return it."""
        position, best = self.position, self.best
        is_best = bool(valid) and math.isfinite(valid["loss"]) and (best is None or valid["loss"] < best.valid["loss"])
        number, train = len(self.epochs) + 1, position.mean.values()
        epoch = Epoch(number, position.step, train, valid, settings, position.seconds, is_best, rate)
        self.epochs.append(epoch)
        self.position = Position(step=position.step)
        return epoch

    def facts(self) -> dict[str, Any]:
        """Return all but the weights, JSON-able."""
        return {
            "position": dataclasses.asdict(self.position),
            "epochs": [dataclasses.asdict(epoch) for epoch in self.epochs],
            "changes": [dataclasses.asdict(change) for change in self.changes],
            "shows_best": self.last_weights is not None,
            "schedule": self.schedule,
            "goal": self.goal,
            "patience_from": self.patience_from,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """Return the progress that `facts` described, without weights."""
        position = facts["position"]
        progress = cls(
            Position(**position | {"mean": RunningMean(**position["mean"])}),
            [Epoch(**epoch) for epoch in facts["epochs"]],
            [Change(**change) for change in facts["changes"]],
            schedule=tuple(facts["schedule"]) if facts.get("schedule") else None,
            goal=facts.get("goal", 0),
            patience_from=facts.get("patience_from", 0),
        )
        _check_numbers(progress)
        return progress


def _check_numbers(progress: Progress) -> None:
    """Refuse what was read where it has anything else for a number, on which the history would fail later."""
    epochs, position, best = progress.epochs, progress.position, progress.best
    groups = [position.mean.sums, *(group for epoch in epochs for group in (epoch.train, epoch.valid, epoch.settings))]
    values: list[object] = [group for group in groups if not isinstance(group, dict)]
    if not values:
        values = [value for group in groups for value in group.values()]
    values += [position.step, position.in_epoch, position.seconds, position.mean.rows, *(progress.schedule or ())]
    values += [progress.goal, progress.patience_from]
    values += [value for epoch in epochs for value in (epoch.number, epoch.step, epoch.seconds)]
    values += [value for change in progress.changes for value in (change.step, change.before, change.after)]
    if wrong := [value for value in values if not isinstance(value, int | float)]:
        raise ValueError(f"the history of a run is numbers, got {wrong[0]!r}: {_DAMAGED}")
    if best is not None and "loss" not in best.valid:
        raise ValueError(
            f"the best epoch, {best.number}, has no validation loss: the file was damaged or changed by hand"
        )


class Speed:
    """Optimiser steps a second over the last five seconds, so that it follows a change of the machine's load."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[float, int]] = deque()

    def reset(self) -> None:
        """Forget the past, after a pause."""
        self._ticks.clear()

    def tick(self, step: int) -> None:
        """Note that `step` steps are done."""
        now = time.perf_counter()
        self._ticks.append((now, step))
        while now - self._ticks[0][0] > _WINDOW_S:
            self._ticks.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """The speed; ``None`` until two steps give one."""
        ticks = tuple(self._ticks)
        if len(ticks) < 2 or ticks[-1][0] <= ticks[0][0]:
            return None
        return (ticks[-1][1] - ticks[0][1]) / (ticks[-1][0] - ticks[0][0])
