"""Expression over time as rows: a row is a gene in one course, with its values and when they were measured.

Courses differ in length and in their time stamps, so values and times lie side by side in ``obsm``, filled up with NaN:
``obsm["values"][i, j]`` was measured at ``obsm["time"][i, j]``. A missing value is NaN at a known time; behind the end
of a course both are NaN.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

Floats = NDArray[np.float32]

_NAMED = 5  # how many names a message gives


def courses(
    adata: "AnnData", *, course: str | None = "course", time: str = "time", layer: str | None = None
) -> "AnnData":
    """Turn genes x samples into rows that a model of time can read: a row is a gene in a course.

    Parameters
    ----------
    adata
        Rows are genes, columns are samples, as in ``fetch("yeast_cell_cycle")``; missing values are NaN.
    course
        Column of ``var`` that says which course a sample belongs to; ``None``: all are of one course.
    time
        Column of ``var`` with the time, in whatever unit, increasing within each course.
    layer
        Layer that holds the values; ``None``: ``X``.

    Returns
    -------
    AnnData
        One course after the other, without ``X``. ``obsm["values"]`` and ``obsm["time"]``, both ``(n, length)``
        float32 as this module says; ``obs["gene"]``, ``obs["course"]``, and the gene's own columns of ``obs``; the rows
        are called ``"GENE course"``. A gene whose values are all missing in a course has no row for it, and a warning
        names it. ``uns`` is the given one.

    Raises
    ------
    KeyError
        There is no such column or layer.
    ValueError
        A course has fewer than two samples, or times that are missing, repeated or not in order.

    Examples
    --------
    >>> yeast = gl.data.fetch("yeast_cell_cycle")
    >>> profiles = gl.timecourse.courses(yeast)
    >>> dataset = gl.data.AnnDataset(profiles, ("obsm/values", "obsm/time"), target="obs/phase")
    """
    stamps = _column(adata.var, time, "var")
    names = ["course"] * adata.n_vars if course is None else _column(adata.var, course, "var").astype(str).tolist()
    values = _dense(_layer(adata, layer))
    parts = {}
    for name in dict.fromkeys(names):
        columns = np.flatnonzero(np.array(names) == name)
        parts[name] = (values[:, columns], checked_times(stamps.to_numpy()[columns], name))
    return stacked(parts, adata.obs, uns=adata.uns)


def pseudotime_courses(
    cells: "AnnData",
    *,
    pseudotime: str = "dpt_pseudotime",
    by: str | None = None,
    n_bins: int = 20,
    layer: str | None = None,
) -> "AnnData":
    """Turn cells in an order, such as scanpy's diffusion pseudotime, into courses: a row is a gene along that order.

    Cells are put into bins of equal numbers along the pseudotime; a value is the mean of its bin, at the mean
    pseudotime of its cells. scanpy gives cells that it can't reach an infinite pseudotime: they are left out, with a
    warning.

    Parameters
    ----------
    cells
        Rows are cells, columns are genes.
    pseudotime
        Column of ``obs``, as `scanpy.tl.dpt` writes it.
    by
        Column of ``obs`` with the lineage, of which each becomes a course; ``None``: all cells are one course.
    n_bins
        Bins a course, at least 2; fewer where many cells share a pseudotime.
    layer
        Layer that holds the values, log-normalised as a rule; ``None``: ``X``.

    Returns
    -------
    AnnData
        As from `courses`; ``obs`` has the genes' own columns of ``var``.

    Raises
    ------
    KeyError
        There is no such column or layer.
    ValueError
        There are fewer than two bins, or a lineage has fewer cells than bins, or one pseudotime only.

    Examples
    --------
    >>> sc.tl.dpt(cells)
    >>> profiles = gl.timecourse.pseudotime_courses(cells, by="lineage")
    """
    if n_bins < 2:
        raise ValueError(f"a course needs at least 2 bins, got n_bins={n_bins}")
    order = _column(cells.obs, pseudotime, "obs").to_numpy(dtype=np.float64)
    lineage = np.array(["course"] * cells.n_obs if by is None else _column(cells.obs, by, "obs").astype(str))
    reached = np.isfinite(order)
    if not reached.all():
        warnings.warn(
            f"{(~reached).sum():,} of {len(order):,} cells have no finite {pseudotime} and are left out", stacklevel=2
        )
    matrix = _layer(cells, layer)
    parts = {}
    for name in dict.fromkeys(lineage[reached].tolist()):
        rows = np.flatnonzero(reached & (lineage == name))
        parts[name] = _binned(matrix, rows[np.argsort(order[rows], kind="stable")], order, n_bins, name)
    return stacked(parts, cells.var, uns={"time_unit": "pseudotime"})


class CourseFold(NamedTuple):
    """One way to hold out a course and, of the genes, a part: which rows to learn from, and which to test on.

    Attributes
    ----------
    course
        The course that is held out.
    train, test
        Numbers of rows: the other courses of the other genes, and this course of the genes held out.
    """

    course: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def course_folds(profiles: "AnnData", *, n_folds: int = 5, seed: int = 0) -> Iterator[CourseFold]:
    """Hold out each course in turn, and each part of the genes in turn: no gene and no course is in both.

    A gene behaves alike in all courses, so a model that has seen it elsewhere would only have to know it again; and a
    course's samples share their faults. Over all folds each row is tested once.

    Parameters
    ----------
    profiles
        As from `courses`, of at least two courses.
    n_folds
        Parts of the genes, of equal size.
    seed
        Draws the parts.

    Raises
    ------
    ValueError
        There is one course only, or there are fewer genes than parts.
    """
    course, gene = (profiles.obs[name].astype(str).to_numpy() for name in ("course", "gene"))
    names, number = np.unique(gene, return_inverse=True)
    held = list(dict.fromkeys(course.tolist()))
    if len(held) < 2 or not 2 <= n_folds <= len(names):
        raise ValueError(
            f"to hold out courses and genes there must be at least 2 courses, and 2 to {len(names):,} parts of the "
            f"genes; got the courses {held} and n_folds={n_folds}"
        )
    part = (np.random.default_rng(seed).permutation(len(names)) % n_folds)[number]
    for name in held:
        for fold in range(n_folds):
            rows = ((course != name) & (part != fold), (course == name) & (part == fold))
            yield CourseFold(name, *(np.flatnonzero(chosen) for chosen in rows))


def stacked(
    parts: "Mapping[str, tuple[Floats, Floats]]", genes: "pd.DataFrame", *, uns: Mapping[str, Any]
) -> "AnnData":
    """Lay courses below each other: name to values ``(genes, samples)`` and times ``(samples,)``.

    Parameters
    ----------
    parts
        As said; the genes are the same in all.
    genes
        A row a gene: its columns go with it.
    uns
        Copied into the result.
    """
    import pandas as pd
    from anndata import AnnData

    length = max(len(times) for _, times in parts.values())
    values = np.concatenate([_padded(found, length) for found, _ in parts.values()])
    times = np.concatenate([np.repeat(_padded(at[None], length), len(genes), axis=0) for _, at in parts.values()])
    course = np.repeat(list(parts), len(genes))
    gene = np.tile(genes.index.astype(str), len(parts))
    obs = pd.concat([genes] * len(parts)).drop(columns=["gene", "course"], errors="ignore")
    obs.insert(0, "gene", gene)
    obs.insert(1, "course", course)
    obs["course"] = pd.Categorical(course, categories=list(parts))
    obs.index = pd.Index([f"{one} {other}" for one, other in zip(gene, course, strict=True)])
    found = AnnData(obs=obs, obsm={"values": values, "time": times}, uns=dict(uns))
    return _with_values(found)


def _with_values(rows: "AnnData") -> "AnnData":
    """Leave out the rows without any value, and say which."""
    there = np.isfinite(rows.obsm["values"]).any(axis=1)
    if not there.all():
        lost = rows.obs_names[~there].tolist()
        more = f" and {len(lost) - _NAMED:,} more" if len(lost) > _NAMED else ""
        warnings.warn(
            f"a profile needs at least one value; left out, as all of theirs are missing: {', '.join(lost[:_NAMED])}"
            f"{more}",
            stacklevel=4,
        )
    if not there.any():
        raise ValueError("all values are missing: there is no profile")
    return rows[there].copy()


def checked_times(times: "NDArray[Any]", course: str) -> Floats:
    """Return the times of a course as float32, and refuse those that are no course.

    Raises
    ------
    ValueError
        There are fewer than two, or they are missing, repeated or not in order.
    """
    found = np.asarray(times, dtype=np.float64)
    where = f"the course {course!r}"
    if len(found) < 2:
        raise ValueError(f"a course needs at least 2 points in time; {where} has {len(found)}: leave it out")
    if not np.isfinite(found).all():
        raise ValueError(f"every sample needs a time; in {where} {(~np.isfinite(found)).sum():,} have none")
    step = np.diff(found)
    if (step == 0).any():
        raise ValueError(
            f"a time occurs once in a course; {where} has {found[:-1][step == 0][0]:g} twice: average the repeats, or "
            "give each its own course"
        )
    if (step < 0).any():
        first = int(np.flatnonzero(step < 0)[0])
        raise ValueError(
            f"times increase within a course; in {where} {found[first + 1]:g} comes behind {found[first]:g}: if "
            "that is just the order of the columns, sort them by adata[:, adata.var.sort_values('time').index]"
        )
    return found.astype(np.float32)


def _binned(
    matrix: Any, rows: NDArray[np.int64], order: NDArray[np.float64], n_bins: int, name: str
) -> tuple[Floats, Floats]:
    """Return mean values ``(genes, bins)`` and mean times ``(bins,)`` of cells that are in order already."""
    if len(rows) < n_bins:
        raise ValueError(
            f"a bin needs a cell: the course {name!r} has {len(rows):,} cells for {n_bins} bins; lower n_bins"
        )
    ends = np.linspace(0, len(rows), n_bins + 1).astype(np.int64)
    # Cells at one pseudotime are not in order among each other, so they share the bin of the first
    first_of = np.searchsorted(order[rows], order[rows], side="left")
    bin_of = np.unique(np.searchsorted(ends, first_of, side="right"), return_inverse=True)[1]
    size = np.bincount(bin_of)
    member = sparse.csr_matrix((1 / size[bin_of], (bin_of, np.arange(len(rows)))), shape=(len(size), len(rows)))
    means = member @ matrix[rows]
    times = member @ order[rows]
    return _dense(means).T, checked_times(times, name)


def _padded(values: Floats, length: int) -> Floats:
    return np.pad(values.astype(np.float32), ((0, 0), (0, length - values.shape[1])), constant_values=np.nan)


def _column(frame: "pd.DataFrame", name: str, where: str) -> "pd.Series[Any]":
    if name not in frame:
        raise KeyError(f"{name!r} is not a column of {where}, which has {list(frame.columns)}")
    return frame[name]


def _layer(adata: "AnnData", layer: str | None) -> Any:
    if layer is None:
        if adata.X is None:
            raise KeyError(f"this AnnData has no X: name the layer with the values, of {list(adata.layers)}")
        return adata.X
    if layer not in adata.layers:
        raise KeyError(f"{layer!r} is not a layer; there are {list(adata.layers)}")
    return adata.layers[layer]


def _dense(matrix: Any) -> Floats:
    values: Sequence[Any] = matrix.toarray() if sparse.issparse(matrix) else matrix
    return np.asarray(values, dtype=np.float32)
