"""Run one notebook's cells in this process, without Jupyter: ``notebook.py NOTEBOOK [--whole]``; prints a line of JSON.

Without ``--whole`` every training has at most two epochs, and what a cell asserts of its result isn't asked.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import torch
from IPython.core.interactiveshell import InteractiveShell


def main(notebook: Path, *, whole: bool) -> dict[str, object]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    os.chdir(notebook.parent)
    shell, began = InteractiveShell.instance(colors="nocolor"), time.perf_counter()
    report = {"notebook": notebook.stem, "cells": 0, "unlike": 0}
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or not source.strip():
            continue
        shorter = re.sub(r"epochs=(\d+)", lambda found: f"epochs={min(2, int(found[1]))}", source)
        result = shell.run_cell(source if whole else shorter)
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, AssertionError) and not whole:
            report["unlike"] += 1
        elif error is not None:
            return report | {"failed": f"cell {number}: {type(error).__name__}: {str(error)[:300]}"}
        report["cells"] += 1
    models = [value for value in shell.user_ns.values() if isinstance(value, torch.nn.Module)]
    report["devices"] = sorted({part.device.type for model in models for part in model.parameters()})
    report["seconds"] = round(time.perf_counter() - began, 1)
    report["gpu_mb"] = round(torch.cuda.max_memory_allocated() / 1e6) if torch.cuda.is_available() else 0
    return report


if __name__ == "__main__":
    stdout, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(main(Path(sys.argv[1]).resolve(), whole="--whole" in sys.argv)), file=stdout, flush=True)
    os._exit(0)  # threads of widgets don't hold it up
