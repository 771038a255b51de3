"""How well a latent space keeps what is known about the cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from genolab.checks import check_key, check_known, listing, warn
from genolab.evaluate import batches as mixing
from genolab.evaluate import bootstrap
from genolab.evaluate.bootstrap import Interval
from genolab.evaluate.graph import neighbor_graph
from genolab.evaluate.metrics import Counts, accuracy, adjusted_rand, f1, macro, normalized_mutual_information
from genolab.waiting import progress

RESOLUTIONS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5)
"""The resolutions among which `leiden_ari` looks for the best."""

LATENT_METRICS: Final = ("knn_accuracy", "knn_macro_f1", "leiden_ari")
"""What `latents` measures by default."""

BATCH_METRICS: Final = ("ilisi", "kbet", "bras")
"""What `latents` measures besides where it is given `batches`: how well these mix."""

_MORE: Final = ("leiden_nmi", "silhouette", "clisi", "graph_connectivity")
_LIMITS: Final = dict.fromkeys((*LATENT_METRICS, *BATCH_METRICS, *_MORE), (0.0, 1.0))
_LIMITS.update(dict.fromkeys(("leiden_ari", "silhouette"), (-1.0, 1.0)))
_SILHOUETTE_CELLS: Final = 5000  # all pairs of cells are compared: of more cells than this, a sample


class KNNScores(NamedTuple):
    """How well each cell's label is predicted by its neighbours' (see `knn_scores` and `knn_transfer`)."""

    accuracy: Interval
    macro_f1: Interval  # averaged over classes: rare ones count as much as frequent ones
    predicted: NDArray[np.object_]  # (n,) labels; None for cells of classes that were left out


class LeidenScore(NamedTuple):
    """How well clusters, found without labels, agree with the labels.

    The best resolution was chosen by the labels, so `ari` is an upper bound for a user who doesn't know them.
    """

    ari: Interval  # adjusted Rand index at the best resolution: 1 for the same partition, 0 for chance
    resolution: float
    clusters: NDArray[np.int64]  # (n,) numbers of the clusters at it
    tried: pd.DataFrame  # one row a resolution: resolution, n_clusters, ari


def latents(
    latents: Mapping[str, ArrayLike | str],
    labels: ArrayLike | str,
    *,
    adata: AnnData | None = None,
    batches: ArrayLike | str | None = None,
    metrics: Sequence[str] | None = None,
    n_neighbors: int = 15,
    n_folds: int = 5,
    resolutions: Sequence[float] = RESOLUTIONS,
    by: ArrayLike | str | None = None,
    baseline: str | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare latent spaces of the same cells by what is known about the cells.

    Parameters
    ----------
    latents
        Name to ``(n, d)`` coordinates, or to a key of ``adata.obsm``. Put a baseline such as PCA among them.
    labels, batches
        ``(n,)`` cell types, and donors or runs that should mix within each; or columns of ``adata.obs``.
    metrics
        ``None``: `LATENT_METRICS`, and `BATCH_METRICS` where there are batches. Of cell types:

        - ``"knn_accuracy"``, ``"knn_macro_f1"`` (see `knn_scores`); ``"leiden_ari"`` (see `leiden_ari`) and
          ``"leiden_nmi"``, the normalized mutual information at its best resolution; both need igraph;
        - ``"silhouette"``, the mean over the cells, from -1 to 1 (scib-metrics rescales it to 0 to 1); ``"clisi"``: 1
          where neighbourhoods hold one type; ``"graph_connectivity"``: 1 where each type's cells are connected.

        Of batches, all 1 where they mix: ``"ilisi"`` (90 neighbours), ``"kbet"`` (50), ``"bras"``. Definitions are
        those of scib-metrics. Silhouettes and BRAS are of at most 5,000 cells, drawn by `seed`.
    by
        Names ``(n,)`` of groups whose cells are not independent, such as donors, or a column of ``adata.obs``: the
        intervals come from drawing whole groups.
    baseline
        One of the latents: adds each other's difference from it, as in `genolab.evaluate.table`.
    n_neighbors, n_folds, resolutions, n_boot, seed
        As in `knn_scores` and `leiden_ari`.

    Returns
    -------
    DataFrame
        One row for each latent and metric: ``model``, ``metric``, ``value``, ``low``, ``high`` (95 % interval),
        ``detail``.
    """
    if metrics is None:
        metrics = LATENT_METRICS if batches is None else (*LATENT_METRICS, *BATCH_METRICS)
    check_known("metrics", metrics, tuple(_LIMITS))
    if not latents:
        raise ValueError("there are no latents to compare: pass a dictionary of names and coordinates")
    known: Any = _look_up(adata, "obs", labels) if isinstance(labels, str) else labels
    batch, groups = (_look_up(adata, "obs", given) if isinstance(given, str) else given for given in (batches, by))
    spaces = {}
    for name, given in latents.items():
        points = _points(_look_up(adata, "obsm", given) if isinstance(given, str) else given, name)
        spaces[name] = _Space(points, known, batch, n_neighbors, n_folds, resolutions, seed)
    n_cells = {len(space.points) for space in spaces.values()}
    if len(n_cells) > 1:
        raise ValueError(f"latents to compare are of the same cells, got {listing(f'{n:,}' for n in sorted(n_cells))}")
    figures = {name: space.figures(metrics) for name, space in progress(spaces.items(), "Comparing", unit="latents")}
    table = bootstrap.table(
        figures,
        n := n_cells.pop(),
        ["metric"],
        baseline=baseline,
        groups=bootstrap.group_numbers(groups, n),
        n_boot=n_boot,
        seed=seed,
        width=len(set(map(str, np.asarray(known)))),
        limits=_LIMITS,
    )
    details = [
        spaces[model].details.get(metric, "") for model, metric in zip(table["model"], table["metric"], strict=True)
    ]
    table.insert(list(table.columns).index("high") + 1, "detail", details)
    return table


