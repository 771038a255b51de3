"""A view and all that it imports -> the one ES module and the one style sheet that anywidget sends to the browser.

A ``view.js`` is a plain ES module: it imports from files of its folder or others by relative paths, and names its
style sheets by ``import "./view.css";``. The linker follows these imports, so there is no build step and no list of
files to keep. Each file gets a scope of its own; what it doesn't export, no other file sees.
"""

import json
import re
from pathlib import Path
from typing import Final, NamedTuple

from genolab import glyphs, palette

_IMPORT: Final = re.compile(r'^import (?:\{([\w\s,]*)\} from )?"(\.[^"]+)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_UNREAD: Final = re.compile(r"^(?:import|export(?! default)) .*", re.MULTILINE)
_PACKAGE: Final = Path(__file__).parents[2]


class Bundle(NamedTuple):
    """What anywidget takes as ``_esm`` and ``_css``."""

    esm: str
    css: str


def link(view: Path) -> Bundle:
    """Join a view, a file that ends in ``export default``, with what it imports.

    Imports are written ``import { a, b } from "./file.js";`` and ``import "./file.css";``, exports ``export function``,
    ``class`` or ``const``. The colours of `genolab.palette` are in the module as ``PALETTE`` and the outlines of
    `genolab.glyphs` as ``OUTLINES``.

    Raises
    ------
    ValueError
        Files import each other in a circle or what isn't exported, or an import or export is written otherwise.
    FileNotFoundError
        An imported file isn't there.
    """
    files = _ordered(view.resolve(), ())
    scripts = [file for file in files if file.suffix == ".js"]
    scope = {file: f"$file{number}" for number, file in enumerate(scripts)}
    parts = [_constants(), *(_scoped(file, scope) for file in scripts[:-1]), _imports_bound(scripts[-1], scope)]
    sheets = [file.read_text(encoding="utf-8") for file in files if file.suffix == ".css"]
    return Bundle("\n".join(parts), "\n".join(sheets))


def exports(file: Path) -> list[str]:
    """Return the names that a file exports."""
    return _EXPORT.findall(file.read_text(encoding="utf-8"))


def _ordered(file: Path, path: tuple[Path, ...]) -> list[Path]:
    """Return a file after all that it imports, each once."""
    if file in path:
        raise ValueError("files import each other in a circle: " + " -> ".join(each.name for each in (*path, file)))
    if file.suffix == ".css":
        return [file]
    targets = [(file.parent / match[2]).resolve() for match in _IMPORT.finditer(file.read_text(encoding="utf-8"))]
    files = [each for target in targets for each in _ordered(target, (*path, file))]
    return list(dict.fromkeys([*files, file]))


def _scoped(file: Path, scope: dict[Path, str]) -> str:
    """Return a file as a function that is called at once and returns what the file exports."""
    where = file.relative_to(_PACKAGE).as_posix() if file.is_relative_to(_PACKAGE) else file.name
    text = _EXPORT.sub("", _imports_bound(file, scope))
    return f"// {where}\nconst {scope[file]} = (() => {{\n{text}return {{ {', '.join(exports(file))} }};\n}})();\n"


def _imports_bound(file: Path, scope: dict[Path, str]) -> str:
    def bound(match: re.Match[str]) -> str:
        if match[1] is None:
            return ""
        target = (file.parent / match[2]).resolve()
        names = [name.strip() for name in match[1].split(",") if name.strip()]
        if missing := sorted({*names} - {*exports(target)}):
            raise ValueError(f"{file.name} imports {', '.join(missing)} from {target.name}, which doesn't export it")
        return f"const {{ {', '.join(names)} }} = {scope[target]};\n"

    text = _IMPORT.sub(bound, file.read_text(encoding="utf-8"))
    if unread := _UNREAD.search(_EXPORT.sub("", text)):
        raise ValueError(f"an import or export of {file.name} isn't written as the linker reads it: {unread[0]}")
    return text


def _constants() -> str:
    colours = {
        "okabeIto": palette.OKABE_ITO,
        "viridis": palette.VIRIDIS,
        "diverging": palette.DIVERGING,
        "none": palette.NONE,
        "zero": palette.ZERO,
        "bases": palette.BASE_COLOURS,
    }
    outlines = {base: points.round(4).tolist() for base, points in glyphs.OUTLINES.items()}
    return f"const PALETTE = {json.dumps(colours)};\nconst OUTLINES = {json.dumps(outlines)};\n"
