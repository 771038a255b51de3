"""Measured pairs: a row is a compound in a context, a target protein or a cell line.

``obs`` has ``compound``, ``context``, ``response`` (float32), ``censored``, and ``value`` and ``unit`` as measured.
``obsm["pair"]``, ``(n, 2)`` int32, holds the row's numbers in the tables ``uns["compounds"]`` and ``uns["contexts"]``:
each compound and each context is described once, however often it was measured. There is no ``X``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from genolab.checks import check_known
from genolab.data.dataset import AnnDataset
from genolab.data.signature import Signature
from genolab.drugs.compounds.molecules import standard_table

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

CENSORED: Final = ("<", "=", ">")
"""The truth lies below, at or above the response; codes less one are the sign."""

_LOW_IS_POTENT: Final = ("ln", "log", "ic50", "ec50", "gi50", "kd", "ki", "auc", "viability")
_BATCH: Final = 8192


class Pairs(NamedTuple):
    """Rows of a dataset: the numbers of their compounds and contexts, and their responses, ``(n,)`` each."""

    compound: NDArray[np.int64]
    context: NDArray[np.int64]
    response: NDArray[np.float64]


def pairs_adata(
    obs: "pd.DataFrame", compounds: "pd.DataFrame", contexts: "pd.DataFrame", *, measure: Mapping[str, str]
) -> "AnnData":
    """Make the AnnData of measured pairs.

    `obs` has ``compound`` and ``context``, names in the two tables, and ``response``; other columns are kept, and
    ``censored`` is ``"="`` where there is none. Both tables keep all of their rows, in order. `measure` has the
    ``name`` and ``unit`` of the response, and becomes ``uns["response"]``.
    """
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

    table = standard_table(smiles).rename(columns={"given": "smiles"})
    table["scaffold"] = table["scaffold"].where(table["scaffold"] != "", table["canonical"])
    table.index = pd.Index([str(name) for name in names], name="compound")
    return table[["smiles", "canonical", "removed", "scaffold", "reason"]]


def response_name(adata: "AnnData") -> str:
    """Return what the response is, such as ``"pKd"`` or ``"ln IC50"``; ``""`` where the data don't say."""
    measure = adata.uns.get("response")
    return str(measure.get("name", "")) if isinstance(measure, Mapping) else ""


def high_is_potent(adata: "AnnData") -> bool:
    """Return whether a potent compound has a high response (pKd, pIC50), or a low one (IC50 and its logarithm)."""
    return not response_name(adata).lower().startswith(_LOW_IS_POTENT)


def read_pairs(dataset: AnnDataset, *, n_classes: int | None = None) -> Pairs:
    """Read a dataset whole, and check that it holds pairs and a response.

    The response is a number a row; or, where `n_classes` is given, a column of as many categories, read as their codes.
    """
    batches = list(dataset.batches(_BATCH))
    targets = [batch.target for batch in batches if batch.target is not None]
    if n_classes is None:
        _check_number(targets)
    else:
        _check_classes(targets, dataset, n_classes)
    codes = torch.cat([torch.stack(pair_codes(batch.x), dim=1) for batch in batches]).cpu().numpy()
    response = torch.cat([target.reshape(-1) for target in targets]).cpu().double().numpy()
    return Pairs(codes[:, 0], codes[:, 1], response)


def pair_codes(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the numbers of compounds and contexts, ``(n,)`` int64 each, of ``(n, 2)``."""
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(
            f"a row is a compound and a context, (n, 2), got the shape {tuple(x.shape)}: pass inputs='obsm/pair' to "
            "AnnDataset"
        )
    compound, context = x.long().unbind(dim=1)
    return compound, context


def pair_names(adata: "AnnData") -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return what the numbers of ``obsm["pair"]`` stand for: compounds by their structure, and contexts by name.

    ``None`` where the AnnData has no tables. A compound's name alone may be but its number in these data.
    """
    compounds, contexts = adata.uns.get("compounds"), adata.uns.get("contexts")
    if not (hasattr(compounds, "index") and hasattr(contexts, "index")):
        return None
    names = compounds.index.astype(str)
    if "canonical" in compounds:
        structure = compounds["canonical"].fillna("").astype(str)
        names = structure.where(structure != "", names)
    return tuple(map(str, names)), tuple(map(str, contexts.index))


def number_in(model: Any, adata: "AnnData", number: int, *, side: Literal["compounds", "contexts"]) -> int:
    """Return a compound's or context's row in the tables of a model, from that in the tables of an AnnData."""
    known, own = getattr(model, "trained_on", None), pair_names(adata)
    codes = known.inputs[0].codes if isinstance(known, Signature) else None
    at = ("compounds", "contexts").index(side)
    if codes is None or own is None or not 0 <= number < len(own[at]):
        return number
    name, names = own[at][number], codes[at]
    if names[number : number + 1] == (name,):
        return number
    check_known(f"{side} that the model was trained on", [name], names)
    return names.index(name)


def feature_matrix(values: Any, name: str) -> NDArray[Any]:
    """Return a table of features as a dense array ``(rows, f)``; `name` is what an error calls it."""
    matrix = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise ValueError(f"{name} must be a matrix of finite numbers, one row each, got the shape {matrix.shape}")
    return matrix


def check_codes(codes: NDArray[np.int64], matrix: NDArray[Any] | torch.Tensor, name: str) -> None:
    """Check that a table of features has a row for every number in the data."""
    if codes.max(initial=-1) >= len(matrix):
        raise ValueError(
            f"{name} has {len(matrix):,} rows, and the data have number {codes.max():,}: pass one row for each of "
            f"adata.uns[{name!r}]"
        )


def _check_number(targets: Sequence[torch.Tensor]) -> None:
    if not targets or not targets[0].is_floating_point() or targets[0][0].numel() != 1:
        raise ValueError("a response is one number a row: pass target='obs/response' to AnnDataset")


def _check_classes(targets: Sequence[torch.Tensor], dataset: AnnDataset, n_classes: int) -> None:
    names = dataset.target_names
    if not targets or targets[0].dtype != torch.int64:
        raise ValueError(
            f"the target must be a column of {n_classes} categories, as adata.obs['active'] = "
            "(adata.obs['response'] >= 7).astype('category'), and target='obs/active'"
        )
    if len(names) != n_classes:
        raise ValueError(f"the target has the {len(names)} categories {list(names[:5])}, and {n_classes} are expected")
    if missing := sum(int((target < 0).sum()) for target in targets):
        raise ValueError(f"the class must be known for every row, and is missing for {missing:,}: leave those rows out")


def _numbers(names: "pd.Series[Any]", index: "pd.Index[Any]") -> Any:
    import pandas as pd

    rows = index.get_indexer(pd.Index(names))
    if (rows < 0).any():
        missing = names[rows < 0].unique()
        raise ValueError(
            f"every {names.name} is in its table; {len(missing):,} aren't: {', '.join(map(str, missing[:5]))}"
        )
    return rows
