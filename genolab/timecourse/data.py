"""Expression over time as rows: a row is a gene in one course, with its values and when they were measured.

Courses differ in length and in their time stamps, so values and times lie side by side in ``obsm``, filled up with NaN:
``obsm["values"][i, j]`` was measured at ``obsm["time"][i, j]``. A missing value is NaN at a known time; after the end
of a course both are NaN.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_at_least, check_columns, check_key, warn

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

Floats = NDArray[np.float32]

_LISTED = 5  # names in a message


def courses(
    adata: "AnnData", *, course: str | None = "course", time: str = "time", layer: str | None = None
) -> "AnnData":
    """Turn genes x samples into rows that a model of time can read: a row is a gene in a course.

    Parameters
    ----------
    adata
        Rows are genes, columns are samples, as in ``fetch("yeast_cell_cycle")``; missing values are NaN, in `layer` or
        ``X``.
    course
        Column of ``var`` that says which course a sample belongs to; ``None``: all are of one course.
    time
        Column of ``var`` with the time, in whatever unit, increasing within each course.

    Returns
    -------
    AnnData
        One course after the other, without ``X``. ``obsm["values"]`` and ``obsm["time"]``, both ``(n, length)``
        float32, padded with NaN; ``obs["gene"]``, ``obs["course"]``, and the gene's own columns of ``obs``; the rows
        are called ``"GENE course"``. A gene whose values are all missing in a course has no row for it, and a warning
        names it.

    Examples
    --------
    >>> profiles = gl.timecourse.courses(gl.data.fetch("yeast_cell_cycle"))
    >>> dataset = gl.data.AnnDataset(profiles, ("obsm/values", "obsm/time"), target="obs/phase")
    """
    check_columns(adata.var, time, *([] if course is None else [course]), what="var")
    stamps = adata.var[time].to_numpy()
    names = ["course"] * adata.n_vars if course is None else adata.var[course].astype(str).tolist()
    values = _dense(_layer(adata, layer))
    parts = {}
    for name in dict.fromkeys(names):
        columns = np.flatnonzero(np.array(names) == name)
        parts[name] = (values[:, columns], _checked_times(stamps[columns], name))
    return _stacked(parts, adata.obs, uns=adata.uns)


def pseudotime_courses(
    cells: "AnnData",
    *,
    pseudotime: str = "dpt_pseudotime",
    by: str | None = None,
    n_bins: int = 20,
    layer: str | None = None,
) -> "AnnData":
    """Turn cells along a pseudotime, such as scanpy's diffusion pseudotime, into courses, as `courses` does.

    Cells are put into bins of equal numbers along the pseudotime; a value is the mean of its bin, at the mean
    pseudotime of its cells. scanpy gives cells that it can't reach an infinite pseudotime: they are left out, with a
    warning.

    Parameters
    ----------
    pseudotime, by
        Columns of ``obs``: the pseudotime, as `scanpy.tl.dpt` writes it, and the lineage, of which each becomes a
        course; ``None``: all cells are one course.
    n_bins
        Bins a course, at least 2; fewer where many cells share a pseudotime.
    layer
        Layer that holds the values, log-normalised as a rule; ``None``: ``X``.

    Examples
    --------
    >>> sc.tl.dpt(cells)
    >>> profiles = gl.timecourse.pseudotime_courses(cells, by="lineage")
    """
    check_at_least("n_bins", n_bins, 2)
    check_columns(cells.obs, pseudotime, *([] if by is None else [by]), what="obs")
    order = cells.obs[pseudotime].to_numpy(dtype=np.float64)
    lineage = np.array(["course"] * cells.n_obs if by is None else cells.obs[by].astype(str))
    reached = np.isfinite(order)
    if not reached.all():
        warn(f"{(~reached).sum():,} of {len(order):,} cells have no finite {pseudotime} and are left out")
    matrix = _layer(cells, layer)
    parts = {}
    for name in dict.fromkeys(lineage[reached].tolist()):
        rows = np.flatnonzero(reached & (lineage == name))
        parts[name] = _binned(matrix, rows[np.argsort(order[rows], kind="stable")], order, n_bins, name)
    return _stacked(parts, cells.var, uns={"time_unit": "pseudotime"})


class CourseFold(NamedTuple):
    """A course and a part of the genes held out: numbers of the rows to train on, and of those to test on.

    `train` has the other courses of the other genes, `test` this course of the genes held out.
    """

    course: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def course_folds(profiles: "AnnData", *, n_folds: int = 5, seed: int = 0) -> Iterator[CourseFold]:
    """Hold out each course in turn, and each of `n_folds` equal parts of the genes.

    Train and test share no gene and no course: a gene behaves alike in all courses, so a model that has seen it
    elsewhere would only have to recognise it; and a course's samples share their faults. Over all folds each row is
    tested once. There must be at least two courses.
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


