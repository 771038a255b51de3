"""The graph of nearest neighbours that `scanpy.pp.neighbors` makes, without umap: importing that compiles for 10 s."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]

_HALVINGS: Final = 64
_LEAST_BANDWIDTH: Final = 1e-3  # of the mean distance, as in UMAP


def neighbor_graph(points: Array, n_neighbors: int) -> sparse.csr_matrix:
    """Join points ``(n, d)`` to their exact nearest neighbours with UMAP's weights (McInnes et al. 2018), ``(n, n)``.

    A neighbour's weight falls with its distance beyond the nearest one's, and the two directions of an edge are joined
    as a + b - ab. A point counts as one of its neighbours, as in scanpy.
    """
    from sklearn.neighbors import NearestNeighbors

    distance, neighbour = NearestNeighbors(n_neighbors=n_neighbors - 1).fit(points).kneighbors()  # (n, k - 1)
    nearest = np.where(distance > 0, distance, np.inf).min(axis=1, keepdims=True)  # at another place
    beyond = np.maximum(distance - np.where(np.isfinite(nearest), nearest, 0), 0)
    mean = distance.sum(axis=1, keepdims=True) / n_neighbors
    least = _LEAST_BANDWIDTH * np.where(np.isfinite(nearest), mean, mean.mean())
    weight = _weights(beyond, np.maximum(_bandwidth(beyond, np.log2(n_neighbors)), least))
    at = (np.repeat(np.arange(len(points)), n_neighbors - 1), neighbour.ravel())
    one_way = sparse.csr_matrix((weight.ravel(), at), shape=(len(points), len(points)))
    return sparse.csr_matrix(one_way + one_way.T - one_way.multiply(one_way.T))


def _bandwidth(beyond: Array, total: float) -> Array:
    """Search by halving, for all points at once, the bandwidth ``(n, 1)`` at which their weights add up to `total`."""
    high: Array = 5 * beyond.max(axis=1, keepdims=True)  # wide enough for every k
    low = np.zeros_like(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        wide = _weights(beyond, middle).sum(axis=1, keepdims=True) > total
        low, high = np.where(wide, low, middle), np.where(wide, middle, high)
    return high


def _weights(beyond: Array, bandwidth: Array) -> Array:
    weights: Array = np.exp(-beyond / np.maximum(bandwidth, np.finfo(np.float64).tiny))
    return weights
