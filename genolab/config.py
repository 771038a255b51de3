"""A config is a frozen dataclass, and its fields are the controls.

A field made by `control` carries what a person needs to turn it safely: its bounds, its scale, whether it may change
while a model trains, and one sentence of help. `check` holds a config to its bounds, and a widget is made from the
same metadata, so that code and screen can't disagree.
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
    """What a person may do with one field of a config.

    Attributes
    ----------
    low, high
        Bounds, both included.
    scale
        How a slider moves: ``"linear"``, or ``"log"`` for quantities that are compared by their ratio.
    live
        Whether the field may change while a model trains.
    help
        One sentence: what it does.
    unit
        Unit of the value, as shown behind it; empty where there is none.
    """

    low: float
    high: float
    scale: Scale = "linear"
    live: bool = False
    help: str = ""
    unit: str = ""


def control(
    default: Any,
    *,
    low: float,
    high: float,
    scale: Scale = "linear",
    live: bool = False,
    help: str = "",
    unit: str = "",
) -> Any:
    """Make a dataclass field that carries a `Control`; see there for the meaning of the arguments.

    ``None`` as a default means "off" or "decided by a stated rule", and is always within the bounds.
    """
    return field(default=default, metadata={"control": Control(low, high, scale, live, help, unit)})


def controls(config: "DataclassInstance", *, live_only: bool = False) -> dict[str, Control]:
    """Name the fields of `config` that carry a `Control`, in their order; with `live_only`, those that may change."""
    found = {f.name: f.metadata["control"] for f in dataclasses.fields(config) if "control" in f.metadata}
    return {name: c for name, c in found.items() if c.live or not live_only}


def check(config: "DataclassInstance") -> None:
    """Hold every field of `config` to its bounds; a config calls this in ``__post_init__``.

    Raises
    ------
    ValueError
        A value is out of bounds or is no finite number.
    """
    for name, bounds in controls(config).items():
        value = getattr(config, name)
        if value is None:
            continue
        known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not (known and bounds.low <= value <= bounds.high):
            raise ValueError(
                f"{type(config).__name__}.{name} must be between {bounds.low:g} and {bounds.high:g}, "
                f"got {value!r}. {bounds.help}".rstrip()
            )
