"""The training loop: one step after the other, with the commands that came in obeyed between them."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from torch import nn

from genolab.checks import listing
from genolab.config import Control, controls
from genolab.data.dataset import AnnDataset, Batch
from genolab.models.layers import mode_kept
from genolab.run.engine import Engine, NonFiniteLossError, cpu_threads, resolve_device
from genolab.run.interrupts import HeldInterrupt
from genolab.run.progress import Progress, Speed
from genolab.run.records import Change, Epoch, RunConfig, State
from genolab.run.saving import Checkpoint, group, ungroup
from genolab.run.state_machine import StateMachine

Event = Literal["state", "step", "epoch", "tune"]


class TrainingLoop:
    """A model that is being trained: its optimiser, its data on the device, and how far it has come.

    `emit` is called outside of the lock, in the thread that trains.
    """

    def __init__(
        self,
        model: nn.Module,
        train: AnnDataset,
        valid: AnnDataset | None,
        config: RunConfig,
        emit: Callable[[Event], None],
    ) -> None:
        self.model, self.config, self.emit = model, config, emit
        self.train, self.valid = train, valid
        resolve_device(config.device)  # or refuse it, before the data are looked at
        plan = getattr(model, "plan", None)
        self.plan = str(plan(train, self.total_steps)) if plan else f"{self.total_steps:,} optimiser steps."
        self.engine = Engine(model, config)
        if (device := self.engine.device).type != "cpu":
            self.train, self.valid = train.to(device), None if valid is None else valid.to(device)
        self.machine = StateMachine()
        self.progress = Progress()
        self.speed = Speed()
        self.kept: dict[int, Checkpoint] = {}
        self.tuning: dict[str, float] = {}  # values of controls that wait for the next step
        self.speed_limit: float | None = None  # epochs a second
        self.note = ""  # what to say instead of how far it has come: a failure, or that it went back
        self.not_finite = False  # whether that was the failure
        self._n_changes = 0  # up to the failure; later ones answer to it

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one epoch."""
        return self.train.n_batches(self.config.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps that the config asks for."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def back_to(self) -> dict[int, str]:
        """Where the run failed by a loss that wasn't finite, the epochs to go back to, and what they are called."""
        return self.progress.end_names() if self.not_finite else {}

    def limit_speed(self, epochs_per_second: float | None) -> None:
        """Train at most so many epochs a second, in even steps; ``None``: as fast as it can."""
        self.speed_limit = epochs_per_second
        self.machine.space_out(1 / (epochs_per_second * self.steps_per_epoch) if epochs_per_second else 0.0)

    def goal(self, more: int | None) -> int:
        """Return how many epochs there will be after `more`; ``None``: after all that was asked for."""
        return self.progress.target(self.config) if more is None else len(self.progress.epochs) + more

    def schedule(self, goal: int) -> tuple[int, int]:
        """Return the first step of the schedule and the one after its last, for training until `goal` epochs."""
        begin, end = self.progress.schedule or (0, self.total_steps)
        asked = goal * self.steps_per_epoch
        return (begin, end) if asked <= end else (self.progress.position.step, asked)

    def describe_schedule(self, goal: int) -> str:
        """Say which steps the schedule is laid out over, where it has a course."""
        begin, end = self.schedule(goal)
        if self.config.schedule == "constant":
            return ""
        return f"One cycle of the learning rate over {end - begin:,} steps, from step {begin + 1:,} to {end:,}."

    def controls(self) -> list[tuple[Any, str, Control]]:
        """Return the live controls, each after what its config belongs to: the loop, or its model."""
        owners: list[Any] = [self, self.model] if _model_config(self.model) is not None else [self]
        return [(owner, *item) for owner in owners for item in controls(owner.config, live_only=True).items()]

    # ---- training ------------------------------------------------------------------------------------------------

    def epochs(self, more: int | None) -> Iterator[Epoch]:
        """Yield epochs up to the `goal`, once the machine has begun; after whatever ends it, one may go on."""
        progress, interrupt, goal = self.progress, HeldInterrupt(self.machine.interrupt), self.goal(more)
        with self.machine.lock:
            progress.schedule = self.schedule(goal)
            progress.ask(goal, self.config, is_more=more is not None)
        with self._ended(), cpu_threads(self.config.threads), mode_kept(self.model):
            while len(progress.epochs) < goal and not progress.ended_early(self.config):
                self._restore_last()
                if progress.finite is None and not progress.position.step:
                    progress.finite = 0, self.engine.weights()
                self._enter("running")
                with interrupt:
                    epoch = self._one_epoch()
                if epoch is not None:
                    yield epoch
                if interrupt.came:
                    raise KeyboardInterrupt
                if epoch is None:
                    break

    @contextmanager
    def _ended(self) -> Iterator[None]:
        """Leave a true state behind, whatever ends training."""
        self.speed.reset()
        self.note, self.not_finite = "", False
        try:
            yield
        except (GeneratorExit, KeyboardInterrupt):
            self._end("stopped")
            raise
        except BaseException as error:
            self.not_finite = isinstance(error, NonFiniteLossError)
            self.note = str(error) if self.not_finite else f"{type(error).__name__}: {error}"
            self._n_changes = len(self.progress.changes)
            self._end("failed")
            raise
        self._end("finished" if self.progress.has_finished(self.config) else "stopped")

    def _end(self, state: State) -> None:
        with self.machine.lock:
            if state == "finished" and self.config.restore_best:
                self._restore_best()
            tuned, changed = self.take_tuning(), self.machine.end(state)
        if tuned:
            self.emit("tune")
        if changed:
            self.emit("state")

    def _restore_best(self) -> None:
        progress = self.progress
        if progress.best_weights is not None and progress.last_weights is None:
            progress.last_weights = self.engine.weights()
            self.engine.restore(progress.best_weights)

    def _restore_last(self) -> None:
        with self.machine.lock:
            if self.progress.last_weights is not None:
                self.engine.restore(self.progress.last_weights)
                self.progress.last_weights = None

    def go_back(self, epoch: int | None) -> None:
        """Go back to the end of an epoch; the optimiser starts anew, for its moments are not kept.

        The controls get the values that they had then, but for what was tuned after a failure, in answer to it.
        """
        progress, ends = self.progress, self.progress.ends()
        if epoch is None and ends:
            epoch = next(iter(ends))
        if epoch is None or epoch not in ends:
            kept = listing(progress.end_names().values()) or "none: no epoch has ended since it was made or loaded"
            asked = "" if epoch is None else f", not to epoch {epoch}"
            raise ValueError(f"a run goes back to its best epoch or its last finite one, here {kept}{asked}")
        answers = {c.name: c.after for c in progress.changes[self._n_changes :]} if self.not_finite else {}
        self.engine.restore(ends[epoch], {})
        step = progress.epochs[epoch - 1].step if epoch else 0
        self._set_controls({c.name: c.before for c in reversed(progress.changes) if c.step >= step})
        progress.go_back(epoch)
        progress.finite = epoch, ends[epoch]
        self.tuning = answers
        self.take_tuning()
        self.note = f"It is back at the {f'end of epoch {epoch}' if epoch else 'start'}."
        if self.not_finite and "learning_rate" not in answers:
            self.note += f" Lower the learning rate (now {self.config.learning_rate:.3g}) before it goes on."
        self.not_finite = False
        self.machine.enter("stopped" if epoch else "ready")

    def _set_controls(self, values: dict[str, float]) -> None:
        for owner, name, _ in self.controls():
            if name in values:
                owner.config = dataclasses.replace(owner.config, **{name: values[name]})

    def _one_epoch(self) -> Epoch | None:
        """Train on the rows from where the last call left off; ``None`` if it was stopped inside."""
        position, order = self.progress.position, [self.config.seed, len(self.progress.epochs)]
        began = time.perf_counter()
        for batch in self.train.batches(self.config.batch_size, seed=order, start=position.in_epoch):
            position.seconds += time.perf_counter() - began
            if not self._obey():
                return None
            began = time.perf_counter()
            with self.machine.work():
                self._take_step(batch)
            self.emit("step")
        position.seconds += time.perf_counter() - began
        if not self._obey():  # a pause or stop during the last step comes before the validation
            return None
        with self.machine.work():
            epoch = self._validate()
        self.emit("epoch")
        return epoch

    def _take_step(self, batch: Batch) -> None:
        config, position = self.config, self.progress.position
        try:
            rate = self._rate()
            losses = self.engine.step(batch, config, rate=rate, number=position.step, total=self.total_steps)
        except NonFiniteLossError as error:
            back = "".join(f" run.go_back() returns to {name}." for name in [*self.progress.end_names().values()][:1])
            raise NonFiniteLossError(
                f"training stopped: the {error} was not finite in epoch {len(self.progress.epochs) + 1}, step "
                f"{position.step + 1:,}. The model has the weights from before that step. Lower the learning "
                f"rate (now {rate:.3g}), set clip_norm, or look for extreme values in the data.{back}"
            ) from None
        with self.machine.lock:
            position.count(losses, len(batch))
            self.machine.count_step()
            self.speed.tick(position.step)

    def _rate(self, *, last: bool = False) -> float:
        """Return the learning rate of the next step, or of the last."""
        begin, end = self.progress.schedule or (0, self.total_steps)
        return self.config.rate(self.progress.position.step - last - begin, end - begin)

    def _validate(self) -> Epoch:
        """Close the epoch: validate, and keep the weights if they are the best so far."""
        began, progress = time.perf_counter(), self.progress
        valid = self.engine.evaluate(self.valid) if self.valid is not None else {}
        progress.position.seconds += time.perf_counter() - began
        settings = {name: float(getattr(owner.config, name)) for owner, name, _ in self.controls()}
        with self.machine.lock:
            rate = None if self.config.schedule == "constant" else self._rate(last=True)
            epoch = progress.complete_epoch(valid, settings, rate)
            weights = self.engine.weights()
            if math.isfinite(valid.get("loss", 0.0)):  # the training loss is, or there were no epoch
                progress.finite = epoch.number, weights
            if epoch.best:
                progress.best_weights = weights
            if self.config.keep_every and epoch.number % self.config.keep_every == 0:
                self.kept[epoch.number] = self.checkpoint()
        return epoch

    def _obey(self) -> bool:
        """Carry out the commands that came in; return whether to go on."""
        while True:
            if self.take_tuning():
                self.emit("tune")
            command = self.machine.command()
            if command == "stop":
                return False
            self._enter("paused" if command == "pause" else "running")
            if command == "go on":
                return True
            self.machine.wait_for_command()
            if command == "pause":
                self.speed.reset()

    def _enter(self, state: State) -> None:
        if self.machine.enter(state):
            self.emit("state")

    def take_tuning(self) -> bool:
        """Make the changes that `Run.tune` asked for, and note them; return whether there were any."""
        with self.machine.lock:
            if not self.tuning:
                return False
            waiting, self.tuning, progress = self.tuning, {}, self.progress
            for owner, name, _ in self.controls():
                if name in waiting:
                    before, after = getattr(owner.config, name), waiting[name]
                    owner.config = dataclasses.replace(owner.config, **{name: after})
                    if before != after:
                        change = Change(progress.position.step, len(progress.epochs), name, before, after)
                        progress.changes.append(change)
        return True

    # ---- checkpoints, between two steps --------------------------------------------------------------------------

    def checkpoint(self) -> Checkpoint:
        """Return a copy of all that changes while it trains."""
        progress, config = self.progress, _model_config(self.model)
        facts = progress.facts() | {
            "model": type(self.model).__name__,
            "model_config": None if config is None else dataclasses.asdict(config),
            "config": dataclasses.asdict(self.config),
            "n_train": len(self.train),
        }
        weights, best = progress.last_weights or self.engine.weights(), progress.best_weights or {}
        return Checkpoint(group(weights=weights, moments=self.engine.moments(), best=best), facts)

    def restore(self, saved: Checkpoint) -> None:
        """Go back to where a checkpoint was taken; the configs stay."""
        weights = ungroup(saved.tensors, "weights")
        progress = self.progress = Progress.from_facts(saved.facts)
        progress.best_weights = ungroup(saved.tensors, "best") or None
        self.engine.restore(weights, ungroup(saved.tensors, "moments"))
        if saved.facts["shows_best"]:
            self._restore_best()
        trained: State = "stopped" if progress.position.step else "ready"
        self.machine.enter("finished" if progress.has_finished(self.config) else trained)


def _model_config(model: nn.Module) -> Any:
    """Return the model's config, where it has one that is a dataclass."""
    config: Any = getattr(model, "config", None)
    return config if dataclasses.is_dataclass(config) else None
