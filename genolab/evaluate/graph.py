"""A graph of nearest neighbours, and communities in it: what scanpy's ``neighbors`` and ``leiden`` do, on an array."""

import random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_SEARCH_STEPS: Final = 64  # halvings in the search for a cell's bandwidth, and its tolerance: UMAP's own
_TOLERANCE: Final = 1e-5
_LEAST_BANDWIDTH: Final = 1e-3  # of the mean distance, also UMAP's


def fuzzy_graph(latent: NDArray[np.floating], n_neighbors: int = 15) -> sparse.csr_matrix:
    """Join each cell to its nearest neighbours with UMAP's weights, as `scanpy.pp.neighbors` does by default.

    A neighbour's weight falls with its distance beyond the nearest one, at a bandwidth at which a cell's weights add up
    to log2 of `n_neighbors`; the two directions of an edge are joined as a + b - ab (McInnes et al. 2018).

    Parameters
    ----------
    latent
        ``(n, d)`` finite coordinates.
    n_neighbors
        Neighbours of a cell, itself counted as one, as in scanpy; at most n.

    Returns
    -------
    scipy.sparse.csr_matrix
        ``(n, n)`` symmetric weights from 0 to 1, exact neighbours (no approximation).
    """
    from sklearn.neighbors import NearestNeighbors

    distance, neighbour = NearestNeighbors(n_neighbors=n_neighbors - 1).fit(latent).kneighbors()  # (n, k - 1)
    beyond = np.maximum(distance - _nearest(distance), 0)
    weight = np.exp(-beyond / _bandwidth(beyond, distance, n_neighbors))
    n = len(latent)
    at = (np.repeat(np.arange(n), n_neighbors - 1), neighbour.ravel())
    one_way = sparse.csr_matrix((weight.ravel(), at), shape=(n, n))
    return sparse.csr_matrix(one_way + one_way.T - one_way.multiply(one_way.T))


def _nearest(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each cell's distance to its nearest neighbour that isn't at the same place, ``(n, 1)``; 0 without one."""
    nearest = np.where(distance > 0, distance, np.inf).min(axis=1, keepdims=True)
    return np.where(np.isfinite(nearest), nearest, 0)


def _bandwidth(beyond: NDArray[np.float64], distance: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Search, for all cells at once, the bandwidth ``(n, 1)`` at which a cell's weights add up to log2(k)."""
    low, high, middle = np.zeros(len(beyond)), np.full(len(beyond), np.inf), np.ones(len(beyond))
    for _ in range(_SEARCH_STEPS):
        excess = np.exp(-beyond / middle[:, None]).sum(axis=1) - np.log2(k)
        if (np.abs(excess) < _TOLERANCE).all():
            break
        open_ = np.abs(excess) >= _TOLERANCE
        high = np.where(open_ & (excess > 0), middle, high)
        low = np.where(open_ & (excess < 0), middle, low)
        halved = np.where(np.isinf(high), middle * 2, (low + np.where(np.isinf(high), 0, high)) / 2)
        middle = np.where(open_, halved, middle)
    mean = distance.sum(axis=1) / k  # over k, as the cell itself, at distance 0, is one of them
    least = _LEAST_BANDWIDTH * np.where(distance.max(axis=1) > 0, mean, mean.mean())
    wide: NDArray[np.float64] = np.maximum(np.maximum(middle, least), np.finfo(float).tiny)
    return wide[:, None]


def graph_of(weights: sparse.csr_matrix) -> Any:
    """Return an ``igraph.Graph`` of the undirected edges in `weights`, for `leiden`.

    Raises
    ------
    ImportError
        igraph is not installed.
    """
    try:
        import igraph
    except ImportError as error:
        raise ImportError("Leiden clustering needs igraph: pip install 'genolab[cells]'") from error
    upper = sparse.triu(weights, k=1).tocoo()
    edges = np.column_stack([upper.row, upper.col])
    return igraph.Graph(n=weights.shape[0], edges=edges, edge_attrs={"weight": upper.data})


def leiden(graph: Any, *, resolution: float = 1.0, seed: int = 0) -> NDArray[np.int64]:
    """Find communities that maximise modularity (Traag et al. 2019), as `scanpy.tl.leiden` does with igraph.

    Parameters
    ----------
    graph
        What `graph_of` gives.
    resolution
        Larger values give more communities.
    seed
        The same seed gives the same communities; no global random state is used.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` numbers of communities, from 0.
    """
    import igraph

    igraph.set_random_number_generator(random.Random(seed))  # noqa: S311 - no secret is drawn
    try:
        found = graph.community_leiden(
            objective_function="modularity", weights="weight", resolution=resolution, n_iterations=2
        )
    finally:
        igraph.set_random_number_generator(random)  # igraph's own default
    return np.asarray(found.membership, dtype=np.int64)
