"""genolab: an interactive, Jupyter-based environment for deep learning on genomes with PyTorch.

>>> import genolab as gl
>>> cells = gl.data.fetch("pbmc68k")
>>> dataset = gl.data.AnnDataset(cells, inputs="layers/counts")

The namespaces (``gl.data``, ``gl.models``, ...) load on first use, so that ``import genolab`` is quick.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genolab import (
        align,
        compare,
        compounds,
        config,
        data,
        evaluate,
        genes,
        genome,
        infer,
        models,
        ontology,
        plot,
        preprocess,
        run,
        screen,
        widgets,
    )
    from genolab.run import Epoch, Run, RunConfig

__version__ = "0.1.0"

__all__ = [
    "Epoch",
    "Run",
    "RunConfig",
    "__version__",
    "align",
    "compare",
    "compounds",
    "config",
    "data",
    "evaluate",
    "genes",
    "genome",
    "infer",
    "models",
    "ontology",
    "plot",
    "preprocess",
    "run",
    "screen",
    "widgets",
]

_FROM_RUN = frozenset({"Epoch", "Run", "RunConfig"})


def __getattr__(name: str) -> ModuleType | type:
    if name in _FROM_RUN:
        found: type = getattr(importlib.import_module("genolab.run"), name)
        return found
    if name in __all__:
        return importlib.import_module(f"genolab.{name}")
    raise AttributeError(f"genolab has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return list(__all__)
