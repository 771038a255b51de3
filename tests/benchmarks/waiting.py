"""Count the cells of the notebooks that keep a person waiting for over two seconds and show no progress.

python tests/benchmarks/waiting.py [NOTEBOOK...]; one at a time, on a machine that does nothing else.
"""

import sys
from pathlib import Path

from nbformat import NotebookNode

from genolab.jupyter import execute

SECONDS = 2
LIVE = "application/vnd.jupyter.widget-view+json"


def shows_progress(cell: NotebookNode) -> bool:
    """Whether a bar, a note or a widget is among the outputs; a panel's progress is shown where the panel is."""
    texts = "".join(output.get("text", "") for output in cell.outputs)
    widget = any(LIVE in output.get("data", {}) for output in cell.outputs)
    return "%|" in texts or "Note: compiling" in texts or widget or "panel.finished()" in cell.source


def main(paths: list[str]) -> None:
    """Print each such cell with its seconds, and whether it imports packages, which no bar can follow."""
    total = 0
    for path in map(Path, paths) if paths else sorted(Path("notebooks").glob("*.ipynb")):
        notebook, seconds = execute.read(path), list[float]()
        failure = execute.execute(notebook, path.parent, kernel="python3", seconds=seconds)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
        for number, (cell, taken) in enumerate(zip(cells, seconds, strict=False), start=1):
            if taken > SECONDS and not shows_progress(cell):
                imports = "import" if "import " in cell.source else ""
                total += not imports
                print(
                    f"{path.stem} [{number}] {taken:5.1f} s {imports:6} {cell.source.splitlines()[0][:80]}", flush=True
                )
        print(f"{path.stem}: {sum(seconds):.0f} s{f', {failure}' if failure else ''}", flush=True)
    print(f"{total} cells over {SECONDS} s show no progress, those that import packages aside")


if __name__ == "__main__":
    main(sys.argv[1:])
