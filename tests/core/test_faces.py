"""What stands behind each dot: tables of contents are complete, and every name in documents and docstrings is there."""

import importlib
import importlib.util
import operator
import re
import tomllib
from pathlib import Path

import pytest

import genolab as gl

ROOT = Path(gl.__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
CHAPTERS = next(c["layers"][0].split(" | ") for c in CONTRACTS if c["name"].startswith("Chapters"))
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "data/README.md", "tests/benchmarks/RESULTS.md")),
    *sorted(ROOT.glob("notebooks/*.ipynb")),
    *sorted(ROOT.glob("genolab/**/*.py")),
]


@pytest.mark.parametrize("name", [*CHAPTERS, "sequences", "data", "widgets"])
def test_a_table_of_contents_names_all_that_is_there_and_nothing_else(name):
    face = importlib.import_module(f"genolab.{name}")
    sections = re.split(r"\n-{3,}\n", face.__doc__)[1:]
    listed = [line.split()[0] for text in sections for line in text.splitlines() if re.match(r"[\w.]+  ", line)]
    assert {each.split(".")[0] for each in listed} == set(face.__all__)
    assert all(operator.attrgetter(each)(face) is not None for each in listed)


def test_every_name_that_is_mentioned_is_there():
    gone = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in DOCUMENTS
        for name in re.findall(r"(?<![\w./])(?:gl|genolab)\.([A-Za-z_][\w.]*\w)", path.read_text(encoding="utf-8"))
        if not is_there(name.split("."))
    }
    assert sorted(gone) == []


def is_there(parts):
    """Whether the parts lead to a module, a file, or a name in a module."""
    found = gl
    for at, part in enumerate(parts):
        path = ".".join(["genolab", *parts[: at + 1]])
        if hasattr(found, part):
            found = getattr(found, part)
        elif importlib.util.find_spec(path) is None:
            return part in {"css", "ipynb", "js", "py", "toml"}
        elif path == "genolab.align.triton_kernel":
            return True  # only where Triton is installed
        else:
            found = importlib.import_module(path)
        if not isinstance(found, type(gl)):
            return True  # a function, class or value: what follows is its own
    return True
