"""A panel that drives a run: buttons, live sliders, progress and the loss curve, while the notebook stays free.

The panel only listens and sends commands: the run trains in its own thread, never waits for the screen, and gives the
same numbers bit for bit as without a panel. A `Throttle` carries its state to the browser, five times a second while it
trains and at once when its state changes.
"""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import traitlets as t

from genolab.run import Run, RunStatus
from genolab.widgets.shared import static
from genolab.widgets.shared.base import NotebookWidget
from genolab.widgets.training import progress
from genolab.widgets.training.fields import label, live_fields
from genolab.widgets.training.throttle import Throttle

_HEARTBEAT: Final = 10  # calls without news, about two seconds, after which the browser hears that the kernel lives
_ROWS_PER_SECOND: Final = 1500  # a curve of more epochs is sent anew more seldom, however short the epochs are
_ENDED: Final = frozenset({"stopped", "finished", "failed"})
_COMMANDS: Final[Mapping[str, Callable[[Run], Run]]] = {
    "start": lambda run: (run if run.status.back_to is None else run.go_back()).start(),
    "pause": Run.pause,
    "resume": Run.resume,
    "step": Run.step,
    "stop": Run.stop,
}


class TrainingPanel(NotebookWidget):
    """Drive a run from the notebook: start, pause, step, stop, and turn what may change while it trains.

    Keys, while the focus is in the panel: P pauses and goes on, S takes one step, Tab goes from control to control,
    Space or Enter presses a button, the arrow keys move a slider and read the curve epoch by epoch.

    The panel follows the run wherever it is driven from: from here, from another panel, or from code. It may be shown
    again, and in several places; without a browser it costs nothing. Closing or losing it does not stop the run.

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

    status = t.Dict().tag(sync=True)
    columns = t.Dict().tag(sync=True)  # of the curve: parts of the loss, their labels, whether there is validation
    curve = t.Bytes(b"").tag(sync=True)  # (epochs, columns) float32
    changes = t.List(t.Dict()).tag(sync=True)
    controls = t.Dict().tag(sync=True)  # fields, and how many of them are always in sight
    values = t.Dict().tag(sync=True)

    def __init__(self, run: Run, *, rows: str = "cells") -> None:
        self.run = run
        self._rows = rows
        self._fields, n_main = live_fields(run)
        self._curve = progress.LossCurve()
        self._curve_due = 0.0
        self._unchanged = self._heartbeats = 0
        self._views: set[str] = set()
        self._throttle = Throttle(self._refresh_quietly)
        self._stop_listening: Callable[[], None] | None = None
        fields = [dataclasses.asdict(field) for field in self._fields.values()]
        super().__init__(controls={"fields": fields, "main": n_main})
        self.refresh()

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
                "the run is paused, and a cell that waits may keep the panel's clicks from arriving: press Resume "
                "first, or call run.resume(), or use `await panel.finished()`"
            )
        if self.run.status.state == "ready":
            self.run.start()
        try:
            self.run.wait(timeout)
        finally:
            self._update_picture()

    def _stays_paused(self) -> bool:
        """Return whether the run is paused, and not one that was just resumed, which takes a moment to wake."""
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

    def refresh(self) -> None:
        """Bring the panel up to date; it does so by itself wherever a browser shows it."""
        now = self.run.status
        with self._lock, self.hold_sync():
            self.status = self._describe(now)
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
            "message": now.message,
            "back_to": now.back_to,
        }
        is_same = all(self.status.get(name) == value for name, value in facts.items())
        self._unchanged = self._unchanged + 1 if is_same else 0
        self._heartbeats += is_same and self._unchanged % _HEARTBEAT == 0
        return {**facts, "heartbeat": self._heartbeats}

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
        return bool(self.status["state"] == "running")

    def _listen(self, _run: Run, event: str) -> None:
        if event in {"state", "tune"}:  # steps and epochs are looked up by the throttle while the run trains
            self._throttle.wake()

    def _update_listener(self) -> None:
        """Listen to the run while someone looks, and only then."""
        if self._views and self._stop_listening is None:
            self._stop_listening = self.run.listen(self._listen)
        elif not self._views and self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None
            self._throttle.stop()
        if self._views:
            self._throttle.start()

    def _handle(self, kind: str, content: dict[str, Any]) -> bool | str:
        """Return whether it was done, or the complaint about a value; called in the main thread or one for widgets."""
        self._throttle.wake()
        if kind == "watch":
            (self._views.add if content["on"] else self._views.discard)(content["view"])
            self._update_listener()
            return True
        if kind == "tune":
            return self._tune(content["name"], content["value"])
        # A click that waited behind a busy cell was meant for what was seen then: it must not start a finished run.
        if kind not in _COMMANDS or content["seen"] != self.run.status.state:
            return False
        _COMMANDS[kind](self.run)
        return True

    def _tune(self, name: str, value: object) -> str:
        try:
            self.run.tune(**{name: self._fields[name].accept(value)})  # type: ignore[arg-type] # a live control may be off
        except ValueError as error:
            return str(error)
        return ""