@dataclass(frozen=True)
class _Space:
    """One latent space, and what is measured of it."""

    points: NDArray[np.float64]
    labels: ArrayLike
    batches: ArrayLike | None
    n_neighbors: int
    n_folds: int
    resolutions: Sequence[float]
    seed: int
    details: dict[str, str] = field(default_factory=dict)  # of each metric

    def figures(self, metrics: Sequence[str]) -> bootstrap.Figures[tuple[str]]:
        """Return the figures of all metrics, and describe them in `details`."""
        made: dict[str, mixing.Figure] = {}
        if {"knn_accuracy", "knn_macro_f1"} & set(metrics):
            votes = _vote(self.points, self.labels, self.n_neighbors, self.n_folds)
            made |= {"knn_accuracy": votes.accuracy, "knn_macro_f1": votes.macro_f1}
            self.details.update(dict.fromkeys(made, f"{self.n_neighbors} neighbours, {self.n_folds} folds"))
        if {"leiden_ari", "leiden_nmi"} & set(metrics):
            codes, _ = _codes(self.labels, len(self.points))
            tried = _leiden(self.points, self.resolutions, self.n_neighbors, self.seed)
            for name, measure in (("leiden_ari", adjusted_rand), ("leiden_nmi", normalized_mutual_information)):
                best = _best_clusters(codes, tried, measure)
                made[name], n_clusters = best.figure, tried[best.at].max() + 1
                self.details[name] = f"resolution {self.resolutions[best.at]:g}, {n_clusters} clusters"
        others = {metric: self._other(metric) for metric in metrics if metric not in made}
        wanted = {metric: (made | others)[metric] for metric in metrics}
        return lambda weights: {(metric,): figure(weights) for metric, figure in wanted.items()}

    def _other(self, metric: str) -> mixing.Figure:
        codes, _ = _codes(self.labels, len(self.points))
        if metric in {"clisi", "graph_connectivity"}:
            of_types = {"clisi": lambda: mixing.lisi(self.points, codes, mixed=False)}
            return of_types.get(metric, lambda: mixing.graph_connectivity(self.points, codes))()
        some = _some_cells(len(self.points), self.seed)
        if metric == "silhouette":
            return _silhouette(self.points[some], codes[some], some)
        if self.batches is None:
            raise ValueError(f"{metric!r} says how well batches mix: pass batches=, such as a column of donors")
        batch, _ = _codes(self.batches, len(self.points), what="batches")
        if metric == "bras":
            figure = mixing.bras(self.points[some], codes[some], batch[some])
            return lambda weights: figure(weights[:, some])
        return mixing.kbet(self.points, batch) if metric == "kbet" else mixing.lisi(self.points, batch, mixed=True)


