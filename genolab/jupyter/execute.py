"""Run a notebook without a screen: cell by cell, in its own folder, and say where it stopped if it did."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from genolab.data.faults import reads
from genolab.jupyter import kernels
from genolab.jupyter.page import to_html

Watcher = Callable[[int, int], None]


@dataclass(frozen=True)
class Failure:
    """Where and why a notebook stopped."""

    cell: int  # counted as JupyterLab counts: 3 is ``In [3]``
    line: int | None  # of the cell, from 1; None where no line failed (a time-out)
    source: str  # that line as written
    error: str  # in one line
    cell_id: str

    def __str__(self) -> str:
        place = f"cell [{self.cell}]" + (f", line {self.line}" if self.line else "")
        return f"{place}: {self.error}" + (f"\n    {self.source}" if self.source else "")


@dataclass(frozen=True)
class Outcome:
    """The executed notebook, its HTML page, and the seconds of each code cell that ran."""

    notebook: Path
    page: Path
    seconds: tuple[float, ...]
    failure: Failure | None  # None when every cell ran


def run(
    source: Path,
    folder: Path,
    *,
    kernel: str | None = None,
    timeout: int | None = None,
    inplace: bool = False,
    watch: Watcher | None = None,
) -> Outcome:
    """Execute a notebook in its own folder, and leave the executed notebook and its page in another.

    Parameters
    ----------
    kernel
        The kernel's name; by default the notebook's own, or the running Python where that isn't installed.
    timeout
        Seconds that one cell may take; by default any time.
    inplace
        Write the executed notebook over `source` instead of into `folder`.
    watch
        Called with the number of code cells done and their total: before the first and after each.
    """
    target = source if inplace else folder / source.name
    if not inplace and target.resolve() == source.resolve():
        raise ValueError(f"{target} is the notebook itself: name another folder, or ask to run it in place")
    notebook = read(source)
    name = kernels.choose(kernel, notebook.metadata.get("kernelspec", {}).get("name"))
    seconds: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    try:
        failure = execute(notebook, source.parent, kernel=name, timeout=timeout, watch=watch, seconds=seconds)
    finally:  # also when a person interrupts: what ran isn't lost
        _write(target, nbformat.writes(notebook) + "\n")
    notice, cell_id = (f"This run stopped at {failure}", failure.cell_id) if failure else ("", "")
    page = folder / f"{source.stem}.html"
    _write(page, to_html(notebook, name=source.stem, folder=source.parent, notice=notice, cell_id=cell_id))
    return Outcome(target, page, tuple(seconds), failure)


@reads("a Jupyter notebook")
def read(source: Path) -> NotebookNode:
    """Read a notebook."""
    content = source.read_text(encoding="utf-8")
    try:
        notebook: NotebookNode = nbformat.reads(content, as_version=4)
    except (ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{source} is not a Jupyter notebook: {_one_line(str(error))}") from error
    if any("source" not in cell for cell in notebook.cells):
        raise ValueError(f"{source} is not a Jupyter notebook: a cell of it has no source")
    return notebook


def execute(
    notebook: NotebookNode,
    folder: Path,
    *,
    kernel: str,
    timeout: int | None = None,
    watch: Watcher | None = None,
    seconds: list[float] | None = None,
) -> Failure | None:
    """Execute the cells of `notebook`, which gets their outputs, in `folder`; stop at the first failure.

    The arguments are those of `run`; `seconds` gets the time of each code cell as it ends.
    """
    # An unencrypted kernel warns in every notebook's log; one that can't be encrypted starts all the same.
    private = Config({"KernelManager": {"transport_encryption": "auto"}})
    client = NotebookClient(notebook, kernel_name=kernel, timeout=timeout, config=private)
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    cells = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    watch = watch or (lambda *_: None)
    watch(0, len(cells))
    try:
        with client.setup_kernel(cwd=str(folder)):
            for done, (index, cell) in enumerate(cells, start=1):
                start = time.perf_counter()
                failure = _execute_cell(client, cell, index, count=done)
                if seconds is not None:
                    seconds.append(time.perf_counter() - start)
                client.set_widgets_metadata()
                watch(done, len(cells))
                if failure:
                    return failure
    finally:
        for _, cell in cells:
            _join_streams(cell)
    return None


def _join_streams(cell: NotebookNode) -> None:
    """Join what a cell printed in parts; at the end alone, as nbclient updates pictures by their place."""
    joined: dict[Any, NotebookNode] = {}
    for place, output in enumerate(cell.outputs):
        key = output.get("name", place)
        if key in joined:
            joined[key].text += output.text
        else:
            joined[key] = output
    for output in joined.values():
        if output.output_type == "stream":
            output.text = re.sub(r".*\r(?=[^\n])", "", output.text)
    cell.outputs = list(joined.values())


def _execute_cell(client: NotebookClient, cell: NotebookNode, index: int, *, count: int) -> Failure | None:
    try:
        client.execute_cell(cell, index, execution_count=count)
    except CellExecutionError as error:
        line = _failing_line(cell, count)
        source = cell.source.splitlines()[line - 1].strip() if line else ""
        # An error while an object is shown is in the output alone, not in the reply.
        shown: Mapping[str, Any] = next((o for o in cell.outputs if o.output_type == "error"), vars(error))
        return Failure(count, line, source, _one_line(f"{shown['ename']}: {shown['evalue']}"), cell.get("id", ""))
    except CellTimeoutError:
        return Failure(count, None, "", f"it took longer than {client.timeout} s", cell.get("id", ""))
    except DeadKernelError:
        return Failure(count, None, "", "the kernel died, as it does when memory runs out", cell.get("id", ""))
    return None


def _one_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "").rstrip(" :")


def _failing_line(cell: NotebookNode, count: int) -> int | None:
    """Find the line of the cell itself in its traceback: the error may have been raised deep in a library."""
    for output in cell.outputs:
        text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.get("traceback", [])))
        lines = [int(line) for line in re.findall(rf"Cell In ?\[{count}\],? line (\d+)", text)]
        if lines and 1 <= lines[-1] <= len(cell.source.splitlines()):
            return lines[-1]
    return None


def _write(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.half")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
