"""Every notebook runs top to bottom without a screen and without a network, and has the shape that all share."""

import ast
import copy
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from notebooks.strip import stripped, text
from remote_loads import remote_loads

from genolab.jupyter import execute
from genolab.jupyter.page import to_html

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
HEADINGS = ["Question", "Data", "Model", "Result", "Check"]
MEMORY_MB = 2000
CPU_SECONDS = 600  # five minutes on two cores; the clock itself depends on what else the machine does
CELL_SECONDS = 300  # only against hanging, on a machine that is busy

# Runs in the kernel before the notebook. A hook, not a patch: it can't be imported around.
OFFLINE = """
import sys

def offline(event, args):
    host = {"socket.connect": lambda: args[1], "socket.getaddrinfo": lambda: args}.get(event, lambda: None)()
    host = host[0] if isinstance(host, tuple) else None
    if host not in (None, "", "127.0.0.1", "::1", "localhost"):
        with open(LOG, "a") as log:
            log.write(f"{event} {host}\\n")
        raise OSError(f"this test has no network, and {host} was asked for")

sys.addaudithook(offline)
"""
# On Linux getrusage's peak is at least that of the process that started the kernel, and that may be a large one.
MEASURE = """
import pathlib, resource
used, status = resource.getrusage(resource.RUSAGE_SELF), pathlib.Path("/proc/self/status")
peaks = [line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line] if status.exists() else []
print(*peaks or [used.ru_maxrss], used.ru_utime + used.ru_stime)
"""

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def long_definitions(source: str) -> list[str]:
    tree = compile(source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    found = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return [node.name for node in found if (node.end_lineno or 0) - node.lineno > 1]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel's world without a screen and a network; returns the file that names who was called all the same."""
    log = tmp_path / "called.txt"
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-offline.py").write_text(f"LOG = {str(log)!r}\n{OFFLINE}", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("GENOLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "GENOLAB_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return log


def test_there_is_a_first_notebook() -> None:
    assert [path.name for path in NOTEBOOKS][:1] == ["00_start_here.ipynb"]


@every_notebook
def test_a_notebook_runs_offline_within_its_limits(path: Path, offline: Path) -> None:
    notebook = copy.deepcopy(read(path))
    notebook.cells.append(new_code_cell(MEASURE))
    failure = execute.execute(notebook, path.parent, kernel="python3", timeout=CELL_SECONDS)
    assert failure is None, f"{path.name}, {failure}"
    assert not offline.exists(), f"{path.name} asked for the network: {offline.read_text()}"
    peak, cpu = map(float, notebook.cells.pop().outputs[0].text.split())
    megabytes = peak / (
        1e6 if sys.platform == "darwin" else 1e3
    )  # the unit is the kernel's: bytes there, KiB elsewhere
    assert megabytes <= MEMORY_MB
    assert cpu <= CPU_SECONDS
    assert remote_loads(to_html(notebook, name=path.stem, folder=path.parent)) == []


@every_notebook
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == text(stripped(read(path))), f"strip it: tests/notebooks/strip.py {path}"


@every_notebook
def test_a_notebook_has_the_five_headings_in_order(path: Path) -> None:
    lines = [line for cell in read(path).cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    assert [line.removeprefix("## ").strip() for line in lines if line.startswith("## ")] == HEADINGS


@every_notebook
def test_a_cell_has_at_most_twelve_lines(path: Path) -> None:
    assert [cell for cell in code(read(path)) if len(cell.splitlines()) > 12] == []


@every_notebook
def test_a_notebook_defines_nothing_longer_than_two_lines(path: Path) -> None:
    assert [name for cell in code(read(path)) for name in long_definitions(cell)] == []


@every_notebook
def test_a_notebook_asks_for_the_kernel_of_the_best_device(path: Path) -> None:
    assert read(path).metadata.kernelspec.name == "genolab"


@every_notebook
def test_a_notebook_keeps_its_results_where_a_person_finds_them(path: Path) -> None:
    assert "tempfile" not in "".join(code(read(path))), "write to results/, which git ignores, and say where"


def test_a_definition_of_three_lines_is_found() -> None:
    assert long_definitions("def f(x):\n    y = x\n    return y\n\ndef g(x):\n    return x") == ["f"]


def test_a_call_to_the_network_is_caught(tmp_path: Path, offline: Path) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [new_code_cell("import urllib.request\nurllib.request.urlopen('http://example.org')")]
    failure = execute.execute(notebook, tmp_path, kernel="python3", timeout=CELL_SECONDS)
    assert failure is not None
    assert "example.org" in offline.read_text()


def test_stripping_takes_outputs_and_leaves_tags() -> None:
    cell = new_code_cell("1", execution_count=3, metadata={"tags": ["hide"], "collapsed": True})
    cell.outputs = [nbformat.v4.new_output("stream", text="1")]
    bare = stripped(nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {}}))
    assert (bare.cells[0].outputs, bare.cells[0].execution_count) == ([], None)
    assert bare.cells[0].metadata == {"tags": ["hide"]}
    assert "widgets" not in bare.metadata
