"""How well a latent space keeps what is known about the cells."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from genolab.evaluate.agreement import Interval, accuracy, adjusted_rand, bounds, cross_table, interval, macro_f1
from genolab.evaluate.graph import fuzzy_graph, graph_of, leiden

RESOLUTIONS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5)
"""The resolutions among which `leiden_ari` looks for the best."""

METRICS: Final = ("knn_accuracy", "knn_macro_f1", "leiden_ari")
"""What `latents` measures unless told otherwise; ``"silhouette"`` is the fourth it knows."""

_ALL_METRICS: Final = (*METRICS, "silhouette")
_SILHOUETTE_CELLS: Final = 5000  # all pairs of cells are compared: of more cells than this, a sample


class KNNScores(NamedTuple):
    """How well each cell's type can be read off its neighbours'.

    Attributes
    ----------
    accuracy
        Share of cells whose neighbours' majority has their label.
    macro_f1
        F1 of each class, averaged over classes: rare ones count as much as frequent ones.
    predicted
        ``(n,)`` predicted labels; ``None`` for cells of classes that were left out.
    """

    accuracy: Interval
    macro_f1: Interval
    predicted: NDArray[np.object_]


class LeidenScore(NamedTuple):
    """How well communities, found without labels, agree with the labels.

    Attributes
    ----------
    ari
        Adjusted Rand index at the best resolution: 1 for the same partition, 0 for chance. The best was chosen by the
        labels, so the figure is what a careful user could reach, not what a blind one would.
    resolution
        The best resolution.
    clusters
        ``(n,)`` numbers of the communities at it.
    tried
        One row a resolution: ``resolution``, ``n_clusters``, ``ari``.
    """

    ari: Interval
    resolution: float
    clusters: NDArray[np.int64]
    tried: pd.DataFrame

    @property
    def told(self) -> str:
        """The best resolution and its number of communities, in words."""
        return f"resolution {self.resolution:g}, {self.clusters.max() + 1} clusters"


def latents(
    latents: Mapping[str, ArrayLike | str],
    labels: ArrayLike | str,
    *,
    adata: AnnData | None = None,
    metrics: Sequence[str] = METRICS,
    n_neighbors: int = 15,
    n_folds: int = 5,
    resolutions: Sequence[float] = RESOLUTIONS,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare latent spaces of the same cells by what is known about the cells.

    Parameters
    ----------
    latents
        Name to ``(n, d)`` coordinates, or to a key of ``adata.obsm``. Put a baseline such as PCA among them.
    labels
        ``(n,)`` labels, or a column of ``adata.obs``.
    adata
        Where keys and columns are looked up.
    metrics
        Out of ``"knn_accuracy"``, ``"knn_macro_f1"``, ``"leiden_ari"`` (needs igraph) and ``"silhouette"`` (mean over
        the cells, of which at most 5,000 are drawn by `seed`).
    n_neighbors, n_folds, resolutions, n_boot, seed
        As in `knn_scores` and `leiden_ari`.

    Returns
    -------
    DataFrame
        One row for each latent and metric: ``model``, ``metric``, ``value``, ``low``, ``high`` (95 % interval),
        ``detail``.

    Raises
    ------
    KeyError
        A key or column isn't in `adata`.
    ValueError
        As in `knn_scores`, or a metric is unknown, or there are no latents.
    """
    unknown = set(metrics) - set(_ALL_METRICS)
    if unknown:
        raise ValueError(f"metrics are {', '.join(_ALL_METRICS)}; got {sorted(unknown)}")
    if not latents:
        raise ValueError("there are no latents to compare: pass a dictionary of names and coordinates")
    known = _found(adata, "obs", labels) if isinstance(labels, str) else labels
    rows = []
    for name, given in latents.items():
        points = _points(_found(adata, "obsm", given) if isinstance(given, str) else given, name)
        if {"knn_accuracy", "knn_macro_f1"} & set(metrics):
            knn = knn_scores(points, known, n_neighbors=n_neighbors, n_folds=n_folds, n_boot=n_boot, seed=seed)
            votes = f"{n_neighbors} neighbours, {n_folds} folds"
            rows += [(name, "knn_accuracy", *knn.accuracy, votes), (name, "knn_macro_f1", *knn.macro_f1, votes)]
        if "leiden_ari" in metrics:
            best = leiden_ari(points, known, resolutions=resolutions, n_neighbors=n_neighbors, n_boot=n_boot, seed=seed)
            rows.append((name, "leiden_ari", *best.ari, best.told))
        if "silhouette" in metrics:
            rows.append((name, "silhouette", *_silhouette(points, known, n_boot, seed), ""))
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high", "detail"])
    return table[table["metric"].isin(metrics)].reset_index(drop=True)


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
    n_folds
        Parts that the cells are dealt into; each is predicted from the others.
    n_boot
        Resamplings of the cells behind the interval; 0: no interval.
    seed
        Of the resamplings.

    Raises
    ------
    ValueError
        The latent isn't finite or two-dimensional, labels are missing or of another length, or fewer than two classes
        are large enough.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    points = _points(latent, "latent")
    codes, classes = _codes(labels, len(points))
    if n_folds < 2:
        raise ValueError(f"n_folds must be 2 or more, got {n_folds}")
    large = _large_enough(codes, classes, n_folds)
    fewest = int(large.sum()) - -(-int(large.sum()) // n_folds)
    if not 1 <= n_neighbors <= fewest:
        raise ValueError(f"n_neighbors must be 1 to {fewest:,}, the cells in the other folds, got {n_neighbors}")
    voted = cross_val_predict(
        KNeighborsClassifier(n_neighbors), points[large], codes[large], cv=StratifiedKFold(n_folds)
    )
    predicted = np.full(len(points), None, dtype=object)
    predicted[large] = np.asarray(classes, dtype=object)[voted]
    table = cross_table(codes[large], voted, (len(classes), len(classes)))
    return KNNScores(
        accuracy=interval(table, accuracy, n_boot=n_boot, seed=seed),
        macro_f1=interval(table, macro_f1, n_boot=n_boot, seed=seed),
        predicted=predicted,
    )


def leiden_ari(
    latent: ArrayLike,
    labels: ArrayLike,
    *,
    resolutions: Sequence[float] = RESOLUTIONS,
    n_neighbors: int = 15,
    n_boot: int = 1000,
    seed: int = 0,
) -> LeidenScore:
    """Find communities of the neighbour graph at several resolutions, and hold the best against the labels.

    Graph and communities are those of `scanpy.pp.neighbors` and `scanpy.tl.leiden` (flavor igraph).

    Parameters
    ----------
    latent
        ``(n, d)`` finite coordinates.
    labels
        ``(n,)`` labels of at least two classes.
    resolutions
        Those tried.
    n_neighbors
        Neighbours of a cell in the graph, itself counted as one.
    n_boot
        Resamplings of the cells, at the best resolution, behind the interval; 0: no interval.
    seed
        Of the communities and the resamplings.

    Raises
    ------
    ImportError
        igraph is not installed.
    ValueError
        As in `knn_scores`, or no resolution is given.
    """
    points = _points(latent, "latent")
    codes, classes = _codes(labels, len(points))
    if len(resolutions) == 0:
        raise ValueError("leiden_ari needs at least one resolution to try")
    if not 2 <= n_neighbors <= len(points):
        raise ValueError(f"n_neighbors must be 2 to {len(points):,}, the number of cells, got {n_neighbors}")
    graph = graph_of(fuzzy_graph(points, n_neighbors))
    found = [leiden(graph, resolution=resolution, seed=seed) for resolution in resolutions]
    tables = [cross_table(codes, clusters, (len(classes), int(clusters.max()) + 1)) for clusters in found]
    scores = [float(adjusted_rand(table)) for table in tables]
    best = int(np.argmax(scores))
    tried = pd.DataFrame(
        {"resolution": list(resolutions), "n_clusters": [table.shape[1] for table in tables], "ari": scores}
    )
    ari = interval(tables[best], adjusted_rand, n_boot=n_boot, seed=seed)
    return LeidenScore(ari, float(resolutions[best]), found[best], tried)


def _silhouette(points: NDArray[np.float64], labels: ArrayLike, n_boot: int, seed: int) -> Interval:
    from sklearn.metrics import silhouette_samples

    codes, _ = _codes(labels, len(points))
    random = np.random.default_rng(seed)
    if len(points) > _SILHOUETTE_CELLS:
        some = random.choice(len(points), _SILHOUETTE_CELLS, replace=False)
        points, codes = points[some], codes[some]
    each = silhouette_samples(points, codes)
    means = [each[random.integers(len(each), size=len(each))].mean() for _ in range(n_boot)]
    return bounds(float(each.mean()), np.asarray(means))


def _found(adata: AnnData | None, place: str, name: str) -> Any:
    """Look up a key of obsm or a column of obs."""
    if adata is None:
        raise KeyError(f"{name!r} is a name in {place}, so say of what: pass adata=cells")
    held = getattr(adata, place)
    if name not in held:
        raise KeyError(f"'{place}/{name}' is not in this AnnData; {place} has {list(held.keys())}")
    return held[name]


def _points(latent: ArrayLike, name: str) -> NDArray[np.float64]:
    points = np.asarray(latent, dtype=np.float64)
    if points.ndim != 2 or 0 in points.shape:
        raise ValueError(f"{name!r} must be cells by dimensions, got shape {points.shape}")
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points)).any(axis=1).sum())
        raise ValueError(f"{name!r} must be finite, and {bad:,} of {len(points):,} cells have NaN or infinity in it")
    return points


