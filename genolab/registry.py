"""What a chapter adds to the core, by name: data sets, readers, rows of slots, models, tooltips, titles of metrics.

A folder of the package may hold a ``registry.toml``, whose tables map a name to ``"module:function"``. The core reads
these tables and imports what it needs when it is first used, so it knows no chapter, and a new chapter is one folder.

==================  =============================  =================================================================
table               key                            function
==================  =============================  =================================================================
``[data.NAME]``     a data set                     see `genolab.data.catalogue.Source`
``[readers]``       the suffix of a file           ``(path, **options) -> AnnData``, of `genolab.data.read`
``[rows]``          the first part of a slot       ``(adata, slot) -> RowSource``, of `genolab.data.AnnDataset`
``[codes]``         a slot of row numbers          ``(adata) -> names of each column``, of `genolab.data.signature`
``[models]``        the class of a saved model     the class, of `genolab.run.load_model`
``[tooltips]``      what the rows are              ``(adata, coordinates) -> Hover | None``, of the latent explorer
``[metrics]``       a metric                       no function: its title in figures, and whether lower is better
==================  =============================  =================================================================
"""

import importlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


@cache
def table(name: str) -> dict[str, Any]:
    """Return a table of all folders, merged: the core's entries first, then those of the others by name."""
    files = sorted(_PACKAGE.glob("*/registry.toml"), key=lambda file: (file.parent.name != "data", file))
    tables = [tomllib.loads(file.read_text(encoding="utf-8")).get(name, {}) for file in files]
    return {key: entry for each in tables for key, entry in each.items()}


def load(target: str) -> Any:
    """Import what ``"module:function"`` names."""
    module, _, function = target.partition(":")
    return getattr(importlib.import_module(module), function)
