"""Training is an iterator: ``for epoch in run``. It can be paused, tuned, stopped, saved and resumed, bit for bit.

A `Run` computes and says what happened; it never knows who listens. A panel sends it the same commands that code does.
"""

import atexit
import copy
import dataclasses
import math
import signal
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
from torch import nn

from genolab.config import Control, controls
from genolab.data.dataset import AnnDataset, Batch
from genolab.run.commands import Commands
from genolab.run.engine import Engine, NonFiniteLossError, Tensors, cpu_threads, resolve_device
from genolab.run.records import Change, Epoch, Losses, Position, RunConfig, RunStatus, State
from genolab.run.saving import Checkpoint, group, load_model, read, ungroup, write
from genolab.run.speed import Speed

Event = Literal["state", "step", "epoch", "tune"]
Listener = Callable[["Run", Event], object]

_in_background: "weakref.WeakSet[Run]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """End background training before the interpreter does: a thread cut off inside torch would abort the process."""
    for run in list(_in_background):
        run.stop()
        if run._thread is not None:
            run._thread.join(timeout=10)


class Run:
    """A model, its data and a config: iterate over it to train.

    Parameters
    ----------
    model
        An ``nn.Module`` with ``loss(batch)``; it goes to the run's device and is trained in place. It may have
        ``plan(dataset, total_steps)``, which checks the data and says what will happen, and a ``config`` (a frozen
        dataclass) whose live controls can then be tuned too.
    train, valid
        What to learn from, and what to judge by.
    config
        See `RunConfig`.

    Raises
    ------
    ValueError
        The data don't suit the model, or there is only one row.

    Examples
    --------
    >>> run = Run(model, train, valid, RunConfig(epochs=30))
    >>> for epoch in run:  # or run.fit(), or run.start() and run.wait()
    ...     if epoch.valid["loss"] < 800:
    ...         break  # walking again goes on from here
    """

    def __init__(
        self, model: nn.Module, train: AnnDataset, valid: AnnDataset | None = None, config: RunConfig | None = None
    ) -> None:
        self.model = model
        self.train = train
        self.valid = valid if valid is None or len(valid) else None
        self.config = config or RunConfig()
        self.device = resolve_device(self.config.device)
        if len(train) < 2:
            raise ValueError(f"training needs at least 2 rows, got {len(train)}")
        self.plan = self._plan()
        self.changes: list[Change] = []
        self.error: BaseException | None = None
        self.listener_errors: deque[Exception] = deque(maxlen=100)

        self._engine = Engine(model, self.device, seed=self.config.seed, mixed_precision=self.config.mixed_precision)
        on_cpu = self.device.type == "cpu"
        self._train_rows = train if on_cpu else train.to(self.device)
        self._valid_rows = self.valid if on_cpu or self.valid is None else self.valid.to(self.device)
        self._position = Position()
        self._epochs: list[Epoch] = []
        self._best: Tensors | None = None
        self._last: Tensors | None = None  # the weights to go on from, while the model has the best ones
        self._kept: dict[int, Checkpoint] = {}

        self._state: State = "ready"
        self._message = self.plan
        self._listeners: list[Listener] = []
        self._commands = Commands()
        self._interrupted = False
        self._thread: threading.Thread | None = None
        self._speed = Speed()

    def _plan(self) -> str:
        plan = getattr(self.model, "plan", None)
        return str(plan(self.train, self.total_steps)) if plan else f"{self.total_steps:,} optimiser steps."

    def __repr__(self) -> str:
        best = self.best
        judged = "" if best is None else f", validation loss {best.valid['loss']:.4g} (best, epoch {best.number})"
        return f"Run({type(self.model).__name__}, {len(self._epochs)} of {self.config.epochs} epochs{judged})"

    # ---- what a run is -------------------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one epoch."""
        return self.train.n_batches(self.config.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps that the config asks for."""
        return self.steps_per_epoch * self.config.epochs

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The epochs completed."""
        return tuple(self._epochs)

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: losses and their parts, the live controls' values, seconds."""
        return pd.DataFrame([epoch.row() for epoch in self._epochs])

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest validation loss; ``None`` where nothing was validated yet."""
        return next((epoch for epoch in reversed(self._epochs) if epoch.best), None)

    @property
    def live(self) -> dict[str, tuple[Control, float]]:
        """The controls of run and model that may change while it trains, with the values they have or will have."""
        waiting = self._commands.tuning
        return {
            name: (bounds, waiting.get(name, getattr(owner, name)))
            for owner in self._configs()
            for name, bounds in controls(owner, live_only=True).items()
        }

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        position, speed = self._position, self._speed.steps_per_second
        left = max(0, self.total_steps - position.step)
        return RunStatus(
            state=self._state,
            epoch=len(self._epochs),
            epochs=max(self.config.epochs, len(self._epochs)),
            step=position.step,
            steps_per_epoch=self.steps_per_epoch,
            total_steps=self.total_steps,
            fraction=min(1.0, position.step / self.total_steps),
            seconds_left=left / speed if speed else None,
            rows_per_second=speed * len(self.train) / self.steps_per_epoch if speed else None,
            loss=position.mean.values().get("loss"),
            message=self._message,
        )

    def _configs(self) -> list[Any]:
        own = getattr(self.model, "config", None)
        return [self.config, own] if dataclasses.is_dataclass(own) else [self.config]

    # ---- commands: they return at once and take effect after the step at work ------------------------------------

    def start(self, epochs: int | None = None) -> Self:
        """Train in a background thread; where it is paused, go on. `epochs` is as in `fit`."""
        with self._commands.lock:
            if self._commands.walking:
                return self.resume()
            self._commands.begin()
            self._start_thread(epochs)
        return self

    def pause(self) -> Self:
        """Halt after the step at work; `resume` goes on, `step` takes single steps."""
        self._commands.pause()
        return self

    def resume(self) -> Self:
        """Go on after a pause."""
        self._commands.resume()
        return self

    def step(self, count: int = 1) -> Self:
        """Take `count` optimiser steps, and pause; a run that isn't training starts to, in the background."""
        with self._commands.lock:
            if self._commands.walking:
                self._commands.allow(count)
            else:
                self._commands.begin(steps=count)
                self._start_thread(None)
        return self

    def stop(self) -> Self:
        """End the walk after the step at work; walking again goes on from there."""
        self._commands.stop()
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the background thread ends, and raise what stopped it.

        Raises
        ------
        TimeoutError
            It still trains (or is paused) after `timeout` seconds.
        NonFiniteLossError
            Training met NaN or infinity.
        """
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise TimeoutError(f"the run is still {self._state} after {timeout:g} s: call stop() or wait longer")
        if self.error is not None:
            raise self.error
        return self

    def tune(self, **values: float) -> Self:
        """Change live controls from the next optimiser step on: ``run.tune(learning_rate=3e-4, kl_weight=0.5)``.

        Raises
        ------
        ValueError
            No such control may change while training, or the value is out of its bounds; then nothing changes.
        """
        known = self.live
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} can't change while training; these can: {', '.join(known)}")
        for owner in self._configs():
            dataclasses.replace(owner, **{name: v for name, v in values.items() if hasattr(owner, name)})  # checks
        with self._commands.lock:
            self._commands.tune(values)
            if not self._commands.walking:
                self._apply_tuning()
        return self

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(run, event)`` whenever something happens; return a function that ends it.

        Events are ``"state"``, ``"step"``, ``"epoch"`` and ``"tune"``. The call comes in the thread that trains: be
        quick, and don't print. An error in a listener is kept in `listener_errors` and doesn't disturb training.
        """
        self._listeners.append(listener)

        def stop_listening() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop_listening

    # ---- walking -------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Epoch]:
        return self._walk(None)

    def fit(self, epochs: int | None = None) -> Self:
        """Train here and now, with a progress bar.

        Parameters
        ----------
        epochs
            So many epochs more; ``None``: until the config's number is reached.

        Raises
        ------
        KeyboardInterrupt
            The kernel was interrupted. The step at work was completed and nothing is lost: walking again goes on.
        NonFiniteLossError
            Training met NaN or infinity; the model has the last good weights.
        """
        from tqdm.auto import tqdm

        goal = self._goal(epochs)
        if goal > len(self._epochs) and not self._ended_early():
            tqdm.write(self.plan)
        steps = max(0, goal * self.steps_per_epoch - self._position.step)
        with tqdm(total=steps, unit="step", desc="Training") as bar:
            silence = self.listen(lambda _, event: bar.update() if event == "step" else None)
            try:
                for epoch in self._walk(epochs):
                    judged, losses = ("valid", epoch.valid) if epoch.valid else ("train", epoch.train)
                    bar.set_postfix({"epoch": epoch.number, judged: f"{losses['loss']:.4g}"})
            finally:
                silence()
        return self

    def _goal(self, epochs: int | None) -> int:
        return self.config.epochs if epochs is None else len(self._epochs) + epochs

    def _start_thread(self, epochs: int | None) -> None:
        self.error = None
        _in_background.add(self)
        self._thread = threading.Thread(target=self._walk_in_thread, args=(epochs,), name="genolab-run", daemon=True)
        self._thread.start()

    def _walk_in_thread(self, epochs: int | None) -> None:
        try:
            for _ in self._walk(epochs, begun=True):
                pass
        except BaseException as error:  # noqa: BLE001 - wait() raises it in the thread that asks
            self.error = error

    def _walk(self, epochs: int | None, *, begun: bool = False) -> Iterator[Epoch]:
        """Yield epochs until the goal; whatever ends the walk, the next one goes on from there."""
        goal = self._goal(epochs)
        with self._claimed(begun=begun), cpu_threads(self.config.threads), self._mode_kept():
            if self._last is not None and goal > len(self._epochs) and not self._ended_early():
                self._engine.restore(self._last)
                self._last = None
            while len(self._epochs) < goal and not self._ended_early():
                self._set_state("running", self.plan)
                with self._interrupts_held():
                    epoch = self._one_epoch()
                if epoch is not None:
                    yield epoch
                if self._interrupted:
                    raise KeyboardInterrupt
                if epoch is None:
                    break

    @contextmanager
    def _claimed(self, *, begun: bool) -> Iterator[None]:
        """Let one walk at a time have the run, and leave a true state behind it."""
        with self._commands.lock:
            if not begun:
                if self._commands.walking:
                    raise RuntimeError("this run is being trained already: wait() for it, or stop() it first")
                self._commands.begin()
        self._interrupted = False
        self._speed.reset()
        try:
            yield
        except (GeneratorExit, KeyboardInterrupt):
            self._end("stopped")
            raise
        except NonFiniteLossError as error:
            self._end("failed", str(error))
            raise
        except BaseException as error:
            self._end("failed", f"{type(error).__name__}: {error}")
            raise
        self._end("finished" if self._has_finished() else "stopped")

    def _end(self, state: State, message: str | None = None) -> None:
        if state == "finished" and self.config.restore_best and self._best is not None and self._last is None:
            self._last = self._engine.weights()
            self._engine.restore(self._best)
        self._commands.end()
        self._apply_tuning()
        self._set_state(state, message or self._summary())

    def _has_finished(self) -> bool:
        return len(self._epochs) >= self.config.epochs or self._ended_early()

    def _ended_early(self) -> bool:
        best, patience = self.best, self.config.patience
        return patience is not None and best is not None and len(self._epochs) - best.number >= patience

    def _summary(self) -> str:
        done, best = len(self._epochs), self.best
        judged = "" if best is None else f" Validation loss was best at epoch {best.number}: {best.valid['loss']:.4g}."
        if self._ended_early():
            return f"Stopped early after epoch {done}: no better for {self.config.patience} epochs.{judged}"
        inside = self._position.in_epoch
        where = f", and {inside} of {self.steps_per_epoch} steps of the next" if inside else ""
        return f"{done} of {max(done, self.config.epochs)} epochs done{where}.{judged}"

    def _one_epoch(self) -> Epoch | None:
        """Walk over the training data from where the last walk left off; ``None`` if it was stopped inside."""
        position = self._position
        order = [self.config.seed, len(self._epochs)]
        began = time.perf_counter()
        for batch in self._train_rows.batches(self.config.batch_size, seed=order, start=position.in_epoch):
            position.seconds += time.perf_counter() - began
            if not self._obey():
                return None
            began = time.perf_counter()
            position.count(self._take_step(batch), len(batch))
            self._commands.step_done()
            self._speed.tick(position.step)
            self._emit("step")
        position.seconds += time.perf_counter() - began
        if not self._obey():  # a pause or stop during the last step comes before the validation
            return None
        began = time.perf_counter()
        valid = self._engine.evaluate(self._valid_rows) if self._valid_rows is not None else {}
        position.seconds += time.perf_counter() - began
        return self._complete(valid)

    def _take_step(self, batch: Batch) -> Losses:
        config = self.config
        try:
            return self._engine.step(
                batch,
                number=self._position.step,
                total=self.total_steps,
                learning_rate=config.rate(self._position.step, self.total_steps),
                weight_decay=config.weight_decay,
                clip_norm=config.clip_norm,
            )
        except NonFiniteLossError as error:
            raise NonFiniteLossError(
                f"training stopped: the {error} was not finite in epoch {len(self._epochs) + 1}, step "
                f"{self._position.step + 1:,}. The model has the weights from before that step. Lower the learning "
                f"rate (now {config.learning_rate:g}), set clip_norm, or look for extreme values in the data"
            ) from None

    def _complete(self, valid: Losses) -> Epoch:
        """Close the epoch: note it, keep its weights if it was the best, and tell the listeners."""
        position, best = self._position, self.best
        settings = {name: float(getattr(o, name)) for o in self._configs() for name in controls(o, live_only=True)}
        is_best = bool(valid) and math.isfinite(valid["loss"]) and (best is None or valid["loss"] < best.valid["loss"])
        number = len(self._epochs) + 1
        epoch = Epoch(number, position.step, position.mean.values(), valid, settings, position.seconds, is_best)
        if is_best:
            self._best = self._engine.weights()
        self._epochs.append(epoch)
        self._position = Position(step=position.step)
        if self.config.keep_every and number % self.config.keep_every == 0:
            self._kept[number] = self._checkpoint()
        self._emit("epoch")
        return epoch

    def _obey(self) -> bool:
        """Carry out the commands that came in; return whether to go on."""

        def wake() -> None:
            self._speed.reset()
            self._apply_tuning()

        self._apply_tuning()
        go_on = self._commands.obey(lambda: self._set_state("paused", self._summary()), wake)
        if go_on:
            self._set_state("running", self.plan)
        return go_on

    def _apply_tuning(self) -> None:
        """Make the changes that `tune` asked for, and note them."""
        waiting = self._commands.take_tuning()
        places: list[Any] = [self, self.model]
        for owner, place in zip(self._configs(), places, strict=False):
            for name in [name for name in controls(owner, live_only=True) if name in waiting]:
                before, after = getattr(owner, name), waiting[name]
                place.config = dataclasses.replace(place.config, **{name: after})
                if before != after:
                    self.changes.append(Change(self._position.step, len(self._epochs), name, before, after))
        if waiting:
            self._emit("tune")

    @contextmanager
    def _interrupts_held(self) -> Iterator[None]:
        """Hold back an interrupt of the kernel until the step at work is done; only the main thread gets one."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or before is None:
            yield
            return

        def hold(*_: object) -> None:
            if self._interrupted:  # a second one won't wait
                raise KeyboardInterrupt
            self._interrupted = True
            self._commands.interrupt()

        signal.signal(signal.SIGINT, hold)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def _mode_kept(self) -> Iterator[None]:
        """Leave the model in the mode (training or evaluation) that it came in."""
        training = self.model.training
        try:
            yield
        finally:
            self.model.train(training)

    def _set_state(self, state: State, message: str) -> None:
        changed = state != self._state
        if changed or state != "paused":
            self._message = message
        self._state = state
        if changed:
            self._emit("state")

    def _emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(self, event)
            except Exception as error:  # noqa: BLE001 - a broken screen must not stop training; the error is kept
                self.listener_errors.append(error)

    # ---- leaving and coming back ---------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the run to one safetensors file: weights, optimiser, history and place, so that it can go on.

        Raises
        ------
        RuntimeError
            It is training; pause or stop it first.
        """
        if self._commands.walking and self._state == "running":
            raise RuntimeError("a run can't be saved in the middle of a step: pause() or stop() it first")
        return write(path, self._checkpoint())

    @classmethod
    def load(
        cls, path: str | Path, train: AnnDataset, valid: AnnDataset | None = None, *, model: nn.Module | None = None
    ) -> "Run":
        """Read a saved run, on whatever device is here.

        Parameters
        ----------
        path
            What `save` wrote.
        train, valid
            The data it was trained on, as before; data are not saved with a run.
        model
            A model of your own class, built as before; genolab's models are rebuilt from the file.

        Raises
        ------
        ValueError
            The file is damaged, the model's class is unknown, or the data have another number of rows.
        """
        saved = read(path)
        rows = saved.facts["n_train"]
        if len(train) != rows:
            raise ValueError(
                f"a run goes on with the data it was trained on: {path} had {rows:,} rows, got {len(train):,}. "
                "To train on other data, make a new Run(run.model, ...)"
            )
        run = cls(model or load_model(path), train, valid, _on_this_machine(RunConfig(**saved.facts["config"])))
        run._restore(saved)
        return run

    def branch(self, epoch: int | None = None, **changes: Any) -> "Run":
        """Return a second run with a model of its own, that goes on from here or from a kept epoch.

        Parameters
        ----------
        epoch
            An epoch that ``RunConfig(keep_every=...)`` kept; ``None``: where the run stands.
        changes
            Fields of the config, and live controls of the model's, that should differ from now on.

        Raises
        ------
        KeyError
            That epoch was not kept.
        """
        if epoch is not None and epoch not in self._kept:
            raise KeyError(f"epoch {epoch} was not kept; kept are {sorted(self._kept)}: set RunConfig(keep_every=1)")
        saved = self._checkpoint() if epoch is None else self._kept[epoch]
        own = {field.name for field in dataclasses.fields(RunConfig)} & set(changes)
        config = dataclasses.replace(self.config, **{name: changes[name] for name in own})
        other = Run(copy.deepcopy(self.model), self.train, self.valid, config)
        other._restore(saved)
        return other.tune(**{name: value for name, value in changes.items() if name not in own})

    def _checkpoint(self) -> Checkpoint:
        weights = self._last or self._engine.weights()
        own = self._configs()[1:]
        facts = {
            "model": type(self.model).__name__,
            "model_config": dataclasses.asdict(own[0]) if own else None,
            "config": dataclasses.asdict(self.config),
            "n_train": len(self.train),
            "position": self._position.facts(),
            "epochs": [dataclasses.asdict(epoch) for epoch in self._epochs],
            "changes": [dataclasses.asdict(change) for change in self.changes],
            "shows_best": self._last is not None,
        }
        return Checkpoint(group(weights=weights, moments=self._engine.moments(), best=self._best or {}), facts)

    def _restore(self, saved: Checkpoint) -> None:
        facts, weights = saved.facts, ungroup(saved.tensors, "weights")
        self._engine.restore(weights, ungroup(saved.tensors, "moments"))
        self._best = ungroup(saved.tensors, "best") or None
        if facts["shows_best"] and self._best is not None:
            self._last = weights
            self._engine.restore(self._best)
        self._position = Position.from_facts(facts["position"])
        self._epochs = [Epoch(**epoch) for epoch in facts["epochs"]]
        self.changes = [Change(**change) for change in facts["changes"]]
        self._state = "finished" if self._has_finished() else "stopped" if self._position.step else "ready"
        self._message = self._summary()


def _on_this_machine(config: RunConfig) -> RunConfig:
    """Return the config with a device that is here: a run trained on a GPU loads on a laptop."""
    try:
        resolve_device(config.device)
    except ValueError:
        return dataclasses.replace(config, device="auto")
    return config
