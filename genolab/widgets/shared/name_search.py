"""Find names by a part of them, as the search box asks."""

from collections.abc import Iterable


class NameSearch:
    """Finds names by a part of them, in any case; made for tens of thousands."""

    def __init__(self, names: Iterable[object]) -> None:
        self._names = [str(name) for name in names]
        self._lower = [name.lower() for name in self._names]

    def find(self, text: str, *, limit: int = 12) -> list[str]:
        """Return up to `limit` names that hold `text`: equal ones first, then those that start with it, then others."""
        wanted = text.strip().lower()
        if not wanted:
            return []
        rows = [i for i, name in enumerate(self._lower) if wanted in name]
        rows.sort(key=lambda i: (self._lower[i] != wanted, not self._lower[i].startswith(wanted), len(self._names[i])))
        return list(dict.fromkeys(self._names[i] for i in rows))[:limit]
