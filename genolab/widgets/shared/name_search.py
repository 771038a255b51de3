"""Find names by a part of them, as the search box asks."""

import difflib
from collections.abc import Iterable
from typing import Any, Final, Self

Named = tuple[str, str]
"""A name, and what has it, such as ``"gene"``; ``""`` where all are of one kind."""

_COMPARED: Final = 50_000  # names among which near ones are sought


class NameSearch:
    """Finds names by a part of them, in any case; made for tens of thousands."""

    def __init__(self) -> None:
        self._named: list[Named] = []
        self._lower: list[str] = []
        self._ids: list[str] = []

    def add(self, kind: str, names: Iterable[object], ids: Iterable[object] | None = None) -> Self:
        """Add names of one kind; `ids` are further names for the same."""
        texts = [str(name) for name in names]
        lower = [text.lower() for text in texts]
        self._named += [(text, kind) for text in texts]
        self._lower += lower
        self._ids += lower if ids is None else [str(name).lower() for name in ids]
        return self

    def find(self, text: str, *, limit: int = 12) -> list[Named]:
        """Return up to `limit` names that hold `text`: equal ones first, then those that start with it, then others."""
        return list(dict.fromkeys(self._named[i] for i in self._rows(text)))[:limit]

    def near(self, text: str) -> list[Named]:
        """Return up to 3 names that differ little from `text`."""
        known = {**dict(zip(self._ids, self._named, strict=True)), **dict(zip(self._lower, self._named, strict=True))}
        some = list(known)[:_COMPARED]
        found = [known[name] for name in difflib.get_close_matches(text.strip().lower(), some)]
        return list(dict.fromkeys(found))

    def answer(self, text: str) -> dict[str, Any]:
        """Return what the search box shows: names, whether the first is equal, and near ones where there are none."""
        names = self.find(text)
        is_equal = bool(names) and not self._rank(self._rows(text)[0], text.strip().lower())[0]
        return {"names": names, "isEqual": is_equal, "near": [] if names else self.near(text)}

    def _rows(self, text: str) -> list[int]:
        wanted = text.strip().lower()
        rows = [i for i, name in enumerate(self._lower) if wanted in name or wanted in self._ids[i]] if wanted else []
        return sorted(rows, key=lambda i: self._rank(i, wanted))

    def _rank(self, row: int, wanted: str) -> tuple[bool, bool, int]:
        name = self._lower[row]
        return wanted not in (name, self._ids[row]), not name.startswith(wanted), len(name)
