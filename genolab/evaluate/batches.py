"""Whether cells of one type lie together, and those of different batches mix: the definitions of scib-metrics.

Luecken et al. 2022 (doi:10.1038/s41592-021-01336-8). Each figure is a value for each cell, and how these are averaged,
so that it can be computed of weighted cells: weights of one everywhere give scib-metrics' values.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import chi2

from genolab.evaluate.metrics import macro, weighted_median

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Figure = Callable[[Array], Array]

_LISI_NEIGHBORS: Final = 90  # as many as scib-metrics' own benchmark takes, a cell itself counted as one
_KBET_NEIGHBORS: Final = 50
_GRAPH_NEIGHBORS: Final = 15
_SEARCH_STEPS: Final = 50
_TOLERANCE: Final = 1e-5  # of the entropy, as scib-metrics'
_ACCEPTED: Final = 0.05  # the p-value from which on kBET accepts a neighbourhood as mixed


def lisi(points: Array, codes: Codes, *, mixed: bool) -> Figure:
    """Measure the median number of classes in a cell's neighbourhood (Korsunsky et al. 2019), scaled to 0 to 1.

    `mixed`: 1 where all classes are equally frequent round the median cell (iLISI, of batches); else 1 where there is
    one (cLISI, of cell types). Neighbours count the less the farther they are; a third of them counts (the perplexity).
    """
    n_classes = int(codes.max()) + 1
    distance, neighbour = _neighbors(points, _LISI_NEIGHBORS)
    weight = _perplexity_weights(distance, max(1, (distance.shape[1] + 1) // 3))
    share = np.stack([(weight * (codes[neighbour] == k)).sum(axis=1) for k in range(n_classes)])
    effective = 1 / (share**2).sum(axis=0)
    return weighted_median((effective - 1 if mixed else n_classes - effective) / (n_classes - 1))


def _perplexity_weights(distance: Array, perplexity: float) -> Array:
    """Return weights ``(n, k)`` that fall exponentially with the distance, of the same entropy in each row."""
    low, high, rate = (np.full((len(distance), 1), value) for value in (-np.inf, np.inf, 1.0))
    beyond = distance - distance[:, :1]
    for _ in range(_SEARCH_STEPS):
        weight: Array = np.exp(-beyond * rate)
        weight /= weight.sum(axis=1, keepdims=True)
        off = -(weight * np.log(np.maximum(weight, 1e-300))).sum(axis=1, keepdims=True) - np.log(perplexity)
        near, flat = np.abs(off) < _TOLERANCE, off > 0
        low, high = np.where(flat, rate, low), np.where(flat, high, rate)
        one_sided = np.where(flat, 2 * rate, rate / 2)
        rate = np.where(near, rate, np.where(np.isinf(high - low), one_sided, (low + high) / 2))
    return weight


def kbet(points: Array, batches: Codes) -> Figure:
    """Measure the share of cells whose neighbourhood has batches as frequent as all cells have (Buttner et al. 2019).

    By a chi-squared test; 1 is mixed.
    """
    neighbour = np.column_stack([_neighbors(points, _KBET_NEIGHBORS)[1], np.arange(len(points))])
    share = np.bincount(batches) / len(batches)
    count = np.stack([(batches[neighbour] == k).sum(axis=1) for k in range(len(share))], axis=1)
    expected = share * neighbour.shape[1]
    accepted = chi2.sf(((count - expected) ** 2 / expected).sum(axis=1), len(share) - 1) >= _ACCEPTED
    return lambda weights: weights @ accepted / weights.sum(axis=1)


def graph_connectivity(points: Array, codes: Codes) -> Figure:
    """Measure the share of a type's cells in its largest connected part of the neighbour graph, the mean over types."""
    distance, neighbour = _neighbors(points, _GRAPH_NEIGHBORS)
    rows = np.repeat(np.arange(len(points)), distance.shape[1])
    graph = sparse.csr_array((np.ones(neighbour.size), (rows, neighbour.ravel())), shape=(len(points),) * 2)
    largest = np.zeros(len(points))
    for code in range(int(codes.max()) + 1):
        of_type = np.flatnonzero(codes == code)
        part = sparse.csgraph.connected_components(graph[of_type][:, of_type], connection="strong")[1]
        largest[of_type] = part == np.bincount(part).argmax()
    return _mean_over(largest, codes)


def bras(points: Array, codes: Codes, batches: Codes) -> Figure:
    """Measure how mixed the batches of each type are, by silhouettes (BRAS, Rautenstrauch and Ohler 2025); 1 is mixed.

    By the cosine distances to the cells of the same batch and of all others. Types of one batch are left out.
    """
    values = np.full(len(codes), np.nan)
    for code in range(int(codes.max()) + 1):
        of_type = np.flatnonzero(codes == code)
        number = np.unique(batches[of_type], return_inverse=True)[1]
        if 1 < number.max() + 1 < len(of_type):
            values[of_type] = 1 - np.abs(_mixing_silhouettes(points[of_type], number))
    known = np.isfinite(values)
    return _mean_over(np.where(known, values, 0), np.where(known, codes, -1))


def _mixing_silhouettes(points: Array, batch: Codes) -> Array:
    from sklearn.metrics.pairwise import cosine_distances

    one_hot = np.eye(int(batch.max()) + 1)[batch]
    total = cosine_distances(points) @ one_hot  # (n, batches)
    size, row = one_hot.sum(axis=0)[batch], np.arange(len(batch))
    own = total[row, batch]
    outside = (total.sum(axis=1) - own) / (len(batch) - size)
    inside = np.divide(own, size - 1, out=np.full(len(own), np.nan), where=size > 1)
    widest = np.maximum(inside, outside)
    silhouettes: Array = np.nan_to_num((outside - inside) / np.where(widest > 0, widest, np.nan))
    return silhouettes


def _mean_over(values: Array, codes: Codes) -> Figure:
    """Return the mean over types of the mean over their cells; of cells without a type, -1, none."""
    member = (codes[:, None] == np.arange(int(codes.max()) + 1)).astype(np.float64)

    def figure(weights: Array) -> Array:
        cells = weights @ member
        return macro(
            np.divide(weights @ (member * values[:, None]), cells, out=np.full(cells.shape, np.nan), where=cells > 0)
        )

    return figure


def _neighbors(points: Array, n_neighbors: int) -> tuple[Array, Codes]:
    """Return distances and numbers of each cell's neighbours, the cell itself counted but not among them."""
    from sklearn.neighbors import NearestNeighbors

    k = min(n_neighbors, len(points)) - 1
    distance, neighbour = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    return distance, neighbour.astype(np.int64)
