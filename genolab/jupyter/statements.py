"""The end of a lesson: which of its statements hold here, and what to do about those that don't.

>>> check({"1. The loss fell": lambda: run.best.valid["loss"] < 0.9 * run.history["valid_loss"].iloc[0]})
"""

from collections.abc import Callable, Mapping
from typing import Any

from genolab.run import Run


class CheckError(AssertionError):
    """What a notebook states doesn't hold here."""


def check(statements: Mapping[str, Callable[[], Any]]) -> None:
    """Print of each statement whether it holds, and raise a `CheckError` with what to do where one doesn't.

    A statement is tested by a function without arguments, so that one that can't be computed hides no other.
    """
    faults = {text: _fault(test) for text, test in statements.items()}
    for text, fault in faults.items():
        known = "holds  " if fault is None else "fails  " if fault is False else "unknown"
        print(known, text if not fault else f"{text} ({type(fault).__name__}: {fault})")
    if failed := [text for text, fault in faults.items() if fault is not None]:
        steps = _steps(next(iter(statements.values())).__globals__, list(faults.values()))
        raise CheckError(f"{len(failed)} of {len(faults)} statements can't be confirmed: {'; '.join(failed)}\n{steps}")


def _fault(test: Callable[[], Any]) -> Exception | bool | None:
    """Return ``None`` where a statement holds, False where it doesn't, and why that can't be computed."""
    try:
        return None if test() else False
    except Exception as error:  # noqa: BLE001, whatever it is, the statement isn't known to hold
        return error


def _steps(names: Mapping[str, Any], faults: list[Exception | bool | None]) -> str:
    """Say what a learner does next: end a training, run what was left out, or begin anew."""
    runs = {name: value.status for name, value in names.items() if isinstance(value, Run) and not name.startswith("_")}
    steps = [
        f"{name} has trained {status.epoch} of {status.epochs} epochs: press Start or Go on in its panel, wait for the "
        "end, and run the cells below it again"
        for name, status in runs.items()
        if status.state != "finished"
    ]
    if missing := sorted({str(fault.name) for fault in faults if isinstance(fault, NameError)}):
        steps.append(f"run the cells that make {', '.join(missing)} (menu Run, Run All Above Selected Cell)")
    begin_anew = (
        "begin anew, with the settings as they came (menu Run, Restart Kernel and Run up to Selected Cell): a setting "
        "or the data were changed, a cell was left out, or chance has moved a figure"
    )
    return "\n".join(f"To do: {step}" for step in steps or [begin_anew])