def _codes(labels: ArrayLike, n_cells: int) -> tuple[NDArray[np.int64], list[Any]]:
    """Return each cell's number of its class, and the classes in order."""
    column = pd.Series(labels).reset_index(drop=True)
    if len(column) != n_cells:
        raise ValueError(f"there must be one label a cell: {n_cells:,} cells, {len(column):,} labels")
    if column.isna().any():
        raise ValueError(
            f"every cell must have a label, and {int(column.isna().sum()):,} of {n_cells:,} have none: "
            "leave these cells out of both latents and labels"
        )
    codes, classes = pd.factorize(column, sort=True)
    if len(classes) < 2:
        raise ValueError(f"labels must have at least two classes, got only {list(classes)}")
    return codes.astype(np.int64), list(classes)


def _large_enough(codes: NDArray[np.int64], classes: Sequence[Any], n_folds: int) -> NDArray[np.bool_]:
    sizes = np.bincount(codes)
    if (sizes >= n_folds).sum() < 2:
        raise ValueError(
            f"at least two classes must have {n_folds} cells, one a fold; they have {_told(sizes, classes)}: "
            "take fewer folds"
        )
    if (sizes < n_folds).any():
        small = sizes < n_folds
        warnings.warn(
            f"classes with fewer than {n_folds} cells, one a fold, are left out: "
            f"{_told(sizes[small], [c for c, s in zip(classes, small, strict=True) if s])}",
            stacklevel=3,
        )
    large: NDArray[np.bool_] = (sizes >= n_folds)[codes]
    return large


def _told(sizes: NDArray[np.int64], classes: Sequence[Any]) -> str:
    named = [f"{name} ({size})" for name, size in zip(classes[:10], sizes[:10], strict=True)]
    return ", ".join([*named, "..."] if len(classes) > 10 else named)
