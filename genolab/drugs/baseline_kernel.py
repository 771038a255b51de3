"""What a network over compounds must beat on one target: a support vector machine that compares whole molecules."""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from genolab.data.dataset import AnnDataset, Batch
from genolab.drugs.pair_batches import check_codes, check_fitted, matrix_of, number_or_class, pair_of, squared_error

Array = NDArray[np.float32]


class KernelBaseline(nn.Module):
    """Support vector regression by Tanimoto similarity of counts, one machine a context (scikit-learn's).

    Of the methods that need no network it is the most accurate on single targets (van Tilborg et al. 2022), and no use
    for contexts of which nothing was measured: there it says the mean of all responses.

    Parameters
    ----------
    compounds
        ``(n_compounds, f)`` fingerprints, as counts.
    penalty
        Scikit-learn's ``C``: what a miss costs.
    margin
        Scikit-learn's ``epsilon``: misses up to this cost nothing, in the response's unit.

    Examples
    --------
    >>> kernel = KernelBaseline(gl.drugs.compounds.fingerprints(smiles)).fit(train)
    """

    def __init__(self, compounds: ArrayLike, *, penalty: float = 10.0, margin: float = 0.1) -> None:
        super().__init__()
        if not (penalty > 0 and margin >= 0):
            raise ValueError(f"penalty must be above 0 and margin at least 0, got {penalty} and {margin}")
        self.compounds = matrix_of(compounds, "compounds")
        self.settings = {"C": penalty, "epsilon": margin, "kernel": "precomputed"}
        self.mean = float("nan")
        self.machines: dict[int, tuple[NDArray[np.int64], float, Any]] = {}  # by context: compounds, mean, machine

    def fit(self, dataset: AnnDataset) -> Self:
        """Learn from a dataset, and return the baseline; errors as in `MeansBaseline.fit`."""
        from sklearn.svm import SVR

        seen = number_or_class(dataset)
        compound, context = seen.codes
        check_codes(compound, self.compounds, "compounds")
        self.mean, self.machines = float(seen.response.mean()), {}
        for one in np.unique(context):
            rows = context == one
            known, mean = compound[rows], float(seen.response[rows].mean())
            prints = self.compounds[known]
            machine = SVR(**self.settings).fit(_tanimoto(prints, prints), seen.response[rows] - mean)
            self.machines[int(one)] = (known, mean, machine)
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        check_fitted(self, bool(self.machines))
        compound, context = (codes.cpu().numpy() for codes in pair_of(batch.x))
        found = np.full(len(batch), self.mean, dtype=np.float32)
        for one in set(context.tolist()) & set(self.machines):
            rows = context == one
            known, mean, machine = self.machines[one]
            found[rows] = mean + machine.predict(_tanimoto(self.compounds[compound[rows]], self.compounds[known]))
        return torch.from_numpy(found)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error."""
        return squared_error(self.predict(batch).to(batch.x.device), batch)


def _tanimoto(one: NDArray[Any], other: NDArray[Any]) -> Array:
    """Return the sum of the smaller counts over that of the larger: ``(n, m)``.

    The smaller of two counts is the number of thresholds that both reach, so it is a matrix product a threshold.
    """
    both = np.zeros((len(one), len(other)), dtype=np.float32)
    for least in range(1, int(min(one.max(initial=0), other.max(initial=0))) + 1):
        both += (one >= least).astype(np.float32) @ (other >= least).astype(np.float32).T
    either = one.sum(axis=1, dtype=np.float32)[:, None] + other.sum(axis=1, dtype=np.float32) - both
    found: Array = both / np.maximum(either, 1e-9)
    return found
