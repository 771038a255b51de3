"""Take the outputs and the traces of a run out of notebooks, which are kept without: `strip.py NOTEBOOK...`."""

import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

# The kernel that `make lab` registers for the best device; see genolab/kernels.py.
METADATA = {
    "kernelspec": {"display_name": "genolab", "language": "python", "name": "genolab"},
    "language_info": {"name": "python"},
}


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without outputs, counts, and what an editor or a kernel noted down; tags stay."""
    bare = nbformat.from_dict(notebook)
    bare.metadata = nbformat.from_dict(METADATA)
    for cell in bare.cells:
        cell.metadata = nbformat.from_dict({key: cell.metadata[key] for key in ("tags",) if cell.metadata.get(key)})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def text(notebook: NotebookNode) -> str:
    """Write a notebook as JupyterLab does."""
    return nbformat.writes(notebook, version=4) + "\n"


def main(paths: list[str]) -> int:
    """Strip each notebook in place; return 1 if one changed, as a pre-commit hook does."""
    changed = 0
    for path in map(Path, paths):
        before = path.read_text(encoding="utf-8")
        after = text(stripped(nbformat.reads(before, as_version=4)))
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
