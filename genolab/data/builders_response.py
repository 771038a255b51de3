"""The files of each known set of measured compounds -> an AnnData of pairs (see `genolab.data.pairs`)."""

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genolab.data.pairs import compound_table, pairs_adata

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData
    from numpy.typing import NDArray

Paths = Mapping[str, Path]

# Davis et al. measured up to 10 micromolar: what didn't bind by then is written as 10,000 nM.
_DAVIS_LIMIT_NM = 10_000.0


def build_davis(paths: Paths) -> "AnnData":
    """Join compounds, kinases, constants and folds of Davis et al. 2011, as DeepDTA publishes them.

    ``response`` is pKd, ``9 - log10(Kd in nM)``. A Kd of 10,000 nM says that nothing bound up to that concentration:
    ``obs["censored"]`` is ``"<"`` there, for the pKd is below the 5 that stands for it. ``obs["split"]`` and
    ``obs["fold"]`` (0 to 4, -1 for the test rows) are the official ones. ``obs["protein"]`` is the kinase's gene, so
    that mutants and states of one protein can be kept in one part of a split, and ``obs["scaffold"]`` the compound's.
    """
    import numpy as np
    import pandas as pd

    smiles, sequences = (_json(paths[name]) for name in ("ligands_can.txt", "proteins.txt"))
    constants = read_plain_array(paths["Y"])  # (68, 442), nM
    if constants.shape != (len(smiles), len(sequences)):
        raise ValueError(f"Kd has {constants.shape} values for {len(smiles)} compounds and {len(sequences)} kinases")
    compounds = compound_table(list(smiles), list(smiles.values()))
    contexts = _kinases(sequences)
    at, on = (index.ravel() for index in np.indices(constants.shape))
    value = constants.ravel()
    obs = pd.DataFrame(
        {
            "compound": compounds.index[at],
            "context": contexts.index[on],
            "response": 9 - np.log10(value),
            "censored": np.where(value >= _DAVIS_LIMIT_NM, "<", "="),
            "value": value,
            "unit": pd.Categorical(["nM"] * len(value)),
            "scaffold": pd.Categorical(compounds["scaffold"].iloc[at]),
            "protein": pd.Categorical(contexts["protein"].iloc[on]),
        }
    )
    obs["fold"] = _folds(paths, len(value))
    obs["split"] = pd.Categorical(np.where(obs["fold"] < 0, "test", "train"), categories=["train", "test"])
    return pairs_adata(obs, compounds, contexts, measure={"name": "pKd", "unit": "-log10 M"})


def read_plain_array(path: Path) -> "NDArray[np.float64]":
    """Read a pickled numpy array of numbers, and nothing else: no name but the three that numpy writes is looked up.

    Raises
    ------
    ValueError
        The file isn't a plain array of float64, or asks for anything else.
    """
    import numpy as np

    try:
        found = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except (pickle.UnpicklingError, AttributeError, EOFError, IndexError, TypeError) as error:
        raise ValueError(f"{path} is no plain array of numbers and isn't read: {error}") from error
    if not isinstance(found, np.ndarray) or found.dtype != np.float64:
        raise ValueError(f"{path} holds {type(found).__name__}, not an array of float64: it isn't read")
    return found


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that knows how an array of numbers is made, and refuses every other name before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        import numpy as np
        from numpy._core.multiarray import _reconstruct  # type: ignore[attr-defined]  # where every array's pickle points

        known = {"ndarray": np.ndarray, "dtype": np.dtype, "_reconstruct": _reconstruct}
        homes = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}
        if module not in homes or name not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays of numbers are read")
        return known[name]


def _kinases(sequences: Mapping[str, str]) -> "pd.DataFrame":
    """Return the table of kinases; mutants and phosphorylated forms have one protein, the name before the bracket."""
    import pandas as pd

    names = pd.Index(sequences, name="context")
    sequence = [text.upper() for text in sequences.values()]
    gene = [name.partition("(")[0] for name in names]
    first = {}  # one sequence under two genes' names, such as ABL1 and ABL1p, is one protein
    protein = [first.setdefault(text, name) for text, name in zip(sequence, gene, strict=True)]
    return pd.DataFrame({"sequence": sequence, "protein": protein}, index=names)


def _folds(paths: Paths, n: int) -> "NDArray[np.int8]":
    import numpy as np

    fold = np.full(n, -2, dtype=np.int8)
    for number, rows in enumerate(_json(paths["train_fold_setting1.txt"])):
        fold[rows] = number
    fold[_json(paths["test_fold_setting1.txt"])] = -1
    if (fold == -2).any():
        raise ValueError(f"the official folds name every row; {(fold == -2).sum():,} of {n:,} are in none")
    return fold


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
