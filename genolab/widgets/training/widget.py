"""A panel that drives a run: buttons, live sliders, progress and the loss curve, while the notebook stays free.

The panel only listens and sends commands: the run trains in its own thread, never waits for the screen, and gives the
same numbers bit for bit as without a panel. A `Throttle` carries its state to the browser, five times a second while it
trains and at once when its state changes.
"""

import asyncio
import dataclasses
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import traitlets as t

from genolab.run import Run, RunStatus
from genolab.run.background import training_runs
from genolab.widgets.shared import static
from genolab.widgets.shared.base import NotebookWidget
from genolab.widgets.training import progress
from genolab.widgets.training.fields import label, live_fields
from genolab.widgets.training.throttle import Throttle

_HEARTBEAT: Final = 10  # calls without news, about two seconds, after which the browser hears that the kernel lives
_ROWS_PER_SECOND: Final = 1500  # a curve of more epochs is sent anew more seldom, however short the epochs are
_ENDED: Final = frozenset({"stopped", "finished", "failed"})
_COMMANDS: Final[Mapping[str, Callable[[Run], Run]]] = {
    "start": Run.start,
    "more": Run.start,
    "back": Run.go_back,
    "pause": Run.pause,
    "resume": Run.resume,
    "step": Run.step,
    "stop": Run.stop,
}


