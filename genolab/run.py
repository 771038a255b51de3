"""Training is an iterator: ``for epoch in run``. It can be paused, tuned, stopped, saved and taken up again, bit for bit.

A `Run` computes and says what happened; it never knows who listens. A panel sends it the same commands that code does.
"""

import dataclasses
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
from torch import nn

from genolab import checkpoint
from genolab.config import Control, check, control, controls
from genolab.data.dataset import AnnDataset
from genolab.engine import Engine, Losses, NonFiniteLossError, RunningMean, Tensors, cpu_threads, resolve_device

State = Literal["ready", "running", "paused", "stopped", "finished", "failed"]
Event = Literal["state", "step", "epoch", "tune"]
Listener = Callable[["Run", Event], object]

__all__ = ["Change", "Epoch", "NonFiniteLossError", "Run", "RunConfig", "RunStatus"]

# Speed is taken over the last seconds, so that it follows a change of the machine's load.
_SPEED_WINDOW_S = 5.0


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
    clip_norm: float | None = control(None, low=1e-3, high=1e6, scale="log", help="Longest gradient allowed.")
    patience: int | None = control(None, low=1, high=1_000_000, help="Epochs without a better validation loss to bear.")
    restore_best: bool = True
    keep_every: int | None = control(None, low=1, high=1_000_000, help="Keep the state every so many epochs.")
    seed: int = control(0, low=0, high=2**32 - 1, help="Order of the rows, dropout and sampling.")
    device: str = "auto"
    mixed_precision: bool = True
    threads: int | None = control(None, low=1, high=1024, help="CPU threads to train with.")

    def __post_init__(self) -> None:
        check(self)


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

        self._engine = Engine(
            model, self.device, seed=self.config.seed, mixed_precision=self.config.mixed_precision
        )
        self._train_rows = train.to(self.device) if self.device.type != "cpu" else train
        self._valid_rows = self.valid.to(self.device) if self.valid and self.device.type != "cpu" else self.valid
        self._position = _Position()
        self._epochs: list[Epoch] = []
        self._best: Tensors | None = None
        self._last: Tensors | None = None  # the weights to go on from, while the model has the best ones
        self._kept: dict[int, checkpoint.Checkpoint] = {}

        self._state: State = "ready"
        self._message = self.plan
        self._listeners: list[Listener] = []
        self._bell = threading.Condition()  # guards the commands below
        self._walker: int | None = None
        self._thread: threading.Thread | None = None
        self._paused = False
        self._stopping = False
        self._interrupted = False
        self._steps_allowed = 0
        self._pending: dict[str, float] = {}
        self._ticks: deque[tuple[float, int]] = deque()

    def _plan(self) -> str:
        plan = getattr(self.model, "plan", None)
        return str(plan(self.train, self.total_steps)) if plan else f"{self.total_steps:,} optimiser steps."

    def __repr__(self) -> str:
        best = self.best
        judged = "" if best is None else f", validation loss {best.valid['loss']:.4g} (best, epoch {best.number})"
        return f"Run({type(self.model).__name__}, {len(self._epochs)} of {self.config.epochs} epochs{judged})"

    # ---- what a run is ------------------------------------------------------------------------------------------

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
        """The controls that may change while it trains, the run's and the model's, with the values they have or will have."""
        found = {
            name: (bounds, getattr(owner, name))
            for owner in self._configs()
            for name, bounds in controls(owner, live_only=True).items()
        }
        return {name: (bounds, self._pending.get(name, value)) for name, (bounds, value) in found.items()}

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        position = self._position
        speed = self._speed()
        left = max(0, self.total_steps - position.step)
        mean = position.mean.values() if position.mean.rows else {}
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
            loss=mean.get("loss"),
            message=self._message,
        )

    def _configs(self) -> list[Any]:
        own = getattr(self.model, "config", None)
        return [self.config, own] if dataclasses.is_dataclass(own) else [self.config]

    def _speed(self) -> float | None:
        """Return optimiser steps a second, over the last seconds."""
        ticks = list(self._ticks)
        if len(ticks) < 2 or ticks[-1][0] <= ticks[0][0]:
            return None
        return (ticks[-1][1] - ticks[0][1]) / (ticks[-1][0] - ticks[0][0])

    # ---- commands: they return at once and take effect after the step at work -----------------------------------

    def start(self, epochs: int | None = None) -> Self:
        """Train in a background thread; where it is paused, go on. `epochs` is as in `fit`."""
        with self._bell:
            if self._walker is not None:
                return self.resume()
            self._paused = False
            self._start_thread(epochs)
        return self

    def pause(self) -> Self:
        """Halt after the step at work; `resume` goes on, `step` takes single steps."""
        with self._bell:
            self._paused = self._walker is not None
        return self

    def resume(self) -> Self:
        """Go on after a pause."""
        with self._bell:
            self._paused = False
            self._bell.notify_all()
        return self

    def step(self, count: int = 1) -> Self:
        """Take `count` optimiser steps, and pause; a run that isn't training starts to, in the background."""
        with self._bell:
            self._paused = True
            self._steps_allowed += count
            if self._walker is None:
                self._start_thread(None)
            self._bell.notify_all()
        return self

    def stop(self) -> Self:
        """End the walk after the step at work; walking again goes on from there."""
        with self._bell:
            self._stopping = self._walker is not None
            self._bell.notify_all()
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
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
            if thread.is_alive():
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
            dataclasses.replace(owner, **{n: v for n, v in values.items() if hasattr(owner, n)})  # checks the bounds
        with self._bell:
            self._pending.update(values)
            if self._walker is None:
                self._apply_pending()
        return self

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(run, event)`` whenever something happens; return a function that ends it.

        Events are ``"state"``, ``"step"``, ``"epoch"`` and ``"tune"``. The call comes in the thread that trains: be quick,
        and don't print. An error in a listener is kept in `listener_errors` and doesn't disturb training.
        """
        self._listeners.append(listener)

        def stop_listening() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop_listening

    # ---- walking ------------------------------------------------------------------------------------------------

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
        left = max(0, goal * self.steps_per_epoch - self._position.step)
        with tqdm(total=left, unit="step", desc="Training") as bar:

            def advance(_: Run, event: Event) -> None:
                if event == "step":
                    bar.update()

            silence = self.listen(advance)
            try:
                for epoch in self._walk(epochs):
                    shown = epoch.valid or epoch.train
                    bar.set_postfix(epoch=epoch.number, **{("valid" if epoch.valid else "train"): f"{shown['loss']:.4g}"})
            finally:
                silence()
        return self

    def _goal(self, epochs: int | None) -> int:
        return self.config.epochs if epochs is None else len(self._epochs) + epochs

    def _start_thread(self, epochs: int | None) -> None:
        self.error = None
        self._walker = -1  # taken, until the thread has its own number
        self._thread = threading.Thread(target=self._walk_in_thread, args=(epochs,), name="genolab-run", daemon=True)
        self._thread.start()

    def _walk_in_thread(self, epochs: int | None) -> None:
        try:
            for _ in self._walk(epochs, claimed=True):
                pass
        except BaseException as error:  # noqa: BLE001 - wait() raises it in the thread that asks
            self.error = error

    def _walk(self, epochs: int | None, *, claimed: bool = False) -> Iterator[Epoch]:
        """Yield epochs until the goal; whatever ends the walk, the next one goes on from there."""
        with self._claim(claimed), cpu_threads(self.config.threads), self._mode_kept():
            goal = self._goal(epochs)
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
    def _claim(self, claimed: bool) -> Iterator[None]:  # noqa: FBT001 - private, one caller
        """Let one walk at a time have the run, and leave a true state behind it."""
        with self._bell:
            if self._walker is not None and not claimed:
                raise RuntimeError("this run is being trained already: wait() for it, or stop() it first")
            self._walker = threading.get_ident()
            self._stopping = self._interrupted = False
        self._ticks.clear()
        try:
            yield
        except GeneratorExit:
            self._end("stopped")
            raise
        except NonFiniteLossError as error:
            self._end("failed", str(error))
            raise
        except KeyboardInterrupt:
            self._end("stopped")
            raise
        except BaseException as error:
            self._end("failed", f"{type(error).__name__}: {error}")
            raise
        self._end("finished" if self._has_finished() else "stopped")

    def _end(self, state: State, message: str | None = None) -> None:
        if state == "finished" and self.config.restore_best and self._best is not None and self._last is None:
            self._last = self._engine.weights()
            self._engine.restore(self._best)
        with self._bell:
            self._walker = None
            self._paused = self._stopping = False
            self._steps_allowed = 0
            self._apply_pending()
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
            position.mean.add(self._take_step(batch), len(batch))
            position.step += 1
            position.in_epoch += 1
            self._tick()
            self._emit("step")
        if not self._obey():  # a pause or stop during the last step comes before the validation
            return None
        began = time.perf_counter()
        valid = self._engine.evaluate(self._valid_rows) if self._valid_rows is not None else {}
        position.seconds += time.perf_counter() - began
        return self._complete(valid)

    def _take_step(self, batch: Any) -> Losses:
        config = self.config
        try:
            return self._engine.step(
                batch,
                number=self._position.step,
                total=self.total_steps,
                learning_rate=config.learning_rate,
                weight_decay=config.weight_decay,
                clip_norm=config.clip_norm,
            )
        except NonFiniteLossError as error:
            raise NonFiniteLossError(
                f"training stopped: the {error} was not finite in epoch {len(self._epochs) + 1}, step "
                f"{self._position.step + 1:,}. The model has the weights from before that step. Lower the learning rate "
                f"(now {config.learning_rate:g}), set clip_norm, or look for extreme values in the data"
            ) from None

    def _complete(self, valid: Losses) -> Epoch:
        """Close the epoch: note it, keep its weights if it was the best, and tell the listeners."""
        position, best = self._position, self.best
        settings = {name: float(value) for name, (_, value) in self.live.items() if name not in self._pending}
        is_best = bool(valid) and math.isfinite(valid["loss"]) and (best is None or valid["loss"] < best.valid["loss"])
        number = len(self._epochs) + 1
        epoch = Epoch(number, position.step, position.mean.values(), valid, settings, position.seconds, is_best)
        if is_best:
            self._best = self._engine.weights()
        self._epochs.append(epoch)
        self._position = _Position(step=position.step)
        if self.config.keep_every and number % self.config.keep_every == 0:
            self._kept[number] = self._checkpoint()
        self._emit("epoch")
        return epoch

    def _obey(self) -> bool:
        """Carry out the commands that came in; return whether to go on."""
        with self._bell:
            self._apply_pending()
            while self._paused and not self._steps_allowed and not self._stopping:
                if self._state != "paused":
                    self._set_state("paused", self._summary())
                self._bell.wait(timeout=0.2)  # wakes by itself, so that an interrupt is seen on every platform
                self._ticks.clear()
                self._apply_pending()
            self._steps_allowed = max(0, self._steps_allowed - 1)
            stopping = self._stopping
        if self._state == "paused" and not stopping:
            self._set_state("running", self.plan)
        return not stopping

    def _apply_pending(self) -> None:
        """Make the changes that `tune` asked for, and note them."""
        if not self._pending:
            return
        for name, value in self._pending.items():
            for owner, place in zip(self._configs(), (self, self.model), strict=False):
                if name in controls(owner, live_only=True):
                    before = getattr(owner, name)
                    place.config = dataclasses.replace(owner, **{name: value})
                    if before != value:
                        change = Change(self._position.step, len(self._epochs), name, before, value)
                        self.changes.append(change)
        self._pending = {}
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
            self._interrupted = self._stopping = True

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

    def _tick(self) -> None:
        now = time.perf_counter()
        self._ticks.append((now, self._position.step))
        while now - self._ticks[0][0] > _SPEED_WINDOW_S:
            self._ticks.popleft()

    def _set_state(self, state: State, message: str) -> None:
        changed = state != self._state
        self._state, self._message = state, message
        if changed:
            self._emit("state")

    def _emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(self, event)
            except Exception as error:  # noqa: BLE001 - a broken screen must not stop training; the error is kept
                self.listener_errors.append(error)

    # ---- leaving and coming back --------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Write the run to one safetensors file: weights, optimiser, history and place, so that it can go on.

        Raises
        ------
        RuntimeError
            It is training; pause or stop it first.
        """
        if self._walker is not None and self._state == "running":
            raise RuntimeError("a run can't be saved in the middle of a step: pause() or stop() it first")
        return checkpoint.write(path, self._checkpoint())

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
        saved = checkpoint.read(path)
        facts = saved.facts
        if len(train) != facts["n_train"]:
            raise ValueError(
                f"a run goes on with the data it was trained on: {path} had {facts['n_train']:,} rows, got {len(train):,}. "
                "To train on other data, make a new Run(run.model, ...)"
            )
        run = cls(model or load_model(path), train, valid, RunConfig(**facts["config"]))
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
        import copy

        if epoch is not None and epoch not in self._kept:
            raise KeyError(f"epoch {epoch} was not kept; kept are {sorted(self._kept)}: set RunConfig(keep_every=1)")
        saved = self._checkpoint() if epoch is None else self._kept[epoch]
        own = {name for name in changes if name in {f.name for f in dataclasses.fields(RunConfig)}}
        config = dataclasses.replace(self.config, **{name: changes[name] for name in own})
        other = Run(copy.deepcopy(self.model), self.train, self.valid, config)
        other._restore(saved)
        return other.tune(**{name: value for name, value in changes.items() if name not in own})

    def _checkpoint(self) -> checkpoint.Checkpoint:
        groups = {
            "weights": self._last or self._engine.weights(),
            "moments": self._engine.moments(),
            "best": self._best or {},
        }
        tensors = {f"{group}:{name}": value for group, values in groups.items() for name, value in values.items()}
        own = getattr(self.model, "config", None)
        facts = {
            "model": type(self.model).__name__,
            "model_config": dataclasses.asdict(own) if dataclasses.is_dataclass(own) and not isinstance(own, type) else None,
            "config": dataclasses.asdict(self.config),
            "n_train": len(self.train),
            "position": self._position.facts(),
            "epochs": [dataclasses.asdict(epoch) for epoch in self._epochs],
            "changes": [dataclasses.asdict(change) for change in self.changes],
            "shows_best": self._last is not None,
        }
        return checkpoint.Checkpoint(tensors, facts)

    def _restore(self, saved: checkpoint.Checkpoint) -> None:
        groups: dict[str, Tensors] = {"weights": {}, "moments": {}, "best": {}}
        for key, value in saved.tensors.items():
            group, _, name = key.partition(":")
            groups[group][name] = value
        facts = saved.facts
        self._engine.restore(groups["weights"], groups["moments"])
        self._best = groups["best"] or None
        if facts["shows_best"] and self._best is not None:
            self._last = groups["weights"]
            self._engine.restore(self._best)
        self._position = _Position.from_facts(facts["position"])
        self._epochs = [Epoch(**epoch) for epoch in facts["epochs"]]
        self.changes = [Change(**change) for change in facts["changes"]]
        self._state = "finished" if self._has_finished() else "stopped" if self._position.step else "ready"
        self._message = self._summary()


