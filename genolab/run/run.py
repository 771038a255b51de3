"""Training is an iterator: ``for epoch in run``. It can be paused, tuned, stopped, saved and resumed, bit for bit.

A `Run` computes and emits events; it never knows who listens. A panel sends it the same commands that code does.
"""

import copy
import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from genolab import waiting
from genolab.checks import meant
from genolab.config import Control
from genolab.data.dataset import AnnDataset, aligned, remember
from genolab.data.faults import reading
from genolab.run.background import TrainingThread, training_runs
from genolab.run.engine import on_this_machine
from genolab.run.loop import Event, TrainingLoop
from genolab.run.records import Change, Epoch, RunConfig, RunStatus
from genolab.run.saving import check_fits, described, read, rebuild, recognised, trained_on, write

Listener = Callable[["Run", Event], object]


class Run:
    """A model, its data and a config: iterate over it to train.

    Parameters
    ----------
    model
        An ``nn.Module`` whose ``loss(batch)`` returns the mean loss over the rows, or a dict of it, as ``"loss"``, and
        its parts. It goes to the run's device and is trained in place. It may have ``plan(dataset, total_steps)`` that
        checks the data and describes the training, and a ``config``, a frozen dataclass with live controls.
    train, valid
        Rows to learn from, and rows to validate on after each epoch. The model remembers the names of their columns,
        levels and classes (``model.trained_on``): rows that it meets later, here and in ``gl.infer``, are brought into
        that order, or refused.

    Examples
    --------
    >>> run = Run(model, train, valid, RunConfig(epochs=30))
    >>> for epoch in run:  # or run.fit(), or run.start() and run.wait()
    ...     if epoch.valid["loss"] < 800:
    ...         break  # iterating again goes on from here
    """

    def __init__(
        self, model: nn.Module, train: AnnDataset, valid: AnnDataset | None = None, config: RunConfig | None = None
    ) -> None:
        if len(train) < 2:
            raise ValueError(f"training needs at least 2 rows, got {len(train)}")
        self.model = model
        self.train = aligned(model, train, target=True)
        self.valid = None if valid is None or not len(valid) else valid.aligned(self.train.signature)
        self.listener_errors: deque[Exception] = deque(maxlen=100)
        self._listeners: list[Listener] = []
        self._thread: TrainingThread | None = None
        self._row_hashes: dict[str, NDArray[np.uint64]] = {}
        self._loop = TrainingLoop(model, self.train, self.valid, config or RunConfig(), self._emit)
        remember(model, self.train)
        self._machine = self._loop.machine
        self.plan = self._loop.plan

    def __repr__(self) -> str:
        best, done = self.best, len(self.epochs)
        validated = "" if best is None else f", validation loss {best.valid['loss']:.4g} (best, epoch {best.number})"
        target = max(done, self._loop.progress.target(self.config))
        return f"Run({type(self.model).__name__}, {done} of {target} epochs{validated})"

    # ---- what a run is -------------------------------------------------------------------------------------------

    @property
    def config(self) -> RunConfig:
        """The config, with what was tuned."""
        return self._loop.config

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs completed."""
        return tuple(self._loop.progress.epochs)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of live controls."""
        return tuple(self._loop.progress.changes)

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: losses and their parts, the live controls' values, seconds."""
        return pd.DataFrame([epoch.row() for epoch in self.epochs])

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest validation loss; ``None`` where nothing was validated yet."""
        return self._loop.progress.best

    @property
    def live(self) -> dict[str, tuple[Control, float]]:
        """The controls of run and model that may change while it trains, with the values they have or will have."""
        waiting, live = self._loop.tuning, self._loop.controls()
        return {name: (bounds, waiting.get(name, getattr(owner.config, name))) for owner, name, bounds in live}

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        loop, per_epoch = self._loop, self._loop.steps_per_epoch
        with self._machine.lock:
            state, progress, speed = self._machine.state, loop.progress, loop.speed.steps_per_second
            step, done = progress.position.step, len(progress.epochs)
            epochs = max(done, progress.target(self.config))
            total = epochs * per_epoch
            summary = self.plan if state in {"ready", "running"} else progress.summary(self.config, per_epoch)
            return RunStatus(
                state=state,
                epoch=done,
                epochs=epochs,
                step=step,
                steps_per_epoch=per_epoch,
                total_steps=total,
                fraction=min(1.0, step / total),
                seconds_left=max(0, total - step) / speed if speed else None,
                rows_per_second=speed * len(self.train) / per_epoch if speed else None,
                loss=progress.position.mean.values().get("loss"),
                message=loop.note or summary,
                back_to=loop.back_to,
                speed_limit=loop.speed_limit,
            )

    # ---- commands: they return at once and take effect after the step at work ------------------------------------

    def start(self, epochs: int | None = None) -> Self:
        """Train in a background thread; where it is paused, go on. `epochs` is as in `fit`."""
        with self._machine.lock:
            if self._machine.training:
                return self.resume()
            self._begin()
            self._start_thread(epochs)
        return self

    def pause(self) -> Self:
        """Halt after the step at work; `resume` goes on, `step` takes single steps."""
        self._machine.pause()
        return self

    def resume(self) -> Self:
        """Go on after a pause."""
        self._machine.resume()
        return self

    def step(self, count: int = 1) -> Self:
        """Take `count` optimiser steps, and pause; a run that isn't training starts to, in the background."""
        with self._machine.lock:
            if self._machine.training:
                self._machine.allow(count)
            else:
                self._begin(steps=count)
                self._start_thread(None)
        return self

    def stop(self) -> Self:
        """End training after the step at work; iterating again goes on from there."""
        self._machine.stop()
        return self

    def limit_speed(self, epochs_per_second: float | None = None) -> Self:
        """Train at most so many epochs a second, so that one can follow; ``None``: as fast as it can.

        It changes no bit of the numbers.
        """
        if epochs_per_second is not None and not 0 < epochs_per_second < math.inf:
            raise ValueError(f"epochs a second are a number above 0, or None for no limit; got {epochs_per_second!r}")
        self._loop.limit_speed(epochs_per_second)
        self._emit("tune")
        return self

    def go_back(self, epoch: int | None = None) -> Self:
        """Go back, as if the run had been stopped after an epoch: weights, history and live controls.

        It helps after a `NonFiniteLossError`, where the last weights are often ruined already. `epoch` is the best one
        (``None``), or the last one whose losses were finite; 0 is the start. The optimiser starts anew. What was tuned
        since the failure stays: lower the learning rate, or it may fail again.
        """
        with self._machine.lock:
            if self._machine.training:
                raise RuntimeError("a run goes back between trainings: stop() it and wait() first")
            self._loop.go_back(epoch)
        self._emit("tune")
        self._emit("state")
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the background thread ends, and raise what stopped it, such as a `NonFiniteLossError`.

        A `TimeoutError` says that it still trains, or is paused, after `timeout` seconds.
        """
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                state = self._machine.state
                raise TimeoutError(f"the run is still {state} after {timeout:g} s: call stop() or wait longer")
            if self._thread.error is not None:
                raise self._thread.error
        return self

    def tune(self, **values: float) -> Self:
        """Change live controls from the next optimiser step on: ``run.tune(learning_rate=3e-4, kl_weight=0.5)``.

        Where one of the values is out of its bounds, or may not change while it trains, none is changed.
        """
        known = self.live
        if unknown := sorted(set(values) - set(known)):
            near = meant(unknown[0], known)
            raise ValueError(f"{', '.join(unknown)} can't change while training; these can: {', '.join(known)}{near}")
        for owner, name, _ in self._loop.controls():
            if name in values:
                dataclasses.replace(owner.config, **{name: values[name]})  # checks the value
        with self._machine.lock:
            self._loop.tuning |= values
            applied = not self._machine.training and self._loop.take_tuning()
        if applied:
            self._emit("tune")
        return self

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(run, event)`` whenever something happens; return a function that ends it.

        Events are ``"state"``, ``"step"``, ``"epoch"`` and ``"tune"``. The call comes between two steps, in the thread
        that trains, which waits for it: be quick, and don't print. A listener may call all that a run has. An error in
        it is kept in `listener_errors` and doesn't disturb training.
        """
        self._listeners.append(listener)

        def stop_listening() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop_listening

    def _emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(self, event)
            except Exception as error:  # noqa: BLE001 - a broken screen must not stop training; the error is kept
                self.listener_errors.append(error)

    # ---- training ------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Epoch]:
        return self._train(None)

    def fit(self, epochs: int | None = None) -> Self:
        """Train here and now, with a progress bar: `epochs` more, or until all that was asked for is reached.

        That is the config's number of epochs, or what `epochs` asked for beyond it, also after an early stop.

        A schedule is laid out over the config's epochs; for epochs beyond these, anew from where the run stands.
        A `KeyboardInterrupt` comes after the step at work and loses nothing: calling again goes on. After a
        `NonFiniteLossError` the model has the weights from before that step; `go_back` gives those of the best epoch.
        """
        progress, goal = self._loop.progress, self._loop.goal(epochs)
        is_due = goal > len(self.epochs) and (epochs is not None or not progress.ended_early(self.config))
        if is_due and not waiting.is_shown():
            print(f"{self.plan} {self._loop.describe_schedule(goal)}".strip())
        steps = max(0, goal * self._loop.steps_per_epoch - progress.position.step)
        with waiting.bar("Training", steps, unit="steps", delay=0) as bar:
            stop_listening = self.listen(lambda _, event: bar.update() if event == "step" else None)
            try:
                for epoch in self._train(epochs):
                    part, losses = ("valid", epoch.valid) if epoch.valid else ("train", epoch.train)
                    bar.set_postfix({"epoch": epoch.number, part: f"{losses['loss']:.4g}"})
            finally:
                stop_listening()
        return self

    def _begin(self, *, steps: int | None = None) -> None:
        """Claim the run, unless another one trains its model."""
        for other in training_runs():
            if other is not self and other.model is self.model and other._machine.training:
                raise RuntimeError(f"this model is being trained by another run, {other}: stop() that one first")
        self._machine.begin(steps=steps)

    def _train(self, epochs: int | None) -> Iterator[Epoch]:
        self._begin()
        self._thread = None
        yield from self._loop.epochs(epochs)

    def _start_thread(self, epochs: int | None) -> None:
        self._thread = TrainingThread(self, self._loop.epochs(epochs))
        self._thread.start()

    # ---- leaving and coming back: between two steps, also while it trains ----------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the run to one safetensors file: weights, optimiser, history and place, so that it can go on.

        Of the data it holds what tells them: names of columns, levels and classes, and hashes of the rows.
        """
        rows = self._hashes()
        with self._machine.between_steps():
            checkpoint = self._loop.checkpoint()
        return write(path, described(checkpoint, self.train.signature, rows))

    def _hashes(self) -> dict[str, NDArray[np.uint64]]:
        """Return hashes of the training and validation rows; computed once."""
        if not self._row_hashes:
            parts = {"train": self.train, "valid": self.valid}
            self._row_hashes = {name: part.hashes(target=True) for name, part in parts.items() if part is not None}
        return self._row_hashes

    @classmethod
    def load(
        cls, path: str | Path, train: AnnDataset, valid: AnnDataset | None = None, *, model: nn.Module | None = None
    ) -> "Run":
        """Read a saved run, on whatever device is here, with the data it was trained on: those are not in the file.

        A `model` of your own class is to be built as before; genolab's models are rebuilt from the file. The rows are
        recognised, in any order, by their hashes; others are refused, so that no test row is trained on.
        """
        with reading(path, "a saved run"):
            saved = read(path)
            rows = saved.facts["n_train"]
            if len(train) != rows:
                raise ValueError(
                    f"a run goes on with the data it was trained on: {path} had {rows:,} rows, got {len(train):,}. "
                    "To train on other data, make a new Run(run.model, ...)"
                )
            if (known := trained_on(saved)) is not None:
                train = recognised(train.aligned(known), saved, "train")
                valid = None if valid is None or not len(valid) else recognised(valid.aligned(known), saved, "valid")
            if model is None:
                model = rebuild(saved, path)
            check_fits(model, saved)
            run = cls(model, train, valid, on_this_machine(RunConfig(**saved.facts["config"])))
            run._loop.restore(saved)
            return run

    def branch(self, epoch: int | None = None, **changes: Any) -> "Run":
        """Return a second run with a model of its own, that goes on from here or from a kept epoch.

        ``run.branch(10, learning_rate=1e-4)``: an `epoch` that ``RunConfig(keep_every=...)`` kept, and fields of the
        config, or live controls of the model's, that are to differ.
        """
        kept = self._loop.kept
        if epoch is not None and epoch not in kept:
            raise KeyError(f"epoch {epoch} was not kept; kept are {sorted(kept)}: set RunConfig(keep_every=1)")
        with self._machine.between_steps():
            saved = self._loop.checkpoint() if epoch is None else kept[epoch]
            model, config = copy.deepcopy(self.model), self.config
        own = {field.name for field in dataclasses.fields(RunConfig)} & set(changes)
        config = dataclasses.replace(config, **{name: changes[name] for name in own})
        other = Run(model, self.train, self.valid, config)
        other._loop.restore(saved)
        if own & {"epochs", "batch_size", "schedule"}:
            other._loop.progress.schedule = None  # laid out anew
        if "epochs" in own:
            other._loop.progress.goal = config.epochs
        return other.tune(**{name: value for name, value in changes.items() if name not in own})
