"""A run's progress in words, in numbers and as a static picture, as the training panel shows it."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab import palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genolab.run import Change, Epoch, RunStatus

_MOST_ROWS: Final = 2000  # of more epochs every second, third ... is sent: no screen is wider
_BLUE, _VERMILLION = palette.OKABE_ITO[0], palette.OKABE_ITO[3]


class StatusText(NamedTuple):
    """A run's place and pace in words."""

    progress: str
    pace: str


def status_text(status: "RunStatus", *, rows: str = "cells", seconds: float = 0.0) -> StatusText:
    """Put a status in words: ``("12 of 30 epochs", "41 s left, 9,800 cells/s")``; `seconds` it took, once finished."""
    epochs = "1 epoch" if status.epochs == 1 else f"{status.epochs:,} epochs"
    done = f"{status.epoch:,} of {epochs}"
    if status.state == "running":
        left = "" if status.seconds_left is None else f"{duration(status.seconds_left)} left"
        speed = "" if status.rows_per_second is None else f"{_two_digits(status.rows_per_second)} {rows}/s"
        return StatusText(done, ", ".join(filter(None, (left, speed))) or "starting")
    return StatusText(
        done,
        {
            "ready": "not started",
            "paused": f"paused at step {status.step:,}",
            "stopped": f"stopped at step {status.step:,}",
            "finished": f"finished in {duration(seconds)}",
            "failed": f"failed at step {status.step + 1:,}",
        }[status.state],
    )


def duration(seconds: float) -> str:
    """Put a time in words: ``"41 s"``, ``"3 min 20 s"``, ``"2 h 1 min"``."""
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds < 1 else f"{whole} s"
    if whole < 60:
        return f"{whole} s"
    minutes, hours = divmod(whole, 60), divmod(whole // 60, 60)
    return f"{minutes[0]} min {minutes[1]} s" if whole < 3600 else f"{hours[0]} h {hours[1]} min"


def _two_digits(value: float) -> str:
    """Round to two digits, since a speed is never steadier than that: 9,812 becomes ``"9,800"``."""
    if value < 10:
        return f"{value:.2g}"
    power = 10 ** (math.floor(math.log10(value)) - 1)
    return f"{round(value / power) * power:,.0f}"


def change_facts(change: "Change", steps_per_epoch: int) -> dict[str, Any]:
    """Give a change's facts, with its place on the curve's axis, ``at``, in epochs."""
    return {
        "epoch": change.epoch,
        "step": change.step,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "at": change.step / max(1, steps_per_epoch),
    }


def epoch_so_far(status: "RunStatus") -> list[float] | None:
    """Give the end of the curve inside the epoch at work: its place in epochs, and the mean loss so far."""
    if status.loss is None or not math.isfinite(status.loss):
        return None
    return [status.step / max(1, status.steps_per_epoch), status.loss]


class LossCurve:
    """The losses of a run by epoch, read as they come.

    `parts` are ``"loss"`` and its parts, each one number an epoch; what a model gives for each of many dimensions is
    left out.
    """

    def __init__(self) -> None:
        self.parts: list[str] = ["loss"]
        self.has_valid = False
        self._n = 0
        self._newest: Epoch | None = None
        self._rows = np.empty((0, 2), dtype=np.float32)  # with room to grow: an epoch costs the same late and early

    def update(self, epochs: "Sequence[Epoch]") -> bool:
        """Read the epochs that are new; return whether there are any."""
        is_longer = len(epochs) >= self._n and (not self._n or epochs[self._n - 1] is self._newest)  # not gone back
        if is_longer and len(epochs) == self._n:
            return False
        if not self._n or not is_longer:
            self._begin(epochs)
        if len(epochs) > len(self._rows):
            more = np.empty((len(epochs) + 64, self._rows.shape[1]), dtype=np.float32)
            self._rows = np.concatenate([self._rows[: self._n], more])
        with np.errstate(over="ignore"):  # a loss beyond float32 is off any axis
            for i in range(self._n, len(epochs)):
                self._rows[i] = self._row(epochs[i])
        self._n, self._newest = len(epochs), epochs[-1] if epochs else None
        return True

    def _begin(self, epochs: "Sequence[Epoch]") -> None:
        self._n = 0
        if epochs:
            self.parts = [part for part in epochs[0].train if not part.rpartition("_")[2].isdigit()]
            self.has_valid = bool(epochs[0].valid)
        self._rows = np.empty((0, 1 + len(self.parts) * (2 if self.has_valid else 1)), dtype=np.float32)

    def _row(self, epoch: "Epoch") -> list[float]:
        sides = (epoch.train, epoch.valid) if self.has_valid else (epoch.train,)
        return [epoch.number, *(side.get(part, math.nan) for side in sides for part in self.parts)]

    def __len__(self) -> int:
        return self._n

    def table(self) -> NDArray[np.float32]:
        """Return one row an epoch: its number, the training loss of each part, the validation loss of each part."""
        return self._rows[: self._n][:: max(1, math.ceil(self._n / _MOST_ROWS))]

    def to_bytes(self) -> bytes:
        """Return the table for the browser, float32 by rows."""
        return self.table().tobytes()


def draw(figure: "Figure", curve: LossCurve, status: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> None:
    """Draw the panel's static picture: the loss by epoch, what was changed when, and the state in a line."""
    axes = figure.add_subplot()
    table = curve.table().astype(np.float64)
    n = len(curve.parts)
    lines = [("train", table[:, 1], "-", _BLUE)]
    if curve.has_valid:
        lines.append(("valid", table[:, 1 + n], "--", _VERMILLION))
    for name, losses, dash, colour in lines:
        finite = losses[np.isfinite(losses)]
        text = f"{name} {finite[-1]:#.4g}".rstrip(".") if len(finite) else name
        axes.plot(table[:, 0], losses, dash, color=colour, label=text, marker="o" if len(table) == 1 else None)
    for change in changes:
        axes.axvline(change["at"], color=palette.NONE, linestyle=":", linewidth=1)
    _finish(axes, [losses for _, losses, _, _ in lines], last=max(1, int(status["epochs"])))
    axes.set_title(f"{status['progress']}, {status['pace']}", loc="left", fontsize=10)
    figure.tight_layout()


def _finish(axes: "Axes", lines: Sequence[NDArray[np.float64]], *, last: int) -> None:
    axes.set(xlabel="epochs", ylabel="loss", xlim=(0, last))
    axes.spines[["top", "right"]].set_visible(False)
    limits = robust_range(np.concatenate(lines), [line[-1] for line in lines if len(line)])
    if limits:
        axes.set_ylim(*limits)
        axes.legend(frameon=False, loc="upper right")


def robust_range(losses: NDArray[np.float64], latest: Sequence[float]) -> tuple[float, float] | None:
    """Give the range of a loss axis, as `curve.js` does: first epochs far above all that follow run off the top.

    The `latest` losses lie in it; ``None`` where nothing is finite.
    """
    finite = np.sort(losses[np.isfinite(losses)])
    if not len(finite):
        return None
    low, high = float(finite[0]), float(finite[-1])
    usual = float(finite[int(0.85 * (len(finite) - 1))])
    if len(finite) >= 6 and low < usual and high > low + 8 * (usual - low):
        high = max([low + 3 * (usual - low), *(value for value in latest if math.isfinite(value))])
    room = 0.06 * ((high - low) or abs(high) or 1.0)
    return low - room, high + room
