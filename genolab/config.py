"""A config is a frozen dataclass, and its fields are the controls.

A field made by `control` carries what a person needs to turn it safely: its bounds, its scale, whether it may change
while a model trains, and one sentence of help. `check` compares a config with its bounds, and a widget is made from
the same metadata, so that code and screen can't disagree.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Control:
    """What a person may do with one field of a config."""

    low: float  # bounds, both included
    high: float
    scale: Scale = "linear"  # "log" for quantities that are compared by their ratio
    live: bool = False  # whether the field may change while a model trains
    slider: tuple[float, float] | None = None  # the usual part of the bounds, which a slider spans
    help: str = ""  # one sentence: what it does
    unit: str = ""  # as shown behind the value


def control(
    default: Any,
    *,
    low: float,
    high: float,
    scale: Scale = "linear",
    live: bool = False,
    slider: tuple[float, float] | None = None,
    help: str = "",
    unit: str = "",
) -> Any:
    """Make a dataclass field that carries a `Control`; None as a default is always within the bounds."""
    return field(default=default, metadata={"control": Control(low, high, scale, live, slider, help, unit)})


def share_control(default: float, help: str, *, high: float = 0.9) -> Any:
    """Make a field for a share, such as dropout, that may change while a model trains."""
    return control(default, low=0, high=high, live=True, help=help)


def controls(config: "DataclassInstance", *, live_only: bool = False) -> dict[str, Control]:
    """Return the controls of a config by field, in order; with `live_only`, those that may change in training."""
    all_controls = {f.name: f.metadata["control"] for f in dataclasses.fields(config) if "control" in f.metadata}
    return {name: c for name, c in all_controls.items() if c.live or not live_only}


def check(config: "DataclassInstance") -> None:
    """Raise ValueError unless every field is a finite number within its bounds; call it in ``__post_init__``."""
    for name, bounds in controls(config).items():
        value = getattr(config, name)
        if value is None:
            continue
        finite = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not (finite and bounds.low <= value <= bounds.high):
            raise ValueError(
                f"{type(config).__name__}.{name} must be between {bounds.low:g} and {bounds.high:g}, "
                f"got {value!r}. {bounds.help}".rstrip()
            )