def knn_scores(
    latent: ArrayLike,
    labels: ArrayLike,
    *,
    n_neighbors: int = 15,
    n_folds: int = 5,
    n_boot: int = 1000,
    seed: int = 0,
) -> KNNScores:
    """Predict each cell's label by the majority of its nearest neighbours in the other folds.

    Folds are stratified and dealt in the order of the rows, so they are the same for every latent and every call.

    Parameters
    ----------
    latent
        ``(n, d)`` finite coordinates.
    labels
        ``(n,)`` labels of at least two classes. Classes with fewer cells than folds are left out, with a warning.
    n_neighbors
        Neighbours that vote.
    n_boot
        Resamplings of the cells behind the intervals; 0: no intervals.
    """
    votes = _vote(_points(latent, "latent"), labels, n_neighbors, n_folds)
    return KNNScores(**votes.intervals(n_boot, seed), predicted=votes.predicted)


class _Votes(NamedTuple):
    """The true and the voted classes of the cells that voters know, and all cells' predicted labels."""

    true: NDArray[np.bool_]  # (m, classes)
    voted: NDArray[np.bool_]
    cells: NDArray[np.int64]  # (m,) their numbers among all cells
    predicted: NDArray[np.object_]  # (n,)

    def accuracy(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return accuracy(Counts.of(self.true, self.voted, weights[:, self.cells]))

    def macro_f1(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return macro(f1(Counts.of(self.true, self.voted, weights[:, self.cells])))

    def intervals(self, n_boot: int, seed: int) -> dict[str, Interval]:
        """Return accuracy and macro F1 with intervals over the cells that have a vote."""
        own = self._replace(cells=np.arange(len(self.cells)))
        return bootstrap.intervals(
            lambda weights: {"accuracy": own.accuracy(weights), "macro_f1": own.macro_f1(weights)},
            len(self.cells),
            n_boot=n_boot,
            seed=seed,
        )


def _vote(points: NDArray[np.float64], labels: ArrayLike, n_neighbors: int, n_folds: int) -> _Votes:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    codes, classes = _codes(labels, len(points))
    if n_folds < 2:
        raise ValueError(f"n_folds must be 2 or more, got {n_folds}")
    large = _large_enough(codes, classes, n_folds)
    fewest = int(large.sum()) - -(-int(large.sum()) // n_folds)
    if not 1 <= n_neighbors <= fewest:
        raise ValueError(f"n_neighbors must be 1 to {fewest:,}, the cells in the other folds, got {n_neighbors}")
    folds = StratifiedKFold(n_folds)
    voted = cross_val_predict(KNeighborsClassifier(n_neighbors), points[large], codes[large], cv=folds)
    predicted = np.full(len(points), None, dtype=object)
    predicted[large] = np.asarray(classes, dtype=object)[voted]
    one_hot = np.eye(len(classes), dtype=bool)
    return _Votes(one_hot[codes[large]], one_hot[voted], np.flatnonzero(large), predicted)


def knn_transfer(
    reference: ArrayLike,
    labels: ArrayLike,
    latent: ArrayLike,
    truth: ArrayLike,
    *,
    n_neighbors: int = 15,
    n_boot: int = 1000,
    seed: int = 0,
) -> KNNScores:
    """Carry labels from one data set to another, by the majority of each cell's nearest neighbours, and score them.

    Both are embedded by the same model, best one that was trained on the reference alone.

    Parameters
    ----------
    reference, labels
        ``(m, d)`` finite coordinates of the labelled cells, and their ``(m,)`` labels of at least two classes.
    latent, truth
        ``(n, d)`` coordinates of the other cells, and their ``(n,)`` true labels, named as in `labels`. Cells of
        classes that the reference lacks count as wrong, with a warning.
    n_neighbors
        Neighbours in the reference that vote.
    n_boot
        Resamplings of the other cells behind the intervals; 0: no intervals.

    Examples
    --------
    >>> model = gl.Run(model, healthy).fit().model
    >>> spaces = gl.infer.embed(model, healthy), gl.infer.embed(model, patients)
    >>> knn_transfer(spaces[0], healthy.adata.obs["cell_type"], spaces[1], patients.adata.obs["cell_type"])
    """
    from sklearn.neighbors import KNeighborsClassifier

    points, others = _points(reference, "reference"), _points(latent, "latent")
    if points.shape[1] != others.shape[1]:
        raise ValueError(
            f"both spaces must have the same dimensions, got {points.shape[1]} in the reference and {others.shape[1]}: "
            "embed both by one model"
        )
    codes, known = _codes(labels, len(points))
    true_codes, true = _codes(truth, len(others), fewest=1)
    if not 1 <= n_neighbors <= len(points):
        raise ValueError(f"n_neighbors must be 1 to {len(points):,}, the cells of the reference, got {n_neighbors}")
    classes = _joined(known, true, np.bincount(true_codes))
    voted = KNeighborsClassifier(n_neighbors).fit(points, codes).predict(others)
    predicted = np.asarray(known, dtype=object)[voted]
    place = {str(name): at for at, name in enumerate(classes)}
    found = np.array([place[str(name)] for name in true])[true_codes]
    one_hot = np.eye(len(classes), dtype=bool)
    votes = _Votes(one_hot[found], one_hot[voted], np.arange(len(others)), predicted)
    return KNNScores(**votes.intervals(n_boot, seed), predicted=predicted)


def _joined(known: list[Any], true: list[Any], sizes: NDArray[np.int64]) -> list[Any]:
    """Return the classes of a reference, followed by those that it lacks; classes are the same by name."""
    names = set(map(str, known))
    new = [(name, size) for name, size in zip(true, sizes, strict=True) if str(name) not in names]
    if len(new) == len(true):
        raise ValueError(
            f"no class of the other cells ({listing(true)}) is one of the reference's ({listing(known)}): name the "
            "classes of both alike"
        )
    if new:
        warn(
            f"{sum(size for _, size in new):,} of {sizes.sum():,} cells are of classes that the reference lacks, and "
            f"count as wrong: {listing(f'{name} ({size:,})' for name, size in new)}"
        )
    return [*known, *(name for name, _ in new)]


def leiden_ari(
    latent: ArrayLike,
    labels: ArrayLike,
    *,
    resolutions: Sequence[float] = RESOLUTIONS,
    n_neighbors: int = 15,
    n_boot: int = 1000,
    seed: int = 0,
) -> LeidenScore:
    """Cluster cells by `scanpy.tl.leiden` at several resolutions, and compare the best clusters with the labels.

    Parameters
    ----------
    latent
        ``(n, d)`` finite coordinates.
    labels
        ``(n,)`` labels of at least two classes.
    n_neighbors
        Neighbours of a cell in the graph of `scanpy.pp.neighbors`, itself counted as one. They are exact.
    n_boot
        Resamplings of the cells, at the best resolution, behind the interval; 0: no interval.
    seed
        Of the clusters and the resamplings.

    Raises
    ------
    ImportError
        igraph is not installed.
    """
    points = _points(latent, "latent")
    codes, classes = _codes(labels, len(points))
    clusters = _leiden(points, resolutions, n_neighbors, seed)
    best = _best_clusters(codes, clusters, adjusted_rand)
    n_clusters = [int(each.max()) + 1 for each in clusters]
    tried = pd.DataFrame({"resolution": list(resolutions), "n_clusters": n_clusters, "ari": best.scores})
    ari = bootstrap.intervals(
        lambda weights: {"ari": best.figure(weights)}, len(points), n_boot=n_boot, seed=seed, width=len(classes)
    )
    return LeidenScore(ari["ari"], float(resolutions[best.at]), clusters[best.at], tried)


class _Best(NamedTuple):
    """The clusters that agree best with the labels: their place, what they score, and the scores of all."""

    at: int
    figure: mixing.Figure
    scores: list[float]


def _best_clusters(codes: NDArray[np.int64], clusters: list[NDArray[np.int64]], measure: mixing.Figure) -> _Best:
    tables = [_contingency(codes, each) for each in clusters]
    scores = [float(measure(table(np.ones((1, len(codes)))))[0]) for table in tables]
    at = int(np.argmax(scores))
    return _Best(at, lambda weights: measure(tables[at](weights)), scores)


def _leiden(
    points: NDArray[np.float64], resolutions: Sequence[float], n_neighbors: int, seed: int
) -> list[NDArray[np.int64]]:
    """Cluster points at each resolution; the same seed gives the same clusters."""
    if len(resolutions) == 0:
        raise ValueError("Leiden clustering needs at least one resolution to try")
    if not 2 <= n_neighbors <= len(points):
        raise ValueError(f"n_neighbors must be 2 to {len(points):,}, the number of cells, got {n_neighbors}")
    try:
        import igraph  # noqa: F401 - scanpy needs it, and says so in other words
    except ImportError as error:
        raise ImportError("Leiden clustering needs igraph: pip install 'genolab[cells]'") from error
    import scanpy as sc

    cells = AnnData(obs=pd.DataFrame(index=np.arange(len(points)).astype(str)))
    graph = neighbor_graph(points, n_neighbors)
    for number, resolution in enumerate(resolutions):
        sc.tl.leiden(
            cells,
            resolution,
            adjacency=graph,
            flavor="igraph",
            directed=False,
            n_iterations=2,
            random_state=seed,
            key_added=str(number),
        )
    return [cells.obs[str(number)].cat.codes.to_numpy(dtype=np.int64) for number in range(len(resolutions))]


def _contingency(codes: NDArray[np.int64], clusters: NDArray[np.int64]) -> Any:
    """Return a function from weights ``(b, n)`` to tables ``(b, classes, clusters)`` of their sums."""
    shape = (int(codes.max()) + 1, int(clusters.max()) + 1)
    place = (np.arange(len(codes)), codes * shape[1] + clusters)
    cells = sparse.csr_array((np.ones(len(codes)), place), shape=(len(codes), shape[0] * shape[1]))
    return lambda weights: (weights @ cells).reshape(-1, *shape)


def _some_cells(n_cells: int, seed: int) -> NDArray[np.int64]:
    """Return the numbers of all cells, or of as many as all pairs can be compared of."""
    if n_cells <= _SILHOUETTE_CELLS:
        return np.arange(n_cells)
    return np.random.default_rng(seed).choice(n_cells, _SILHOUETTE_CELLS, replace=False)


def _silhouette(points: NDArray[np.float64], codes: NDArray[np.int64], cells: NDArray[np.int64]) -> mixing.Figure:
    from sklearn.metrics import silhouette_samples

    each = silhouette_samples(points, codes)
    return lambda weights: weights[:, cells] @ each / np.maximum(weights[:, cells].sum(axis=1), 1)


def _look_up(adata: AnnData | None, place: Literal["obs", "obsm"], name: str) -> Any:
    if adata is None:
        raise KeyError(f"{name!r} is a name in {place}, so say of what: pass adata=cells")
    check_key(adata, place, name)
    return getattr(adata, place)[name]


def _points(latent: ArrayLike, name: str) -> NDArray[np.float64]:
    points = np.asarray(latent, dtype=np.float64)
    if points.ndim != 2 or 0 in points.shape:
        raise ValueError(f"{name!r} must be cells by dimensions, got shape {points.shape}")
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points)).any(axis=1).sum())
        raise ValueError(f"{name!r} must be finite, and {bad:,} of {len(points):,} cells have NaN or infinity in it")
    return points


