"""The base of every widget: its view, the messages of the browser, and a picture where no widget can run."""

import base64
import inspect
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import traitlets as t
from IPython.display import display, update_display

from genolab.widgets.shared.linker import link
from genolab.widgets.shared.picture import picture_output


class NotebookWidget(anywidget.AnyWidget):
    """A widget whose folder holds `widget.py` (this state) and ``view.js`` (the screen).

    Python owns the state and publishes it as traits. The browser sends messages ``{kind, browser, number, ...}``, which
    `_handle` obeys or answers, and gets a reply to each, after the traits that the message has changed. The error of a
    command stands on the message line of every view; that of a query goes to the view that asked. A message without any
    reply tells the browser that the kernel was restarted.

    Attributes
    ----------
    message
        What the message line says.
    """

    message = t.Unicode("", read_only=True).tag(sync=True)
    _is_error = t.Bool(False).tag(sync=True)
    _view_id = t.Unicode().tag(sync=True)
    _is_shown = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if not hasattr(cls, "_esm"):  # else it inherits a view
            cls._esm, cls._css = link(Path(inspect.getfile(cls)).with_name("view.js"))
        super().__init_subclass__(**kwargs)

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()  # traits are set by one thread at a time: ipywidgets doesn't see to that
        super().__init__(_view_id=f"genolab-{uuid4().hex}", **traits)
        self.on_msg(self._receive)

    def png(self) -> bytes:
        """Draw what is shown, as a PNG; empty where there is nothing to show."""
        raise NotImplementedError

    def _handle(self, kind: str, content: dict[str, Any]) -> Any:
        """Do or answer what the browser asks, with ``content["buffers"]``; return bytes, or what JSON can hold."""
        raise NotImplementedError

    def _publish(self, **traits: Any) -> None:
        """Set traits in one message, from whatever thread; what can be shown takes an error away that stood."""
        if self._is_error:
            traits = {"message": "", "_is_error": False, **traits}
        with self._lock, self.hold_sync():
            for name, value in traits.items():
                self.set_trait(name, value)

    def _receive(self, _widget: object, content: dict[str, Any], buffers: list[Any]) -> None:
        is_command = not content.get("is_query")
        reply: dict[str, Any] = {"browser": content.get("browser"), "number": content.get("number")}
        attached: list[bytes] = []
        try:
            kind = content.get("kind", "")
            result = None if kind == "ping" else self._handle(kind, content | {"buffers": buffers})
            if isinstance(result, bytes):
                attached = [result]
            else:
                reply["result"] = result
            if is_command:
                self._publish()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it belongs on the screen, where the person looks
            said = "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
            reply["error"] = str(error.args[0]) if error.args else said
            if is_command:
                self._publish(message=reply["error"], _is_error=True)
        self.send(reply, attached)

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the widget, a picture for pages on which no widget runs (GitHub, a saved page), and a line of text."""
        picture = self.png()  # first, since it may bring the widget up to date
        image = {"image/png": base64.b64encode(picture).decode("ascii")} if picture else {}
        return {"text/plain": repr(self), **self._live(), **image}, {}

    def _ipython_display_(self) -> None:
        """Show the widget and its picture as two outputs: of one, JupyterLab shows the widget even where it is gone."""
        picture = self.png()
        display({**self._live(), "text/html": ""}, raw=True)  # type: ignore[no-untyped-call]  # IPython's
        display(self._beside(picture), raw=True, display_id=self._view_id)  # type: ignore[no-untyped-call]  # as above
        self._is_shown = True

    def _update_picture(self) -> None:
        """Draw the picture anew wherever the widget was shown."""
        if self._is_shown:
            update_display(self._beside(self.png()), raw=True, display_id=self._view_id)  # type: ignore[no-untyped-call]  # as above

    def _live(self) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": view}

    def _beside(self, picture: bytes) -> dict[str, Any]:
        return picture_output(picture, view_id=self._view_id, text=repr(self))
