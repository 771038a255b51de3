"""What a network over compounds and contexts must beat without any learning: means, and the nearest neighbours.

Both read ``obsm["pair"]``, the numbers of a row's compound and context, as `ResponseModel` does.
"""

from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from genolab.data.dataset import AnnDataset, Batch
from genolab.drugs.pair_batches import (
    check_codes,
    check_fitted,
    looked_up,
    matrix_of,
    number_or_class,
    pair_of,
    squared_error,
)

_ROUNDS = 1000
_SETTLED = 1e-7  # of the response's unit: means that move less have found their place


class MeansBaseline(nn.Module):
    """The mean response, plus what a compound and a context add to it everywhere: no compound is special anywhere.

    Both effects are fitted at once by least squares, each drawn towards 0 as if `shrink` more rows of the mean had been
    measured. A compound or context that wasn't seen has the effect 0, so for a new compound this is the context's mean.

    Parameters
    ----------
    shrink
        Rows; 0 fits the plain effects.

    Examples
    --------
    >>> means = MeansBaseline().fit(train)
    >>> gl.infer.predict(means, test)  # (n,)
    """

    mean: torch.Tensor
    compound: torch.Tensor
    context: torch.Tensor

    def __init__(self, *, shrink: float = 1.0) -> None:
        super().__init__()
        if not shrink >= 0:
            raise ValueError(f"shrink is a number of rows, at least 0, got {shrink}")
        self.shrink = shrink
        self.register_buffer("mean", torch.tensor(torch.nan))
        self.register_buffer("compound", torch.zeros(0))  # (n_compounds,)
        self.register_buffer("context", torch.zeros(0))  # (n_contexts,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Find the effects in a dataset, and return the baseline.

        Raises
        ------
        ValueError
            The input isn't ``"obsm/pair"``, or there is no target of one number a row.
        """
        seen = number_or_class(dataset)
        mean = seen.response.mean()
        effects = [np.zeros(codes.max() + 1) for codes in seen.codes]
        rows = [np.bincount(codes) + self.shrink for codes in seen.codes]
        for _ in range(_ROUNDS):
            before = [effect.copy() for effect in effects]
            for side, other in ((0, 1), (1, 0)):
                left = seen.response - mean - effects[other][seen.codes[other]]
                total = np.bincount(seen.codes[side], weights=left)
                effects[side] = np.divide(total, rows[side], out=np.zeros(len(total)), where=rows[side] > 0)
            if max(np.abs(now - then).max() for now, then in zip(effects, before, strict=True)) < _SETTLED:
                break
        self.mean = torch.tensor(mean, dtype=torch.float32)
        self.compound, self.context = (torch.from_numpy(effect).float() for effect in effects)
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        check_fitted(self, bool(torch.isfinite(self.mean)))
        compound, context = pair_of(batch.x)
        return self.mean + looked_up(self.compound, compound) + looked_up(self.context, context)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error."""
        return squared_error(self.predict(batch), batch)


class NeighbourBaseline(nn.Module):
    """What the most similar compounds did in the same context: their mean, weighed by Tanimoto similarity.

    In a context of which nothing was measured, the compounds' means over all contexts stand in.

    Parameters
    ----------
    compounds
        ``(n_compounds, f)`` fingerprints; what is above 0 counts as present.
    n_neighbors
        How many compounds are asked.

    Examples
    --------
    >>> nearest = NeighbourBaseline(gl.drugs.compounds.fingerprints(smiles)).fit(train)
    """

    compounds: torch.Tensor
    known: torch.Tensor
    response: torch.Tensor
    starts: torch.Tensor

    def __init__(self, compounds: ArrayLike, n_neighbors: int = 5) -> None:
        super().__init__()
        if n_neighbors < 1:
            raise ValueError(f"n_neighbors must be at least 1, got {n_neighbors}")
        self.n_neighbors = n_neighbors
        self.register_buffer("compounds", torch.from_numpy(matrix_of(compounds, "compounds") > 0))
        self.register_buffer("known", torch.zeros(0, dtype=torch.int64))  # measured compounds, context by context
        self.register_buffer("response", torch.zeros(0))  # theirs
        self.register_buffer("starts", torch.zeros(1, dtype=torch.int64))  # (n_contexts + 2,); the last: over all

    def fit(self, dataset: AnnDataset) -> Self:
        """Keep the responses of a dataset, and return the baseline; errors as in `MeansBaseline.fit`."""
        seen = number_or_class(dataset)
        compound, context = seen.codes
        check_codes(compound, self.compounds, "compounds")
        order = np.argsort(context, kind="stable")
        rows = np.bincount(compound)
        everywhere = np.flatnonzero(rows)
        means = np.bincount(compound, weights=seen.response)[everywhere] / rows[everywhere]
        starts = np.concatenate([[0], np.bincount(context).cumsum(), [len(order) + len(everywhere)]])
        self.known = torch.from_numpy(np.concatenate([compound[order], everywhere]))
        self.response = torch.from_numpy(np.concatenate([seen.response[order], means])).float()
        self.starts = torch.from_numpy(starts)
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        check_fitted(self, len(self.known) > 0)
        compound, context = pair_of(batch.x)
        found = torch.empty(len(batch), device=self.response.device)
        for one in np.unique(context.cpu().numpy()):
            rows = context == one
            found[rows] = self._within(compound[rows], self._measured_in(int(one)))
        return found

    def _measured_in(self, context: int) -> slice:
        everywhere = len(self.starts) - 2
        at = context if context < everywhere and self.starts[context] < self.starts[context + 1] else everywhere
        return slice(int(self.starts[at]), int(self.starts[at + 1]))

    def _within(self, compound: torch.Tensor, among: slice) -> torch.Tensor:
        asked, row = np.unique(compound.cpu().numpy(), return_inverse=True)
        alike = _tanimoto(self.compounds[asked], self.compounds[self.known[among]])  # (asked, known)
        near = alike.topk(min(self.n_neighbors, alike.shape[1]), dim=1)
        weight = near.values + 1e-6  # where nothing is alike, the plain mean
        answered = (weight * self.response[among][near.indices]).sum(dim=1) / weight.sum(dim=1)
        return answered[row]

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error."""
        return squared_error(self.predict(batch), batch)


def _tanimoto(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the similarities of fingerprints ``(n, f)`` and ``(m, f)``, bool: ``(n, m)``."""
    one, other = one.float(), other.float()
    common = one @ other.T
    either = one.sum(dim=1)[:, None] + other.sum(dim=1) - common
    return torch.where(either > 0, common / either.clamp(min=1), 0)
