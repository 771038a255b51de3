"""Controls made from a config: its fields, with their bounds and scale, become sliders on the screen.

The controls are drawn by one small front end (`controls.js`) rather than by ipywidgets' own sliders, for what those
lack: a value that may be off (``None``), a typed number that is refused with a reason instead of silently moved to a
bound, steps that suit a log scale, and arrow keys that stay out of the notebook's hands.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anywidget
import traitlets

from genolab.widgets.shared.fields import Field, Value, accept, fields_of, number_field
from genolab.widgets.shared.linker import link

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from genolab.config import Control

OnChange = Callable[[str, Value], None]
Config = TypeVar("Config", bound="DataclassInstance")


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

    _esm, _css = link(Path(__file__).with_name("form.js"))

    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    complaints = traitlets.Dict().tag(sync=True)
    answers = traitlets.Int(0).tag(sync=True)

    def __init__(self, fields: tuple[Field, ...], values: Mapping[str, Value], *, on_change: OnChange | None = None):
        self._known = {field.name: field for field in fields}
        self._on_change = on_change
        super().__init__(fields=[dataclasses.asdict(field) for field in fields], values=dict(values))
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
