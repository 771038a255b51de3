"""The base of every widget: its view, the messages of the browser, and a picture where no widget can run."""

import base64
import inspect
import threading
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from genolab.widgets.shared.linker import link


class NotebookWidget(anywidget.AnyWidget):
    """A widget whose folder holds `widget.py` (this state) and ``view.js`` (the screen).

    Python owns the state and publishes it as traits. The browser sends messages ``{kind, browser, number, ...}``, which
    `_handle` obeys or answers, and gets a reply to each, after the traits that the message has changed. The error of a
    command stands on the message line of every view; that of a query goes to the view that asked.

    Attributes
    ----------
    message
        What the message line says.
    """

    message = t.Unicode("", read_only=True).tag(sync=True)
    _is_error = t.Bool(False).tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if not hasattr(cls, "_esm"):  # else it inherits a view
            cls._esm, cls._css = link(Path(inspect.getfile(cls)).with_name("view.js"))
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()  # traits are set by one thread at a time: ipywidgets doesn't see to that
        super().__init__(**traits)
        self.on_msg(self._receive)

    def png(self) -> bytes:
        """Draw what is shown, as a PNG; empty where there is nothing to show."""
        raise NotImplementedError

    def _handle(self, kind: str, content: dict[str, Any]) -> Any:
        """Do or answer what the browser asks, with ``content["buffers"]``; return bytes, or what JSON can hold."""
        raise NotImplementedError

    def _publish(self, **traits: Any) -> None:
        """Set traits in one message, from whatever thread."""
        with self._lock, self.hold_sync():
            for name, value in traits.items():
                self.set_trait(name, value)

    def _receive(self, _widget: object, content: dict[str, Any], buffers: list[Any]) -> None:
        is_command = not content.get("is_query")
        reply: dict[str, Any] = {"browser": content.get("browser"), "number": content.get("number")}
        attached: list[bytes] = []
        try:
            result = self._handle(content.get("kind", ""), content | {"buffers": buffers})
            if isinstance(result, bytes):
                attached = [result]
            else:
                reply["result"] = result
            if is_command and self._is_error:
                self._publish(message="", _is_error=False)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs on the screen, where the person looks
            reply["error"] = str(error.args[0]) if error.args else type(error).__name__
            if is_command:
                self._publish(message=reply["error"], _is_error=True)
        self.send(reply, attached)

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget, a picture for pages on which no widget runs (GitHub, a saved page), and a line of text."""
        picture = self.png()  # first, since it may bring the widget up to date
        bundle: dict[str, Any] = {
            "text/plain": repr(self),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
        }
        if picture:
            bundle["image/png"] = base64.b64encode(picture).decode("ascii")
        return bundle, {}
