"""What a network over compounds and contexts must beat, on scikit-learn: means, neighbours, ridge, forest and kernel.

All read ``obsm["pair"]``, the numbers of a row's compound and context, as `ResponseModel` does, and take two classes
for the numbers 0 and 1.
"""

from collections.abc import Iterator
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVR

from genolab.data.dataset import AnnDataset, Batch, remember
from genolab.drugs.compounds.similarity import tanimoto
from genolab.drugs.pairs import check_codes, feature_matrix, pair_codes, read_pairs
from genolab.models.baseline import Baseline, check_fitted
from genolab.waiting import bar

Codes = NDArray[np.int64]
"""Numbers of compounds and contexts, ``(n, 2)``: what all estimators here are fitted to."""

_MIN_STD: Final = 0.1  # of the response's: trees that all saw one row agree, which doesn't make them right


class PairBaseline(Baseline):
    """A `genolab.models.Baseline` whose regressor is fitted to the codes of compounds and contexts."""

    def __init__(self, estimator: Any) -> None:
        super().__init__(estimator, lambda batch: torch.stack(pair_codes(batch.x), dim=1).cpu().numpy())
        self.response_std = 0.0

    def fit(self, dataset: AnnDataset) -> Self:
        """Fit a clone of the estimator to the responses of a dataset, and return the baseline."""
        pairs = read_pairs(dataset, n_classes=2 if dataset.target_names else None)
        remember(self, dataset)
        self.response_std = float(pairs.response.std())
        self.fitted = clone(self.estimator).fit(np.stack(pairs[:2], axis=1), pairs.response)
        return self


class MeansBaseline(PairBaseline):
    """The mean response, plus what a compound and a context add to it everywhere; without any interaction.

    Least squares, both effects drawn towards 0 as if `shrink` more rows of the mean had been measured. A compound or
    context that wasn't seen has the effect 0, so for a new compound this is the context's mean.
    """

    def __init__(self, *, shrink: float = 1.0) -> None:
        if not shrink >= 0:
            raise ValueError(f"shrink is a number of rows, at least 0, got {shrink}")
        effects = Ridge(shrink, fit_intercept=False, solver="lsqr", tol=1e-8, max_iter=10_000)
        regressor = make_pipeline(OneHotEncoder(handle_unknown="ignore"), effects)
        super().__init__(TransformedTargetRegressor(regressor, transformer=StandardScaler(with_std=False)))


class NeighbourBaseline(PairBaseline):
    """The mean response of the most similar compounds in the same context, weighted by Tanimoto similarity.

    In a context of which nothing was measured, the compounds' means over all contexts stand in. `compounds` are
    ``(n_compounds, f)`` fingerprints, of which what is above 0 counts as present.
    """

    def __init__(self, compounds: ArrayLike, n_neighbors: int = 5) -> None:
        if n_neighbors < 1:
            raise ValueError(f"n_neighbors must be at least 1, got {n_neighbors}")
        super().__init__(_Neighbours(feature_matrix(compounds, "compounds") > 0, n_neighbors))


class RidgeBaseline(PairBaseline):
    """Ridge regression on fingerprints: one for all contexts, and one for each on the residuals of the first.

    The first has the features of compound and context, and so answers for contexts never seen; the others are what a
    chemist would fit target by target. `compounds` are ``(n_compounds, f)`` and `contexts` ``(n_contexts, g)``
    features, or ``None``: one-hot codes of the contexts. `penalty` is scikit-learn's ``alpha``.
    """

    def __init__(self, compounds: ArrayLike, contexts: ArrayLike | None = None, *, penalty: float = 10.0) -> None:
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}")
        matrix = feature_matrix(compounds, "compounds").astype(np.float64)
        encode = make_pipeline(FunctionTransformer(_contexts_of), OneHotEncoder(handle_unknown="ignore"))
        of_context = (
            encode if contexts is None else _lookup(feature_matrix(contexts, "contexts"), "contexts", sparsely=True)
        )
        both = make_union(_lookup(matrix, "compounds", sparsely=True), of_context)
        shared = make_pipeline(both, Ridge(penalty, solver="sparse_cg", tol=1e-6))
        own = make_pipeline(_lookup(matrix, "compounds"), Ridge(penalty, solver="cholesky"))
        super().__init__(_ByContext(shared, own, residual=True))


