"""Find names by a part of them, as the search box asks."""

from collections.abc import Iterable


class NameSearch:
    """Finds names by a part of them, in any case; made for tens of thousands. `ids` are further names for the same."""

    def __init__(self, names: Iterable[object], ids: Iterable[object] | None = None) -> None:
        self._names = [str(name) for name in names]
        self._lower = [name.lower() for name in self._names]
        self._ids = self._lower if ids is None else [str(name).lower() for name in ids]

    def find(self, text: str, *, limit: int = 12) -> list[str]:
        """Return up to `limit` names that hold `text`: equal ones first, then those that start with it, then others."""
        wanted = text.strip().lower()
        if not wanted:
            return []
        rows = [i for i, name in enumerate(self._lower) if wanted in name or wanted in self._ids[i]]
        rows.sort(key=lambda i: (wanted not in {self._lower[i], self._ids[i]}, *self._rank(i, wanted)))
        return list(dict.fromkeys(self._names[i] for i in rows))[:limit]

    def _rank(self, row: int, wanted: str) -> tuple[bool, int]:
        return not self._lower[row].startswith(wanted), len(self._names[row])
