"""The live controls of a run: each a number, with what its config says of it, held to its bounds when it comes back."""

import dataclasses
import math
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Union, get_args, get_origin, get_type_hints

from genolab.config import Control, Scale, controls

if TYPE_CHECKING:
    from genolab.run import Run

# Parts of field names that aren't written as they are spoken.
_WORDS: Final = {"kl": "KL", "dna": "DNA", "rna": "RNA", "gru": "GRU", "n": "number of", "id": "ID"}
# Whole numbers that reach over more than three decades (1 to a million epochs) are set by their ratio on a slider.
_WIDE: Final = 1000


@dataclass(frozen=True)
class Field:
    """One control: a slider and a box to type in.

    Attributes
    ----------
    name, label
        The config's field, and how it is called on the screen.
    low, high, slider, scale, integer
        Its bounds, both included, the part of them that the slider spans, where less, how it moves, and whether only
        whole numbers are meant.
    optional
        Whether the value may be ``None``, shown as "off".
    help, unit
        One sentence for the tooltip; what stands behind the value.
    """

    name: str
    label: str
    low: float = 0.0
    high: float = 1.0
    slider: tuple[float, float] | None = None
    scale: Scale = "linear"
    integer: bool = False
    optional: bool = False
    help: str = ""
    unit: str = ""

    def accept(self, value: object) -> float | int | None:
        """Return a value from the screen in the field's type; the message of an error fits below the control."""
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{self.label} is a number, not {value!r}.")
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.label} is between {self.low:g} and {self.high:g}, not {value:g}.")
        if not self.integer:
            return float(value)
        if value != round(value):
            raise ValueError(f"{self.label} is a whole number, not {value:g}.")
        return round(value)


def label(name: str) -> str:
    """Put a field's name in words: ``"kl_weight"`` becomes ``"KL weight"``."""
    words = " ".join(_WORDS.get(word, word) for word in name.split("_") if word)
    return words[:1].upper() + words[1:]


def number_field(name: str, bounds: Control, value: float | None, *, hint: object = None) -> Field:
    """Describe the control of one number.

    Where its type, such as ``int | None``, isn't known, the present value decides whether whole numbers are meant and
    whether it may be off.
    """
    is_union = get_origin(hint) in {Union, types.UnionType}
    kinds = set(get_args(hint)) if is_union else {hint}
    integer = float not in kinds if kinds & {int, float} else isinstance(value, int)
    optional = value is None or types.NoneType in kinds
    is_wide = integer and bounds.high > _WIDE * max(1, bounds.low)
    scale: Scale = "log" if is_wide else bounds.scale
    limits = (bounds.low, bounds.high, bounds.slider)
    return Field(name, label(name), *limits, scale, integer, optional, bounds.help, bounds.unit)


def live_fields(run: "Run") -> tuple[dict[str, Field], int]:
    """Describe a run's live controls, and say how many of them, the first, are always in sight.

    In sight are the run's first (its learning rate) and the model's own; what is turned more rarely folds away.
    """
    own = getattr(run.model, "config", None)
    hints = {**_type_hints(run.config), **(_type_hints(own) if dataclasses.is_dataclass(own) else {})}
    live = run.live
    of_run = [name for name in controls(run.config, live_only=True) if name in live]
    main = [*of_run[:1], *(name for name in live if name not in of_run)]
    return {name: number_field(name, *live[name], hint=hints.get(name)) for name in [*main, *of_run[1:]]}, len(main)


def _type_hints(config: object) -> dict[str, object]:
    """Give the types of a config's fields; empty where a type isn't known at run time."""
    try:
        return get_type_hints(type(config))
    except NameError:  # a type imported for the type checker alone
        return {}