def _codes(
    labels: ArrayLike, n_cells: int, *, fewest: int = 2, what: str = "labels"
) -> tuple[NDArray[np.int64], list[Any]]:
    """Return each cell's number of its class, and the classes in order."""
    column = pd.Series(labels).reset_index(drop=True)
    if len(column) != n_cells:
        raise ValueError(f"there must be one label a cell: {n_cells:,} cells, {len(column):,} {what}")
    if column.isna().any():
        raise ValueError(
            f"every cell must have a label, and {int(column.isna().sum()):,} of {n_cells:,} have none: "
            "leave these cells out of both latents and labels"
        )
    codes, classes = pd.factorize(column, sort=True)
    if len(classes) < fewest:
        raise ValueError(f"{what} must have at least two classes, got only {list(classes)}")
    return codes.astype(np.int64), list(classes)


def _large_enough(codes: NDArray[np.int64], classes: Sequence[Any], n_folds: int) -> NDArray[np.bool_]:
    large = np.bincount(codes) >= n_folds
    sizes = [f"{name} ({size})" for name, size in zip(classes, np.bincount(codes), strict=True)]
    if large.sum() < 2:
        raise ValueError(
            f"at least two classes must have {n_folds} cells, one a fold; they have {listing(sizes)}: take fewer folds"
        )
    if not large.all():
        small = [size for size, enough in zip(sizes, large, strict=True) if not enough]
        warn(f"classes with fewer than {n_folds} cells, one a fold, are left out: {listing(small)}")
    kept: NDArray[np.bool_] = large[codes]
    return kept
