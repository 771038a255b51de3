"""A view and all that it imports -> the one ES module and the one style sheet that anywidget sends to the browser.

A ``view.js`` is a plain ES module: it imports from files beside it or in other folders by relative paths, and names its
style sheets by ``import "./view.css";``. The linker follows these imports, so there is no build step and no list of
files to keep. Each file gets a scope of its own; what it doesn't export, no other file sees.
"""

import json
import re
from pathlib import Path
from typing import Final, NamedTuple

from genolab import glyphs, palette

_IMPORT: Final = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[^"]+)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_PACKAGE: Final = Path(__file__).parents[2]


class Bundle(NamedTuple):
    """What anywidget takes as ``_esm`` and ``_css``."""

    esm: str
    css: str


def link(view: Path) -> Bundle:
    """Join a view with what it imports.

    Parameters
    ----------
    view
        A file that ends in ``export default``. Imports are written ``import { a, b } from "./file.js";`` and
        ``import "./file.css";``, exports ``export function``, ``class`` or ``const``.

    Returns
    -------
    Bundle
        The colours of `genolab.palette` are in the module as ``PALETTE`` and the outlines of `genolab.glyphs` as
        ``OUTLINES``, so that they are written down once.

    Raises
    ------
    ValueError
        Files import each other in a circle.
    FileNotFoundError
        An imported file isn't there.
    """
    files = _ordered(view.resolve(), ())
    scripts = [file for file in files if file.suffix == ".js"]
    scope = {file: f"$file{number}" for number, file in enumerate(scripts)}
    parts = [_constants(), *(_scoped(file, scope) for file in scripts[:-1]), _imports_bound(scripts[-1], scope)]
    sheets = [file.read_text(encoding="utf-8") for file in files if file.suffix == ".css"]
    return Bundle("\n".join(parts), "\n".join(sheets))


def _ordered(file: Path, path: tuple[Path, ...]) -> list[Path]:
    """Return a file after all that it imports, each once."""
    if file in path:
        raise ValueError("files import each other in a circle: " + " -> ".join(each.name for each in (*path, file)))
    if file.suffix == ".css":
        return [file]
    targets = [(file.parent / match[2]).resolve() for match in _IMPORT.finditer(file.read_text(encoding="utf-8"))]
    found = [each for target in targets for each in _ordered(target, (*path, file))]
    return list(dict.fromkeys([*found, file]))


def _scoped(file: Path, scope: dict[Path, str]) -> str:
    """Return a file as a function that is called at once and returns what the file exports."""
    text = _imports_bound(file, scope)
    names = ", ".join(match[1] for match in _EXPORT.finditer(text))
    where = file.relative_to(_PACKAGE).as_posix() if file.is_relative_to(_PACKAGE) else file.name
    return f"// {where}\nconst {scope[file]} = (() => {{\n{_EXPORT.sub('', text)}return {{ {names} }};\n}})();\n"


def _imports_bound(file: Path, scope: dict[Path, str]) -> str:
    def bound(match: re.Match[str]) -> str:
        target = (file.parent / match[2]).resolve()
        return f"const {{{match[1]}}} = {scope[target]};\n" if match[1] else ""

    return _IMPORT.sub(bound, file.read_text(encoding="utf-8"))


def _constants() -> str:
    colours = {
        "okabeIto": palette.OKABE_ITO,
        "viridis": palette.VIRIDIS,
        "diverging": palette.DIVERGING,
        "none": palette.NONE,
        "letters": palette.LETTERS,
    }
    outlines = {base: points.round(4).tolist() for base, points in glyphs.OUTLINES.items()}
    return f"const PALETTE = {json.dumps(colours)};\nconst OUTLINES = {json.dumps(outlines)};\n"