def _stacked(
    parts: "Mapping[str, tuple[Floats, Floats]]", genes: "pd.DataFrame", *, uns: Mapping[str, Any]
) -> "AnnData":
    """Stack courses, name to values ``(genes, samples)`` and times ``(samples,)``, with the genes' columns."""
    import pandas as pd
    from anndata import AnnData

    length = max(len(times) for _, times in parts.values())
    values = np.concatenate([_padded(part, length) for part, _ in parts.values()])
    times = np.concatenate([np.repeat(_padded(at[None], length), len(genes), axis=0) for _, at in parts.values()])
    course = np.repeat(list(parts), len(genes))
    gene = np.tile(genes.index.astype(str), len(parts))
    obs = pd.concat([genes] * len(parts)).drop(columns=["gene", "course"], errors="ignore")
    obs.insert(0, "gene", gene)
    obs.insert(1, "course", course)
    obs["course"] = pd.Categorical(course, categories=list(parts))
    obs.index = pd.Index([f"{one} {other}" for one, other in zip(gene, course, strict=True)])
    return _with_values(AnnData(obs=obs, obsm={"values": values, "time": times}, uns=dict(uns)))


def _with_values(rows: "AnnData") -> "AnnData":
    """Leave out the rows without any value, and say which."""
    there = np.isfinite(rows.obsm["values"]).any(axis=1)
    if not there.all():
        lost = rows.obs_names[~there].tolist()
        more = f" and {len(lost) - _LISTED:,} more" if len(lost) > _LISTED else ""
        warn(
            f"a profile needs at least one value; left out, as all of theirs are missing: {', '.join(lost[:_LISTED])}"
            f"{more}"
        )
    if not there.any():
        raise ValueError("all values are missing: there is no profile")
    return rows[there].copy()


def _checked_times(times: "NDArray[Any]", course: str) -> Floats:
    at = np.asarray(times, dtype=np.float64)
    where = f"the course {course!r}"
    if len(at) < 2:
        raise ValueError(f"a course needs at least 2 points in time; {where} has {len(at)}: leave it out")
    if not np.isfinite(at).all():
        raise ValueError(f"every sample needs a time; in {where} {(~np.isfinite(at)).sum():,} have none")
    step = np.diff(at)
    if (step == 0).any():
        raise ValueError(
            f"a time occurs once in a course; {where} has {at[:-1][step == 0][0]:g} twice: average the repeats, or "
            "give each its own course"
        )
    if (step < 0).any():
        first = int(np.flatnonzero(step < 0)[0])
        raise ValueError(
            f"times increase within a course; in {where} {at[first + 1]:g} comes after {at[first]:g}: if "
            "that is just the order of the columns, sort them by adata[:, adata.var.sort_values('time').index]"
        )
    return at.astype(np.float32)


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
    return _dense(means).T, _checked_times(times, name)


def _padded(values: Floats, length: int) -> Floats:
    return np.pad(values.astype(np.float32), ((0, 0), (0, length - values.shape[1])), constant_values=np.nan)


def _layer(adata: "AnnData", layer: str | None) -> Any:
    if layer is None:
        if adata.X is None:
            raise KeyError(f"this AnnData has no X: name the layer with the values, of {list(adata.layers)}")
        return adata.X
    check_key(adata, "layers", layer)
    return adata.layers[layer]


def _dense(matrix: Any) -> Floats:
    values: Sequence[Any] = matrix.toarray() if sparse.issparse(matrix) else matrix
    return np.asarray(values, dtype=np.float32)