def load_model(path: str | Path) -> nn.Module:
    """Rebuild one of genolab's models from a saved run, with the weights it had: all that `gl.infer` needs.

    Raises
    ------
    ValueError
        The file is damaged, or the model is of a class that isn't genolab's.
    """
    from genolab import models

    saved = checkpoint.read(path)
    name, config = saved.facts["model"], saved.facts["model_config"]
    if name not in models.__all__ or config is None:
        raise ValueError(
            f"{path} holds a {name}, which is none of genolab's models ({', '.join(models.__all__)}): "
            "build it yourself and pass it as Run.load(path, train, model=...)"
        )
    model: nn.Module = getattr(models, name)(**config)
    group = "best:" if saved.facts["shows_best"] else "weights:"
    model.load_state_dict({k.removeprefix(group): v for k, v in saved.tensors.items() if k.startswith(group)})
    return model.eval()


@dataclass
class _Position:
    """Where a walk is: steps done in all and in this epoch, and what this epoch has brought so far."""

    step: int = 0
    in_epoch: int = 0
    seconds: float = 0.0
    mean: RunningMean = dataclasses.field(default_factory=RunningMean)

    def facts(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "in_epoch": self.in_epoch,
            "seconds": self.seconds,
            "sums": self.mean.sums,
            "rows": self.mean.rows,
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        return cls(facts["step"], facts["in_epoch"], facts["seconds"], RunningMean(facts["sums"], facts["rows"]))
