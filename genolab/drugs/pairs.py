"""The common form of measured compounds: a row is a compound on a context, a target protein or a cell line.

``obs`` has ``compound``, ``context``, ``response`` (float32), ``censored``, and ``value`` and ``unit`` as measured.
``obsm["pair"]``, ``(n, 2)`` int32, holds the row's numbers in the tables ``uns["compounds"]`` and ``uns["contexts"]``:
each compound and each context is described once, however often it was measured. There is no ``X``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genolab.drugs.compounds.molecules import described

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

# How a response stands to what was measured, in an order whose codes less one are its sign.
CENSORED = ("<", "=", ">")


def pairs_adata(
    obs: "pd.DataFrame", compounds: "pd.DataFrame", contexts: "pd.DataFrame", *, measure: Mapping[str, str]
) -> "AnnData":
    """Make the AnnData of measured pairs.

    Parameters
    ----------
    obs
        Has ``compound`` and ``context``, names in the two tables, and ``response``; other columns are kept.
        ``censored``, where there is none, is ``"="`` throughout.
    compounds, contexts
        Tables by name; both keep all of their rows, in order.
    measure
        What the response is: ``name`` and ``unit``. It becomes ``uns["response"]``.

    Raises
    ------
    ValueError
        A name isn't in its table, or a response isn't finite.
    """
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    table = obs.copy()
    tables = {"compound": compounds, "context": contexts}
    numbers = [_numbers(table[name], by_name.index) for name, by_name in tables.items()]
    for name, by_name in tables.items():
        table[name] = pd.Categorical(table[name], categories=list(by_name.index))
    response = table["response"].to_numpy(np.float32)
    if not np.isfinite(response).all():
        raise ValueError(f"a response is a finite number; {(~np.isfinite(response)).sum():,} of {len(table):,} aren't")
    table["response"] = response
    table["censored"] = pd.Categorical(table.get("censored", ["="] * len(table)), categories=CENSORED)
    table.index = pd.RangeIndex(len(table)).astype(str)
    adata = AnnData(obs=table, obsm={"pair": np.stack(numbers, axis=1).astype(np.int32)})
    adata.uns = {"compounds": compounds, "contexts": contexts, "response": dict(measure)}
    return adata


def compound_table(names: Sequence[str], smiles: Sequence[str]) -> "pd.DataFrame":
    """Make the table of compounds: ``smiles`` as given, ``canonical``, ``removed`` (salts), ``scaffold``, ``reason``.

    ``canonical`` and ``scaffold`` are empty, and ``reason`` is not, where RDKit refuses a SMILES. A compound without
    rings is its own scaffold, so that a split by scaffold doesn't take all such compounds for one.
    """
    import pandas as pd

    table = described(smiles).rename(columns={"given": "smiles"})
    table["scaffold"] = table["scaffold"].where(table["scaffold"] != "", table["canonical"])
    table.index = pd.Index([str(name) for name in names], name="compound")
    return table[["smiles", "canonical", "removed", "scaffold", "reason"]]


def _numbers(names: "pd.Series[Any]", index: "pd.Index[Any]") -> Any:
    """Return the row of each name in a table with this index."""
    import pandas as pd

    found = index.get_indexer(pd.Index(names))
    if (found < 0).any():
        missing = names[found < 0].unique()
        raise ValueError(
            f"every {names.name} is in its table; {len(missing):,} aren't: {', '.join(map(str, missing[:5]))}"
        )
    return found
