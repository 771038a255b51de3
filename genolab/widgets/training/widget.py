"""A panel that drives a run: buttons, live sliders, progress and the loss curve, while the notebook stays free.

The panel only listens and sends commands: the run trains in its own thread, never waits for the screen, and gives the
same numbers bit for bit as without a panel. A `Pulse` carries its state to the browser, five times a
second while it trains and at once when its state changes.
"""

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets
from IPython.display import display, update_display

from genolab.run import Run, RunStatus
from genolab.widgets.shared import static
from genolab.widgets.shared.fields import accept, label, live_fields
from genolab.widgets.shared.linker import link
from genolab.widgets.training import progress
from genolab.widgets.training.throttle import Pulse

_HEARTBEAT: Final = 10  # beats without news, about two seconds, after which the browser hears that the kernel lives
_ROWS_PER_SECOND: Final = 1500  # a curve of more epochs is sent anew more seldom, however short the epochs are
_ENDED: Final = frozenset({"stopped", "finished", "failed"})
_COMMANDS: Final[Mapping[str, Callable[[Run], Run]]] = {
    "start": Run.start,
    "pause": Run.pause,
    "resume": Run.resume,
    "step": Run.step,
    "stop": Run.stop,
}


class TrainingPanel(anywidget.AnyWidget):
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

    _esm, _css = link(Path(__file__).with_name("view.js"))

    status = traitlets.Dict().tag(sync=True)
    columns = traitlets.Dict().tag(sync=True)
    curve = traitlets.Bytes(b"").tag(sync=True)
    changes = traitlets.List(traitlets.Dict()).tag(sync=True)
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    complaints = traitlets.Dict().tag(sync=True)
    answers = traitlets.Int(0).tag(sync=True)

    def __init__(self, run: Run, *, rows: str = "cells") -> None:
        self.run = run
        self._rows = rows
        self._fields, self._n_main = live_fields(run)
        self._curve = progress.Curve()
        self._curve_due = 0.0
        self._heard = self._refused = self._notice = ""
        self._complaints: dict[str, str] = {}
        self._refusals = self._still = self._beats = 0
        self._views: set[str] = set()
        self._shown = False
        self._lock = threading.Lock()  # traits are set by one thread at a time: ipywidgets doesn't see to that
        self._pulse = Pulse(self._tell)
        self._silence: Callable[[], None] | None = None
        super().__init__(fields=[dataclasses.asdict(field) for field in self._fields.values()])
        self.on_msg(self._hear)
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
            self._renew()

    def _stays_paused(self) -> bool:
        """Tell a paused run from one that was just told to go on, which takes a moment to wake."""
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

        silence = self.run.listen(note)
        try:
            if self.run.status.state == "ready":
                self.run.start()
            if self.run.status.state not in _ENDED:
                await ended.wait()
            self.run.wait()
        finally:
            silence()
            self._renew()

    def close(self) -> None:
        """Take the panel away; the run goes on."""
        self._views.clear()
        self._attend()
        super().close()

    # ---- showing --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the panel up to date; it does so by itself wherever a browser shows it."""
        now = self.run.status
        with self._lock, self.hold_sync():
            self.status = self._describe(now)
            self.values = {name: value for name, (_, value) in self.run.live.items()}
            self.complaints, self.answers = dict(self._complaints), self._refusals
            if len(self.changes) != len(self.run.changes):
                self.changes = [progress.change_facts(change, now.steps_per_epoch) for change in self.run.changes]
            if not self.columns or now.state != "running" or time.monotonic() >= self._curve_due:
                self._refresh_curve()

    def _refresh_curve(self) -> None:
        if not self._curve.update(self.run.epochs) and self.columns:
            return
        self._curve_due = time.monotonic() + len(self._curve) / _ROWS_PER_SECOND
        parts = self._curve.parts
        self.columns = {
            "parts": parts,
            "labels": [label(part) for part in parts],
            "valid": self._curve.has_valid,
            "main": self._n_main,
        }
        self.curve = self._curve.to_bytes()

    def _describe(self, now: RunStatus) -> dict[str, Any]:
        trained = sum(epoch.seconds for epoch in self.run.epochs) if now.state == "finished" else 0.0
        words = progress.words(now, rows=self._rows, seconds=trained)
        facts = {
            "state": now.state,
            "epoch": now.epoch,
            "epochs": now.epochs,
            "step": now.step,
            "fraction": now.fraction,
            "tip": progress.tip(now),
            "progress": words.progress,
            "pace": words.pace,
            "message": self._notice or now.message,
            "trouble": bool(self._notice) or now.state == "failed",
            "heard": self._heard,
            "refused": self._refused,
        }
        same = all(self.status.get(name) == value for name, value in facts.items())
        self._still = self._still + 1 if same else 0
        self._beats += same and self._still % _HEARTBEAT == 0
        return {**facts, "beat": self._beats}

    def _ipython_display_(self) -> None:
        # With an id, so that the picture in the notebook can be renewed once the run has ended.
        self._shown = True
        display(self._bundle(), raw=True, display_id=self.model_id)  # type: ignore[no-untyped-call]  # IPython's

    def _repr_mimebundle_(self, **_choice: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._bundle(), {}

    def _bundle(self) -> dict[str, Any]:
        self.refresh()
        picture = static.png(lambda figure: progress.draw(figure, self._curve, self.status, self.changes), height=3.6)
        return static.bundle(self.model_id, picture, repr(self))

    def _renew(self) -> None:
        self.refresh()
        if self._shown:
            update_display(self._bundle(), raw=True, display_id=self.model_id)  # type: ignore[no-untyped-call]

    # ---- between run and browser ------------------------------------------------------------------------------------

    def _tell(self) -> bool:
        try:
            self.refresh()
        except Exception as error:  # noqa: BLE001 - a broken screen must not print into a cell or stop anything
            self.run.listener_errors.append(error)
        return bool(self.status["state"] == "running")

    def _note(self, _run: Run, event: str) -> None:
        if event in {"state", "tune"}:  # steps and epochs are looked up by the pulse while it beats
            self._pulse.wake()

    def _attend(self) -> None:
        """Listen to the run while someone looks, and only then."""
        if self._views and self._silence is None:
            self._silence = self.run.listen(self._note)
        elif not self._views and self._silence is not None:
            self._silence()
            self._silence = None
            self._pulse.stop()
        if self._views:
            self._pulse.start()

    def _hear(self, _widget: object, message: dict[str, Any], _buffers: object) -> None:
        """Take a message from the browser; it comes in the kernel's main thread or in one for widgets."""
        view, do = str(message.get("view", "")), message.get("do")
        if do == "watch" and not message.get("on"):
            self._views.discard(view)
        else:
            self._views.add(view)
        if do != "watch":
            self._heard = str(message.get("id", ""))
            done = self._tune(message) if do == "tune" else self._command(message)
            self._refused = self._refused if done else self._heard
        self._attend()

    def _command(self, message: Mapping[str, Any]) -> bool:
        # A click that waited behind a busy cell was meant for what was seen then: it must not start a finished run.
        if message.get("do") not in _COMMANDS or message.get("seen") != self.run.status.state:
            return False
        try:
            _COMMANDS[message["do"]](self.run)
        except Exception as error:  # noqa: BLE001 - shown to the user, who clicked and sees no traceback
            self._notice = str(error)
            return False
        self._notice = ""
        return True

    def _tune(self, message: Mapping[str, Any]) -> bool:
        field = self._fields.get(message.get("name", ""))
        if field is None:
            return False
        try:
            self.run.tune(**{field.name: accept(field, message.get("value"))})  # type: ignore[arg-type] # a live control may be off
        except ValueError as error:
            self._complaints = {**self._complaints, field.name: str(error)}
            self._refusals += 1
            return False
        self._complaints = {name: text for name, text in self._complaints.items() if name != field.name}
        return True
