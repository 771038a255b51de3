"""What a page loads from elsewhere by itself."""

import re
from html.parser import HTMLParser

_REMOTE = ("http:", "https:", "//")


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        loads = {"src", "srcset", "poster", "data"} | ({"href"} if tag == "link" else set())
        self.found += [value for name, value in attrs if name in loads and (value or "").startswith(_REMOTE)]
        self.found += [
            value for name, value in attrs if name == "style" and re.search(r"url\(\W*(https?:|//)", value or "")
        ]

    def handle_data(self, data: str) -> None:
        if self._tag == "style":
            self.found += re.findall(r"(?:url\(|@import)\W*(?:https?:|//)[^)\s]*", data)


def remote_loads(page: str) -> list[str]:
    """List the addresses that an HTML page loads something from; a link to click on is none."""
    parser = _Loads()
    parser.feed(page)
    return parser.found
