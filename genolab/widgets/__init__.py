"""Live pictures for the notebook: a run, its latent space, sequences to change, genomes, functions, compounds.

They listen to what the rest of genolab emits and hand back ordinary objects; nothing below knows that they are there.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genolab.widgets import controls
    from genolab.widgets.alignment import AlignmentView
    from genolab.widgets.compounds import CompoundTable
    from genolab.widgets.function import FunctionBrowser
    from genolab.widgets.latent import LatentExplorer
    from genolab.widgets.mutation import MutationView
    from genolab.widgets.training import TrainingPanel

__all__ = [
    "AlignmentView",
    "CompoundTable",
    "FunctionBrowser",
    "LatentExplorer",
    "MutationView",
    "TrainingPanel",
    "controls",
]

_HOME = {
    "AlignmentView": "alignment",
    "CompoundTable": "compounds",
    "FunctionBrowser": "function",
    "LatentExplorer": "latent",
    "MutationView": "mutation",
    "TrainingPanel": "training",
}


def __getattr__(name: str) -> type | ModuleType:
    if name == "controls":
        return importlib.import_module("genolab.widgets.controls")
    if name not in _HOME:
        raise AttributeError(f"genolab.widgets has no {name!r}; it has {', '.join(__all__)}")
    found: type = getattr(importlib.import_module(f"genolab.widgets.{_HOME[name]}"), name)
    return found


def __dir__() -> list[str]:
    return list(__all__)
