"""The other end of a widget: what a browser is sent, and what it sends."""

from typing import Any, NamedTuple

from genolab.widgets.shared.base import NotebookWidget


class Reply(NamedTuple):
    """What came back: ``{browser, number, result or error}``, and the bytes with it."""

    content: dict[str, Any]
    buffers: list[bytes]


def send(widget: NotebookWidget, kind: str, *buffers: bytes, **content: Any) -> Reply:
    """Let a widget receive a message as the browser sends it, and return its one reply."""
    replies: list[Reply] = []
    widget.send = lambda reply, attached=None: replies.append(Reply(reply, attached or []))
    message = {"kind": kind, "browser": "b", "number": 1, **content}
    widget._handle_msg({"content": {"data": {"method": "custom", "content": message}}, "buffers": list(buffers)})
    (reply,) = replies
    return reply


def query(widget: NotebookWidget, kind: str, **content: Any) -> Any:
    """Ask a widget something that changes nothing, and return its answer or error."""
    reply = send(widget, kind, is_query=True, **content).content
    return reply.get("result", reply.get("error"))


def synced(widget: NotebookWidget, name: str) -> Any:
    """Return a trait as the browser gets it."""
    return widget.get_state(name)[name]
