"""What a control is, whatever draws it: read from a config, and held to its bounds when a value comes back."""

import dataclasses
import math
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Union, get_args, get_origin, get_type_hints

from genolab.config import Control, Scale, controls

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from genolab.run import Run

Value = float | int | bool | str | None

# Parts of field names that aren't written as they are spoken.
_WORDS: Final = {"kl": "KL", "dna": "DNA", "rna": "RNA", "gru": "GRU", "n": "number of", "id": "ID"}
# Whole numbers that reach over more than three decades (1 to a million epochs) are set by their ratio on a slider.
_WIDE: Final = 1000


@dataclass(frozen=True)
class Field:
    """One control, as the front end draws it.

    Attributes
    ----------
    name, label
        The config's field, and how it is called on the screen.
    kind
        ``"number"`` is a slider beside a box to type in, ``"switch"`` a tick box, ``"choice"`` a menu.
    low, high, scale, integer
        For a number: its bounds, both included, how the slider moves, and whether only whole numbers are meant.
    optional
        Whether the value may be ``None``, shown as "off".
    choices
        For a choice: what there is to choose from.
    help, unit
        One sentence for the tooltip; what stands behind the value.
    """

    name: str
    label: str
    kind: Literal["number", "switch", "choice"] = "number"
    low: float = 0.0
    high: float = 1.0
    scale: Scale = "linear"
    integer: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    help: str = ""
    unit: str = ""


def label(name: str) -> str:
    """Put a field's name in words: ``"kl_weight"`` becomes ``"KL weight"``."""
    words = " ".join(_WORDS.get(word, word) for word in name.split("_") if word)
    return words[:1].upper() + words[1:]


def number_field(name: str, bounds: Control, value: Value, *, hint: object = None) -> Field:
    """Describe the control of one number.

    Parameters
    ----------
    name
        The field's name.
    bounds
        Its `Control`.
    value
        Its present value; decides, where there is no `hint`, whether whole numbers are meant and whether it may be off.
    hint
        The field's type where it is known, such as ``int | None``.
    """
    kinds = _alternatives(hint)
    whole = float not in kinds if kinds & {int, float} else isinstance(value, int)
    optional = value is None or types.NoneType in kinds
    wide = whole and bounds.high > _WIDE * max(1, bounds.low)
    return Field(
        name,
        label(name),
        low=bounds.low,
        high=bounds.high,
        scale="log" if wide else bounds.scale,
        integer=whole,
        optional=optional,
        help=bounds.help,
        unit=bounds.unit,
    )


def fields_of(config: "DataclassInstance", *, live_only: bool = False) -> tuple[Field, ...]:
    """Describe the controls of a config: every field with a `Control`, every bool and every ``Literal`` of strings.

    Parameters
    ----------
    config
        A frozen dataclass, see `genolab.config`.
    live_only
        Only what may change while a model trains; switches and choices are then left out.
    """
    known = controls(config, live_only=live_only)
    hints = type_hints(config)
    found = []
    for field in dataclasses.fields(config):
        if field.name in known:
            value = getattr(config, field.name)
            found.append(number_field(field.name, known[field.name], value, hint=hints.get(field.name)))
        elif not live_only and (made := _switch_or_choice(field.name, hints.get(field.name))):
            found.append(made)
    return tuple(found)


def type_hints(config: object) -> dict[str, object]:
    """Give the types of a config's fields; empty where a type can't be found at run time."""
    try:
        return get_type_hints(type(config))
    except NameError:  # a type imported for the type checker alone
        return {}


def _alternatives(hint: object) -> set[object]:
    is_union = get_origin(hint) in {Union, types.UnionType}
    return set(get_args(hint)) if is_union else {hint}


def _switch_or_choice(name: str, hint: object) -> Field | None:
    if hint is bool:
        return Field(name, label(name), "switch")
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        return Field(name, label(name), "choice", choices=get_args(hint))
    return None


def accept(field: Field, value: object) -> Value:
    """Hold a value from the screen to its field.

    Parameters
    ----------
    field
        The field that it is for.
    value
        What came from the browser.

    Returns
    -------
    float, int, bool, str or None
        The value in the field's type.

    Raises
    ------
    ValueError
        The value is of the wrong kind or out of bounds; the message is fit to be shown beside the control.
    """
    if field.kind == "switch":
        return bool(value)
    if field.kind == "choice":
        if value not in field.choices:
            raise ValueError(f"{field.label} is one of {', '.join(field.choices)}, not {value!r}.")
        return str(value)
    if value is None and field.optional:
        return None
    return _accept_number(field, value)


def _accept_number(field: Field, value: object) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{field.label} is a number, not {value!r}.")
    if not field.low <= value <= field.high:
        raise ValueError(f"{field.label} is between {field.low:g} and {field.high:g}, not {value:g}.")
    if not field.integer:
        return float(value)
    if value != round(value):
        raise ValueError(f"{field.label} is a whole number, not {value:g}.")
    return round(value)


def live_fields(run: "Run") -> tuple[dict[str, Field], int]:
    """Describe a run's live controls, and say how many of them, the first, are always in sight.

    In sight are the run's first (its learning rate) and the model's own; what is turned more rarely folds away.
    """
    own = getattr(run.model, "config", None)
    hints = {**type_hints(run.config), **(type_hints(own) if own is not None else {})}
    of_run = [name for name in controls(run.config, live_only=True) if name in run.live]
    main = [*of_run[:1], *(name for name in run.live if name not in of_run)]
    ordered = [*main, *of_run[1:]]
    live = run.live
    return {name: number_field(name, *live[name], hint=hints.get(name)) for name in ordered}, len(main)
