"""Controls made from a config: its fields, with their bounds and scale, become sliders on the screen.

The controls are drawn by one small front end (`controls.js`) rather than by ipywidgets' own sliders, for what those
lack: a value that may be off (``None``), a typed number that is refused with a reason instead of silently moved to a
bound, steps that suit a log scale, and arrow keys that stay out of the notebook's hands.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import anywidget
import traitlets

from genolab.config import Control, Scale, controls
from genolab.widgets.look import module, style

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = float | int | bool | str | None
OnChange = Callable[[str, Value], None]
Config = TypeVar("Config", bound="DataclassInstance")

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


class Controls(anywidget.AnyWidget):
    """A list of controls, one a line: label, slider, value.

    Every slider moves with the arrow keys, Page Up and Page Down, Home and End; the value beside it can be typed, in
    any notation (``0.001``, ``1e-3``), and Enter takes it, Escape leaves it.

    Parameters
    ----------
    fields
        What to draw, from `fields_of` or `number_field`.
    values
        Name to present value.
    on_change
        Called with name and value when the user has changed one, in the thread that handles the browser's messages.
        A ``ValueError`` that it raises is shown beside the control, and the value goes back.

    Attributes
    ----------
    values : dict
        Name to present value; assign a new dict to change what is shown.
    complaints : dict
        Name to the sentence that is shown below its control.
    answers : int
        How many changes were refused so far.
    """

    _esm = module("controls.js", "form.js")
    _css = style("controls.css")

    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    complaints = traitlets.Dict().tag(sync=True)
    answers = traitlets.Int(0).tag(sync=True)

    def __init__(self, fields: tuple[Field, ...], values: Mapping[str, Value], *, on_change: OnChange | None = None):
        self._known = {field.name: field for field in fields}
        self._on_change = on_change
        super().__init__(fields=[asdict(field) for field in fields], values=dict(values))
        self.on_msg(self._hear)

    def _hear(self, _widget: object, message: dict[str, Any], _buffers: object) -> None:
        field = self._known.get(message.get("name", ""))
        if message.get("do") == "set" and field:
            self.change(field.name, message.get("value"))

    def change(self, name: str, value: object) -> None:
        """Change one value as the user would: held to its bounds, refused with a complaint.

        Parameters
        ----------
        name
            Which; must be one of the fields.
        value
            Its new value.
        """
        try:
            taken = accept(self._known[name], value)
            if self._on_change:
                self._on_change(name, taken)
        except ValueError as error:
            self.complaints = {**self.complaints, name: str(error)}
            self.answers += 1  # `values` is as before, so that alone would not tell the browser to put it back
        else:
            self.complaints = {key: text for key, text in self.complaints.items() if key != name}
            self.values = {**self.values, name: taken}


def controls_for(
    source: "DataclassInstance | Mapping[str, tuple[Control, Value]]", on_change: OnChange, *, live_only: bool = False
) -> Controls:
    """Make controls from a config, or from what a run says may be tuned now (`Run.live`).

    Parameters
    ----------
    source
        A config, or a mapping from name to `Control` and present value.
    on_change
        Called with name and new value; see `Controls`.
    live_only
        Of a config, show only what may change while a model trains.
    """
    if isinstance(source, Mapping):
        fields = tuple(number_field(name, bounds, value) for name, (bounds, value) in source.items())
        return Controls(fields, {name: value for name, (_, value) in source.items()}, on_change=on_change)
    fields = fields_of(source, live_only=live_only)
    return Controls(fields, {field.name: getattr(source, field.name) for field in fields}, on_change=on_change)


class Form(Controls, Generic[Config]):
    """The controls of one config, and the config that they now stand for.

    Made by `form`. An edit that the config itself refuses is shown beside its control and not taken.
    """

    def __init__(self, config: Config, *, on_change: Callable[[Config], None] | None = None):
        self._config = config
        self._told = on_change
        fields = fields_of(config)
        values = {field.name: getattr(config, field.name) for field in fields}
        super().__init__(fields, values, on_change=self._replace)

    @property
    def value(self) -> Config:
        """The config as it now stands: a new one after each edit; the first is never changed."""
        return self._config

    def _replace(self, name: str, value: Value) -> None:
        self._config = dataclasses.replace(self._config, **{name: value})
        if self._told:
            self._told(self._config)


def form(config: Config, *, on_change: Callable[[Config], None] | None = None) -> "Form[Config]":
    """Make an editable form of a config, such as a `RunConfig` or a `Recipe`.

    Parameters
    ----------
    config
        A frozen dataclass whose fields are made by `genolab.config.control`. Fields that carry no control, and are
        neither bool nor a ``Literal`` of strings, keep their value.
    on_change
        Called with the new config after each edit.

    Returns
    -------
    Form
        A widget; its ``.value`` is the edited config.

    Examples
    --------
    >>> form = gl.widgets.controls.form(gl.RunConfig())
    >>> form  # a cell shows it
    >>> run = gl.Run(model, train, valid, form.value)
    """
    return Form(config, on_change=on_change)
