"""What a network over compounds and contexts must beat by learning: ridge regression and a forest on fingerprints.

Both read ``obsm["pair"]``, the numbers of a row's compound and context, as `ResponseModel` does.
"""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
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

Array = NDArray[np.float64]

_LEAST_DOUBT = 0.1  # trees that all saw one row agree, which doesn't make them right


class RidgeBaseline(nn.Module):
    """Ridge regression on fingerprints: one for all, and one for each context on what the first leaves.

    The first sees the compound's features and the context's beside each other, and so answers for contexts never seen;
    the others are what a chemist would fit target by target. Both are scikit-learn's, with one penalty.

    Parameters
    ----------
    compounds
        ``(n_compounds, f)`` fingerprints or other features.
    contexts
        ``(n_contexts, g)`` features; ``None``: each context is its own feature.
    penalty
        Scikit-learn's ``alpha``: the pull of all weights towards zero.

    Examples
    --------
    >>> ridge = RidgeBaseline(gl.drugs.compounds.fingerprints(smiles)).fit(train)
    """

    compounds: torch.Tensor
    of_compound: torch.Tensor
    of_context: torch.Tensor
    own: torch.Tensor

    def __init__(self, compounds: ArrayLike, contexts: ArrayLike | None = None, *, penalty: float = 10.0) -> None:
        super().__init__()
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}")
        self.penalty = penalty
        self.register_buffer("compounds", torch.from_numpy(matrix_of(compounds, "compounds")))
        self.contexts = None if contexts is None else matrix_of(contexts, "contexts")
        self.register_buffer("of_compound", torch.zeros(0))  # (f,)
        self.register_buffer("of_context", torch.zeros(0))  # (n_contexts,), the constant among them
        self.register_buffer("own", torch.zeros(0, self.compounds.shape[1] + 1))  # (contexts seen, f + 1)

    def fit(self, dataset: AnnDataset) -> Self:
        """Learn from a dataset, and return the baseline; errors as in `MeansBaseline.fit`."""
        from sklearn.linear_model import Ridge

        seen = number_or_class(dataset)
        compound, context = seen.codes
        check_codes(compound, self.compounds, "compounds")
        features = self.contexts if self.contexts is not None else np.eye(context.max() + 1, dtype=np.float32)
        check_codes(context, features, "contexts")
        chemistry = sparse.csr_array(self.compounds.numpy(force=True).astype(np.float64))
        whole = sparse.hstack([chemistry[compound], sparse.csr_array(features)[context]], format="csr")
        fitted = Ridge(self.penalty, solver="sparse_cg", tol=1e-6).fit(whole, seen.response)
        n = chemistry.shape[1]
        self.of_compound = torch.from_numpy(fitted.coef_[:n]).float()
        self.of_context = torch.from_numpy(features @ fitted.coef_[n:] + fitted.intercept_).float()
        left = seen.response - fitted.predict(whole)
        own = np.zeros((context.max() + 1, n + 1))
        for one in np.unique(context):
            rows = context == one
            apart = Ridge(self.penalty, solver="cholesky").fit(chemistry[compound[rows]].toarray(), left[rows])
            own[one] = np.append(apart.coef_, apart.intercept_)
        self.own = torch.from_numpy(own).float()
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        check_fitted(self, len(self.of_compound) > 0)
        compound, context = pair_of(batch.x)
        chemistry = self.compounds[compound].float()  # (n, f)
        constant = self.of_context.mean() if self.contexts is None else torch.zeros(())
        base = chemistry @ self.of_compound + looked_up(self.of_context, context, otherwise=float(constant))
        own = self.own[context.clamp(max=len(self.own) - 1)]
        special = (own[:, :-1] * chemistry).sum(dim=1) + own[:, -1]
        return base + torch.where(context < len(self.own), special, 0)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error."""
        return squared_error(self.predict(batch), batch)


class ForestBaseline(nn.Module):
    """A random forest on fingerprints beside the context's features (scikit-learn's); its trees' spread is its doubt.

    Of columns of the fingerprints that are the same for all compounds seen, one is kept. Without features a context is
    told to the forest by its mean response in training.

    Parameters
    ----------
    compounds
        ``(n_compounds, f)`` fingerprints or other features.
    contexts
        ``(n_contexts, g)`` features, or ``None``.
    n_trees
        More are never worse, only slower.
    share
        Of the columns, looked at for each cut.
    seed
        Of the trees.
    threads
        Processor cores; 1 by default.

    Examples
    --------
    >>> forest = ForestBaseline(gl.drugs.compounds.fingerprints(smiles)).fit(train)
    >>> gl.drugs.evaluate({"forest": forest, "means": means}, test)
    """

    def __init__(
        self,
        compounds: ArrayLike,
        contexts: ArrayLike | None = None,
        *,
        n_trees: int = 100,
        share: float = 0.33,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        super().__init__()
        if n_trees < 1 or not 0 < share <= 1:
            raise ValueError(f"n_trees must be at least 1 and share above 0 up to 1, got {n_trees} and {share}")
        self.compounds = matrix_of(compounds, "compounds")
        self.contexts = None if contexts is None else matrix_of(contexts, "contexts")
        self.settings = {"n_estimators": n_trees, "max_features": share, "random_state": seed, "n_jobs": threads}
        self.columns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.means: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self.scale = 1.0  # the response's standard deviation in training
        self.forest: Any = None

    def fit(self, dataset: AnnDataset) -> Self:
        """Grow the trees on a dataset, and return the baseline; errors as in `MeansBaseline.fit`."""
        from sklearn.ensemble import RandomForestRegressor

        seen = number_or_class(dataset)
        compound, context = seen.codes
        check_codes(compound, self.compounds, "compounds")
        self.columns = _distinct(self.compounds[np.unique(compound)])
        self.means, self.scale = _means_by(context, seen.response), float(seen.response.std())
        self.forest = RandomForestRegressor(**self.settings).fit(self._features(compound, context), seen.response)
        return self

    def _features(self, compound: NDArray[np.int64], context: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what the trees see, ``(n, columns + g)``."""
        chemistry = self.compounds[:, self.columns][compound].astype(np.float32)
        if self.contexts is not None:
            check_codes(context, self.contexts, "contexts")
            return np.concatenate([chemistry, self.contexts[context].astype(np.float32)], axis=1)
        known = np.append(self.means, self.means.mean())  # the last one stands for contexts never seen
        return np.concatenate([chemistry, known[np.minimum(context, len(self.means))][:, None]], axis=1)

    def _by_tree(self, batch: Batch) -> torch.Tensor:
        """Return what each tree says, ``(n_trees, n)``."""
        check_fitted(self, self.forest is not None)
        features = self._features(*(codes.cpu().numpy() for codes in pair_of(batch.x)))
        said = np.stack([tree.predict(features) for tree in self.forest.estimators_])
        return torch.from_numpy(said).float()

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        return self._by_tree(batch).mean(dim=0)

    def spread(self, batch: Batch) -> torch.Tensor:
        """Return the spread over the trees, ``(n,)``; a tenth of the response's, where they all agree."""
        return self._by_tree(batch).std(dim=0, correction=0).clamp(min=_LEAST_DOUBT * self.scale)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error."""
        return squared_error(self.predict(batch).to(batch.x.device), batch)


def _distinct(features: NDArray[Any]) -> NDArray[np.int64]:
    """Return one of each set of columns that are equal, but for constant ones."""
    _, first = np.unique(features, axis=1, return_index=True)
    found: NDArray[np.int64] = np.sort(first[features[:, first].min(axis=0) < features[:, first].max(axis=0)])
    return found


def _means_by(codes: NDArray[np.int64], values: Array) -> NDArray[np.float32]:
    rows = np.bincount(codes)
    means = np.full(len(rows), values.mean())
    seen = rows > 0
    means[seen] = np.bincount(codes, weights=values)[seen] / rows[seen]
    return means.astype(np.float32)