class ForestBaseline(PairBaseline):
    """A random forest on fingerprints and features of the context; its uncertainty is the spread of its trees.

    `compounds` are ``(n_compounds, f)`` fingerprints, of whose equal columns one is kept, and `contexts` ``(n_contexts,
    g)`` features, or ``None``: a context's mean response in training. `share` of the columns is tried at each cut.

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
        if n_trees < 1 or not 0 < share <= 1:
            raise ValueError(f"n_trees must be at least 1 and share above 0 up to 1, got {n_trees} and {share}")
        matrix = feature_matrix(compounds, "compounds")
        of_context = _ContextMeans() if contexts is None else _lookup(feature_matrix(contexts, "contexts"), "contexts")
        features = make_union(_Distinct(_lookup(matrix, "compounds")), of_context)
        forest = _Forest(n_trees, max_features=share, random_state=seed, n_jobs=threads)
        super().__init__(make_pipeline(features, forest))

    def spread(self, batch: Batch) -> torch.Tensor:
        """Return the standard deviation over the trees, ``(n,)``; at least a tenth of the response's."""
        check_fitted(self, self.fitted is not None)
        features = self.fitted[:-1].transform(self.features(batch))
        by_tree = np.stack([tree.predict(features) for tree in self.fitted[-1].estimators_])
        return torch.from_numpy(by_tree.std(axis=0).clip(min=_MIN_STD * self.response_std)).float().to(batch.x.device)


class KernelBaseline(PairBaseline):
    """Support vector regression on the Tanimoto similarity of counts, one a context (scikit-learn's SVR).

    Of the methods that need no network it is the most accurate on single targets (van Tilborg et al. 2022). In contexts
    of which nothing was measured it predicts the mean of all responses. `compounds` are ``(n_compounds, f)`` counts;
    `penalty` is scikit-learn's ``C``, and `margin` its ``epsilon``.
    """

    def __init__(self, compounds: ArrayLike, *, penalty: float = 10.0, margin: float = 0.1) -> None:
        if not (penalty > 0 and margin >= 0):
            raise ValueError(f"penalty must be above 0 and margin at least 0, got {penalty} and {margin}")
        counts = feature_matrix(compounds, "compounds")
        machine = make_pipeline(_lookup(counts, "compounds"), SVR(C=penalty, epsilon=margin, kernel=_of_counts))
        super().__init__(_ByContext(DummyRegressor(), machine, residual=False))


def _of_counts(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float32]:
    return tanimoto(a.astype(np.int64), b.astype(np.int64))  # scikit-learn hands on floats