class TrainingPanel(NotebookWidget):
    """Drive a run from the notebook: start, pause, go on, step, stop, and turn what may change while it trains.

    Keys, while the focus is in the panel: P pauses and goes on, S takes one step, Tab goes from control to control,
    Space or Enter presses a button, the arrow keys move a slider and read the curve epoch by epoch.

    The panel follows the run wherever it is driven from: from here, from another panel, or from code. It may be shown
    again, and in several places; without a browser it costs nothing. Closing or losing it does not stop the run: where
    one still trains that no panel shows, such as after its cells were run again, the other panels say so, and show it
    or stop it at a click.

    Parameters
    ----------
    run
        The `Run` to drive.
    rows
        What a row of the data is called: the speed is shown in ``"cells"`` a second, or ``"sequences"``.

    Attributes
    ----------
    run : Run
        The run.
    status : dict
        What the panel shows, to be read only: ``state``, ``progress`` and ``pace`` in words, ``message`` and more.

    Examples
    --------
    >>> panel = gl.widgets.TrainingPanel(run)
    >>> panel  # a cell shows it
    >>> panel.wait()  # goes on once the run has ended; starts it if nobody has
    """

    _panels: ClassVar["weakref.WeakSet[TrainingPanel]"] = weakref.WeakSet()

    status = t.Dict().tag(sync=True)
    columns = t.Dict().tag(sync=True)  # of the curve: parts of the loss, their labels, whether there is validation
    curve = t.Bytes(b"").tag(sync=True)  # (epochs, columns) float32
    changes = t.List(t.Dict()).tag(sync=True)
    controls = t.Dict().tag(sync=True)  # fields, and how many of them are always in sight
    values = t.Dict().tag(sync=True)
    others = t.Dict().tag(sync=True)  # what to say of each run that trains and that no panel shows

    def __init__(self, run: Run, *, rows: str = "cells") -> None:
        self._rows = rows
        self._hint = ""  # how to reach a run that it wasn't made for
        self._unchanged = self._heartbeats = 0
        self._views: dict[str, bool] = {}  # those on the page, and whether they are in sight
        self._throttle = Throttle(self._refresh_quietly)
        self._stop_listening: Callable[[], None] | None = None
        super().__init__()
        self._show(run)
        TrainingPanel._panels = weakref.WeakSet([*TrainingPanel._panels, self])  # anew: another thread may read it

    def __repr__(self) -> str:
        return f"TrainingPanel({self.status['progress']}, {self.status['pace']})"

    # ---- waiting --------------------------------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> None:
        """Block until the run has ended, and start it if nobody has; a notebook run without a screen needs this.

        While a cell blocks, clicks may not reach the kernel: where someone sits at the panel, prefer
        ``await panel.finished()``. Interrupting the kernel ends the wait, not the training.

        Parameters
        ----------
        timeout
            Seconds to wait at most; ``None``: without end.

        Raises
        ------
        RuntimeError
            The run is paused, so that waiting would never end.
        TimeoutError
            It still trains after `timeout` seconds.
        NonFiniteLossError
            Training met NaN or infinity.
        """
        if self._stays_paused():
            raise RuntimeError(
                "the run is paused, and a cell that waits may keep the panel's clicks from arriving: press Go on "
                "first, or call run.resume(), or use `await panel.finished()`"
            )
        if self.run.status.state == "ready":
            self.run.start()
        try:
            self.run.wait(timeout)
        finally:
            self._update_picture()

    def _stays_paused(self) -> bool:
        """Return whether the run is paused, and not one that was just told to go on, which takes a moment to wake."""
        for _ in range(30):
            if self.run.status.state != "paused":
                return False
            time.sleep(0.01)
        return True

    async def finished(self) -> None:
        """Wait until the run has ended, with the panel's buttons alive; start it if nobody has.

        ``await panel.finished()`` keeps its cell busy, so that the cells below wait too. Interrupting the kernel ends
        the wait, not the training.

        Raises
        ------
        NonFiniteLossError
            Training met NaN or infinity.
        """
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def note(run: Run, event: str) -> None:
            if event == "state" and run.status.state in _ENDED:
                loop.call_soon_threadsafe(ended.set)

        stop_listening = self.run.listen(note)
        try:
            if self.run.status.state == "ready":
                self.run.start()
            if self.run.status.state not in _ENDED:
                await ended.wait()
            self.run.wait()
        finally:
            stop_listening()
            self._update_picture()

    def close(self) -> None:
        """Take the panel away; the run goes on."""
        self._views.clear()
        self._update_listener()
        super().close()

    # ---- showing --------------------------------------------------------------------------------------------------

    def _show(self, run: Run) -> None:
        """Show a run from now on."""
        self._stop_to_listen()
        with self._lock, self.hold_sync():
            self.run = run
            self._fields, n_main = live_fields(run)
            self._curve, self._curve_due = progress.LossCurve(), 0.0
            self.columns, self.changes = {}, []
            self.controls = {"fields": [dataclasses.asdict(field) for field in self._fields.values()], "main": n_main}
            self.refresh()
        self._update_listener()

    def refresh(self) -> None:
        """Bring the panel up to date; it does so by itself wherever a browser shows it."""
        with self._lock, self.hold_sync():
            now = self.run.status
            if self._is_error and now.state != self.status["state"]:  # what failed has been done otherwise
                self._publish(message="", _is_error=False)
            self.status = self._describe(now)
            self.others = {str(id(run)): self._describe_other(run) for run in self._unseen_runs()}
            self.values = {name: value for name, (_, value) in self.run.live.items()}
            if len(self.changes) != len(self.run.changes):
                self.changes = [progress.change_facts(change, now.steps_per_epoch) for change in self.run.changes]
            if not self.columns or now.state != "running" or time.monotonic() >= self._curve_due:
                self._refresh_curve()

    def _refresh_curve(self) -> None:
        if not self._curve.update(self.run.epochs) and self.columns:
            return
        self._curve_due = time.monotonic() + len(self._curve) / _ROWS_PER_SECOND
        parts = self._curve.parts
        self.columns = {"parts": parts, "labels": [label(part) for part in parts], "valid": self._curve.has_valid}
        self.curve = self._curve.to_bytes()

    def _describe(self, now: RunStatus) -> dict[str, Any]:
        trained = sum(epoch.seconds for epoch in self.run.epochs) if now.state == "finished" else 0.0
        text = progress.status_text(now, rows=self._rows, seconds=trained)
        facts = {
            "state": now.state,
            "epoch": now.epoch,
            "epochs": now.epochs,
            "step": now.step,
            "fraction": now.fraction,
            "so_far": progress.epoch_so_far(now),
            "progress": text.progress,
            "pace": text.pace,
            "message": now.message + self._hint,
            "back_to": [[epoch, f"Back to {name}"] for epoch, name in now.back_to.items()],
            "speed_limit": now.speed_limit,
        }
        is_same = all(self.status.get(name) == value for name, value in facts.items())
        self._unchanged = self._unchanged + 1 if is_same else 0
        self._heartbeats += is_same and self._unchanged % _HEARTBEAT == 0
        return {**facts, "heartbeat": self._heartbeats}

    def _unseen_runs(self) -> list[Run]:
        """Return the other runs that train, or are paused, and that no panel on a page shows."""
        seen = {panel.run for panel in TrainingPanel._panels if panel._views} | {self.run}
        return [run for run in training_runs() if run not in seen and run.status.state not in _ENDED]

    def _describe_other(self, run: Run) -> str:
        text = progress.status_text(run.status, rows=self._rows)
        whose = " of the same model" if run.model is self.run.model else ""
        which = f"{type(run.model).__name__}, {text.progress}, {text.pace}"
        return f"Another run{whose}, which no panel shows: {which}."

    def png(self) -> bytes:
        """Draw the loss by epoch, what was changed when, and the state in a line, as a PNG."""
        self.refresh()
        return static.png(lambda figure: progress.draw(figure, self._curve, self.status, self.changes), height=3.6)

    def _update_picture(self) -> None:
        self.refresh()
        super()._update_picture()

    # ---- between run and browser ------------------------------------------------------------------------------------

    def _refresh_quietly(self) -> bool:
        try:
            self.refresh()
        except Exception as error:  # noqa: BLE001 - a broken screen must not print into a cell or stop anything
            self.run.listener_errors.append(error)
        return bool(self.others or self.status["state"] == "running")

    def _listen(self, _run: Run, event: str) -> None:
        if event in {"state", "tune"}:  # steps and epochs are looked up by the throttle while the run trains
            self._throttle.wake()

    def _update_listener(self) -> None:
        """Listen to the run while someone looks, and only then."""
        if not any(self._views.values()):
            self._stop_to_listen()
            self._throttle.stop()
            return
        if self._stop_listening is None:
            self._stop_listening = self.run.listen(self._listen)
        self._throttle.start()

    def _stop_to_listen(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _handle(self, kind: str, content: dict[str, Any]) -> bool | str:
        """Return whether it was done, or the complaint about a value; called in the main thread or one for widgets."""
        self._throttle.wake()
        if kind == "watch":
            return self._watch(content["view"], content["on"])
        if kind == "tune":
            return self._tune(content["name"], content["value"])
        if kind == "limit":
            self.run.limit_speed(content["value"])
            return True
        if kind in {"show", "end"}:
            return self._turn_to(content["run"], is_end=kind == "end")
        # A click that waited behind a busy cell was meant for what was seen then: it must not start a finished run.
        if kind not in _COMMANDS or content["seen"] != self.run.status.state:
            return False
        _COMMANDS[kind](self.run, *([content["epochs"]] if "epochs" in content else []))
        return True

    def _watch(self, view: str, is_seen: bool | None) -> bool:
        """Note that a view came into sight or went out of it, or (``None``) was taken from the page."""
        if is_seen is None:
            self._views.pop(view, None)
        else:
            self._views[view] = is_seen
        self._update_listener()
        return True

    def _turn_to(self, key: str, *, is_end: bool) -> bool:
        """Stop a run that no panel shows, or show it."""
        run = next((each for each in self._unseen_runs() if str(id(each)) == key), None)
        if run is not None and is_end:
            run.stop()
        elif run is not None:
            self._hint = " For the cells below, this is: run = panel.run; model = run.model"
            self._show(run)
        return run is not None

    def _tune(self, name: str, value: object) -> str:
        try:
            self.run.tune(**{name: self._fields[name].accept(value)})  # type: ignore[arg-type] # a live control may be off
        except ValueError as error:
            return str(error)
        return ""
