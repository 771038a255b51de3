"""Data whose truth is known, one function a domain."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_at_least

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

Floats = NDArray[np.float32]

# Cells are drawn in chunks of this many rows: the dense work space stays at 1,000 x n_genes numbers. It is part of the
# seed's meaning, for every chunk draws from a stream of its own.
_CHUNK = 1_000


class _Truth(NamedTuple):
    """All that decides the mean of every count."""

    cell_type: NDArray[np.int64]  # (n_cells,)
    batch: NDArray[np.int64]  # (n_cells,)
    depth: Floats  # (n_cells,)
    activity: Floats  # (n_cells, n_programmes)
    type_activity: Floats  # (n_types, n_programmes)
    loading: Floats  # (n_genes, n_programmes)
    baseline: Floats  # (n_genes,)
    shift: Floats  # (n_genes, n_batches)
    dispersion: Floats  # (n_genes,)


def simulate_cells(
    n_cells: int = 1_000,
    n_genes: int = 2_000,
    *,
    n_types: int = 5,
    n_programmes: int = 10,
    n_batches: int = 1,
    batch_effect: float = 0.3,
    depth: float = 320.0,
    seed: int = 0,
) -> "AnnData":
    r"""Draw single-cell counts with known cell types, gene programmes and batches.

    The model, for cell i of type t in batch b, and gene g::

        share[i, g] = baseline[g] * exp(activity[i] @ loading[g] + shift[g, b]),  divided by its sum over g
        mean[i, g]  = depth[i] * share[i, g]
        counts[i, g] ~ negative binomial(mean[i, g], variance = mean + mean ** 2 / dispersion[g])

    - ``loading``: every gene is in at most one programme; each programme has 5 % of the genes (less where all
      programmes would need more than half of them), with loadings around 1.
    - ``activity``: of its type, times a factor of its own (gamma, mean 1, standard deviation 0.3). Type t has programme
      ``t % n_programmes`` fully on (2 to 3) and each other one with a chance of 0.2 partly (0.5 to 1.5), at least one
      type each; so types are told apart by programmes, best where there are at least as many programmes as types.
    - ``baseline``: log-normal (sigma 1.5), few genes with most of the counts; ``depth``: log-normal (sigma 0.35).
    - ``shift``: normal with standard deviation `batch_effect`, and 0 in the first batch.
    - ``dispersion``: log-normal around 2 (sigma 0.5), the inverse dispersion that scvi-tools calls theta.

    Parameters
    ----------
    n_cells, n_genes
        A million cells by 2,000 genes take 2.5 GB, and 4 GB while they are drawn.
    n_types, n_programmes, n_batches
        Types and batches are drawn with equal chances, independently.
    batch_effect
        Standard deviation of the log-fold change of a gene between batches; 0 for none.
    depth
        Mean count of a cell over all genes. The default makes about 8 % of 2,000 genes non-zero.
    seed
        The same seed gives the same data, bit for bit.

    Returns
    -------
    AnnData
        ``X`` and ``layers["counts"]``: the same counts, ``(n_cells, n_genes)`` CSR float32, as two copies.
        The truth: ``obs["cell_type"]``, ``obs["batch"]``, ``obs["depth"]``, ``obsm["programme_activity"]``
        ``(n_cells, n_programmes)``, ``varm["programme_loading"]`` ``(n_genes, n_programmes)``, ``varm["batch_shift"]``
        ``(n_genes, n_batches)``, ``var["programme"]``, ``var["baseline"]``, ``var["dispersion"]``, and
        ``uns["simulation"]`` with the arguments and ``type_activity`` ``(n_types, n_programmes)``.

    Examples
    --------
    >>> import genolab as gl
    >>> cells = gl.data.simulate_cells(500, 100, n_types=3, seed=1)
    >>> sorted(cells.obs["cell_type"].unique())
    ['type_1', 'type_2', 'type_3']
    """
    sizes = {"n_cells": n_cells, "n_genes": n_genes, "n_types": n_types}
    sizes |= {"n_programmes": n_programmes, "n_batches": n_batches}
    _check(sizes, batch_effect=batch_effect, depth=depth)
    rng = np.random.default_rng([seed, 0])
    truth = _draw_truth(sizes, batch_effect=batch_effect, depth=depth, rng=rng)
    chunks = [slice(start, min(start + _CHUNK, n_cells)) for start in range(0, n_cells, _CHUNK)]
    counts = _stack([_draw_counts(truth, rows, seed=seed) for rows in chunks], n_genes)
    adata = _annotate(counts, truth)
    adata.uns["simulation"] = {**sizes, "batch_effect": batch_effect, "depth": depth, "seed": seed}
    adata.uns["simulation"]["type_activity"] = truth.type_activity
    return adata


def _check(sizes: dict[str, int], *, batch_effect: float, depth: float) -> None:
    for name, size in sizes.items():
        check_at_least(name, size)
    if not 0 <= batch_effect < np.inf:
        raise ValueError(f"batch_effect must be at least 0 and finite, got {batch_effect}")
    if not 0 < depth < np.inf:
        raise ValueError(f"depth must be above 0 and finite, got {depth}")


def _draw_truth(sizes: dict[str, int], *, batch_effect: float, depth: float, rng: np.random.Generator) -> _Truth:
    n_cells, n_genes, n_types, n_programmes, n_batches = sizes.values()
    cell_type = rng.integers(n_types, size=n_cells)
    batch = rng.integers(n_batches, size=n_cells)
    type_activity = _draw_type_activity(n_types, n_programmes, rng)
    own = rng.gamma(1 / 0.3**2, 0.3**2, (n_cells, n_programmes))  # mean 1, standard deviation 0.3
    shift = rng.normal(0, batch_effect, (n_genes, n_batches))
    shift[:, 0] = 0
    return _Truth(
        cell_type=cell_type,
        batch=batch,
        depth=(depth * rng.lognormal(-(0.35**2) / 2, 0.35, n_cells)).astype(np.float32),  # of mean `depth`
        activity=(type_activity[cell_type] * own).astype(np.float32),
        type_activity=type_activity,
        loading=_draw_loading(n_genes, n_programmes, rng),
        baseline=rng.lognormal(0, 1.5, n_genes).astype(np.float32),
        shift=shift.astype(np.float32),
        dispersion=rng.lognormal(np.log(2), 0.5, n_genes).astype(np.float32),
    )


def _draw_type_activity(n_types: int, n_programmes: int, rng: np.random.Generator) -> Floats:
    types, programmes = np.arange(n_types), np.arange(n_programmes)
    is_on = rng.random((n_types, n_programmes)) < 0.2
    is_on[programmes % n_types, programmes] = True  # no programme is off everywhere
    activity = is_on * rng.uniform(0.5, 1.5, (n_types, n_programmes))
    activity[types, types % n_programmes] = rng.uniform(2, 3, n_types)
    return activity.astype(np.float32)


def _draw_loading(n_genes: int, n_programmes: int, rng: np.random.Generator) -> Floats:
    per_programme = max(1, min(n_genes // 20, n_genes // (2 * n_programmes)))
    genes = rng.permutation(n_genes)[: per_programme * n_programmes]
    loading = np.zeros((n_genes, n_programmes), dtype=np.float32)
    loading[genes, np.arange(len(genes)) // per_programme] = rng.uniform(0.5, 1.5, len(genes))
    return loading


def expected_counts(activity: Floats, loading: Floats, *, baseline: Floats, shift: Floats, depth: Floats) -> Floats:
    """Return the mean of every count by the model of `simulate_cells`, ``(n_cells, n_genes)``.

    `activity` is ``(n_cells, n_programmes)``, `loading` ``(n_genes, n_programmes)``, `baseline` ``(n_genes,)``, `depth`
    ``(n_cells,)``, and `shift`, the log-fold changes of the batches, ``(n_cells, n_genes)``, or ``(1, n_genes)``.
    """
    share = np.exp(activity @ loading.T + shift) * baseline
    scaled: Floats = share * (depth / share.sum(axis=1))[:, None]
    return scaled


def _draw_counts(truth: _Truth, rows: slice, *, seed: int) -> sparse.csr_matrix:
    mean = expected_counts(
        truth.activity[rows],
        truth.loading,
        baseline=truth.baseline,
        shift=truth.shift.T[truth.batch[rows]],
        depth=truth.depth[rows],
    )
    return _negative_binomial(mean, truth.dispersion, np.random.default_rng([seed, 1 + rows.start // _CHUNK]))


def _negative_binomial(mean: Floats, dispersion: Floats, rng: np.random.Generator) -> sparse.csr_matrix:
    """Draw negative-binomial counts exactly, at the cost of one cheap number for each of the many zeros.

    A count of mean m and inverse dispersion r is the number of events before time 1 of a Poisson process whose rate is
    gamma (shape r, mean m). The first event comes after time s with probability (1 + s m / r) ** -r, so that one
    exponential number e gives it: ``s = (r / m) * expm1(e / r)``. A count is zero where s > 1. Elsewhere, given s, the
    rate is gamma with shape r + 1 and scale 1 / (r / m + s), and the count is 1 + Poisson(rate * (1 - s)).
    """
    wait = dispersion * np.expm1(rng.standard_exponential(mean.shape, dtype=np.float32) / dispersion)  # s * m
    place = np.flatnonzero(wait < mean)
    gene = place % mean.shape[1]
    m = mean.ravel()[place].astype(np.float64)
    s = wait.ravel()[place] / m
    r = dispersion[gene].astype(np.float64)
    rate = rng.standard_gamma(r + 1) / (r / m + s)
    counts = 1 + rng.poisson(rate * (1 - s))
    ends = np.searchsorted(place, np.arange(mean.shape[0] + 1) * mean.shape[1])
    return sparse.csr_matrix((counts.astype(np.float32), gene.astype(np.int32), ends), shape=mean.shape)


def _stack(chunks: list[sparse.csr_matrix], n_genes: int) -> sparse.csr_matrix:
    """Stack chunks of rows, giving up each of them on the way: at no time are there two whole matrices."""
    n_stored = sum(chunk.nnz for chunk in chunks)
    n_cells = sum(chunk.shape[0] for chunk in chunks)
    kind = np.int64 if n_stored > np.iinfo(np.int32).max else np.int32
    data, indices = np.empty(n_stored, np.float32), np.empty(n_stored, kind)
    indptr = np.zeros(n_cells + 1, kind)
    row = stored = 0
    chunks.reverse()
    while chunks:
        chunk = chunks.pop()
        data[stored : stored + chunk.nnz], indices[stored : stored + chunk.nnz] = chunk.data, chunk.indices
        indptr[row + 1 : row + 1 + chunk.shape[0]] = chunk.indptr[1:] + stored
        row, stored = row + chunk.shape[0], stored + chunk.nnz
    return sparse.csr_matrix((data, indices, indptr), shape=(n_cells, n_genes), copy=False)


def _annotate(counts: sparse.csr_matrix, truth: _Truth) -> "AnnData":
    import pandas as pd
    from anndata import AnnData

    n_types, n_programmes = truth.type_activity.shape
    obs = pd.DataFrame(
        {
            "cell_type": _categories(truth.cell_type, _numbered("type", n_types)),
            "batch": _categories(truth.batch, _numbered("batch", truth.shift.shape[1])),
            "depth": truth.depth,
        },
        index=_numbered("cell", counts.shape[0]),
    )
    programme = np.where(truth.loading.any(axis=1), truth.loading.argmax(axis=1) + 1, 0)  # 0: in none
    var = pd.DataFrame(
        {
            "programme": _categories(programme, ["none", *_numbered("programme", n_programmes)]),
            "baseline": truth.baseline,
            "dispersion": truth.dispersion,
        },
        index=_numbered("gene", counts.shape[1]),
    )
    return AnnData(
        counts,
        obs=obs,
        var=var,
        layers={"counts": counts.copy()},
        obsm={"programme_activity": truth.activity},
        varm={"programme_loading": truth.loading, "batch_shift": truth.shift},
    )


def _categories(codes: NDArray[np.int64], names: list[str]) -> "pd.Categorical[str]":
    import pandas as pd

    return pd.Categorical.from_codes(codes.astype(np.int64), pd.Index(names))


def _numbered(prefix: str, count: int) -> list[str]:
    """Name things from 1 on, at equal width, so that they sort as they are numbered."""
    width = len(str(count))
    return [f"{prefix}_{number:0{width}d}" for number in range(1, count + 1)]