class _Forest(RandomForestRegressor):  # type: ignore[misc]  # scikit-learn publishes no types
    """A random forest that grows by twentieths, so that one sees how far it is; its trees are the same."""

    def fit(self, x: Any, y: Any) -> Self:
        """Grow all trees, and return the forest."""
        n_trees = self.n_estimators
        with bar("Growing", n_trees, unit="trees") as shown:
            for grown in range(0, n_trees, step := max(1, n_trees // 20)):
                self.set_params(n_estimators=min(grown + step, n_trees), warm_start=grown > 0)
                super().fit(x, y)
                shown.update(self.n_estimators - grown)
        return self


def _contexts_of(codes: Codes) -> Codes:
    return codes[:, 1:]


def _lookup(table: NDArray[Any], name: str, *, sparsely: bool = False) -> FunctionTransformer:
    """Return what looks up the features of the codes' compounds or contexts, ``(n, f)``."""
    rows = sparse.csr_array(table) if sparsely else table
    column = 0 if name == "compounds" else 1

    def features(codes: Codes) -> Any:
        check_codes(codes[:, column], table, name)
        return rows[codes[:, column]]

    return FunctionTransformer(features)


def _by_context(codes: Codes) -> Iterator[tuple[int, NDArray[np.int64]]]:
    for context in np.unique(codes[:, 1]):
        yield int(context), np.flatnonzero(codes[:, 1] == context)


class _ByContext(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """A regressor for contexts never seen, `shared`; and `own`, one for each that was, of responses or residuals."""

    def __init__(self, shared: Any, own: Any, *, residual: bool) -> None:
        self.shared, self.own, self.residual = shared, own, residual

    def fit(self, codes: Codes, response: NDArray[np.float64]) -> Self:
        self.shared_ = clone(self.shared).fit(codes, response)
        left = response - self.shared_.predict(codes) if self.residual else response
        self.own_ = {context: clone(self.own).fit(codes[rows], left[rows]) for context, rows in _by_context(codes)}
        return self

    def predict(self, codes: Codes) -> NDArray[np.float64]:
        predicted = np.zeros(len(codes))
        shared = self.residual | ~np.isin(codes[:, 1], list(self.own_))
        if shared.any():  # in one call: many small ones would take longer than all else
            predicted[shared] = self.shared_.predict(codes[shared])
        for context, rows in _by_context(codes):
            if context in self.own_:
                predicted[rows] += self.own_[context].predict(codes[rows])
        return predicted


class _Neighbours(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # as above
    """The mean response of the nearest compounds that were measured in the same context, or, without any, anywhere."""

    def __init__(self, bits: NDArray[np.bool_], n_neighbors: int) -> None:
        self.bits, self.n_neighbors = bits, n_neighbors

    def fit(self, codes: Codes, response: NDArray[np.float64]) -> Self:
        check_codes(codes[:, 0], self.bits, "compounds")
        self.by_context_ = {context: (codes[rows, 0], response[rows]) for context, rows in _by_context(codes)}
        compounds, place = np.unique(codes[:, 0], return_inverse=True)
        self.means_ = compounds, np.bincount(place, weights=response) / np.bincount(place)
        return self

    def predict(self, codes: Codes) -> NDArray[np.float64]:
        check_codes(codes[:, 0], self.bits, "compounds")
        groups = [(rows, *self.by_context_.get(context, self.means_)) for context, rows in _by_context(codes)]
        compounds, place = np.unique(codes[:, 0], return_inverse=True)
        library = np.unique(np.concatenate([measured for _, measured, _ in groups]))
        similarity = tanimoto(self.bits[compounds], self.bits[library])  # once: contexts share their compounds
        predicted = np.empty(len(codes))
        for rows, measured, response in groups:
            each = similarity[np.ix_(place[rows], np.searchsorted(library, measured))]
            near = np.argsort(-each, axis=1, kind="stable")[:, : self.n_neighbors]
            # Where nothing is similar, the plain mean
            weight = np.take_along_axis(each, near, axis=1).astype(np.float64) + 1e-6
            predicted[rows] = (weight * response[near]).sum(axis=1) / weight.sum(axis=1)
        return predicted


class _ContextMeans(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # as above
    """A context as its mean response in training, ``(n, 1)``."""

    def fit(self, codes: Codes, response: NDArray[np.float64]) -> Self:
        self.means_ = {context: response[rows].mean() for context, rows in _by_context(codes)}
        return self

    def transform(self, codes: Codes) -> NDArray[np.float64]:
        mean = np.mean([*self.means_.values()])
        return np.array([[self.means_.get(int(context), mean)] for context in codes[:, 1]])


class _Distinct(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # as above
    """One of each set of columns of features that are equal for all compounds in training, but for constant ones."""

    def __init__(self, features: FunctionTransformer) -> None:
        self.features = features

    def fit(self, codes: Codes, _response: Any = None) -> Self:
        table = self.features.transform(codes[np.unique(codes[:, 0], return_index=True)[1]])
        _, first = np.unique(table, axis=1, return_index=True)
        self.columns_ = np.sort(first[table[:, first].min(axis=0) < table[:, first].max(axis=0)])
        return self

    def transform(self, codes: Codes) -> NDArray[np.float32]:
        features: NDArray[np.float32] = self.features.transform(codes)[:, self.columns_].astype(np.float32)
        return features
