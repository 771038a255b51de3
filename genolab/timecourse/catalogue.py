"""How each data set of expression over time is made from its files."""

from typing import TYPE_CHECKING

from genolab.data.catalogue import Paths

if TYPE_CHECKING:
    from anndata import AnnData

_PHASES = ("M/G1", "G1", "S", "G2", "M")  # in the order of the cycle, from the birth of a cell on


def build_yeast_cell_cycle(paths: Paths) -> "AnnData":
    """Read the table that ``data/build.py`` made: a gene, its phase, and its log ratios, a column a course and minute.

    ``X`` is ``(800, 73)``, NaN where nothing was measured; ``var`` has the ``course`` and ``time`` (minutes) of each
    column, and ``obs["phase"]`` is the phase in which a gene peaks.
    """
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    table = pd.read_csv(paths["yeast_cell_cycle.csv.gz"], index_col="gene")
    phase = pd.Categorical(table.pop("phase"), categories=list(_PHASES))
    course, minute = zip(*(name.rsplit(" ", 1) for name in table.columns), strict=True)
    var = pd.DataFrame({"course": pd.Categorical(course), "time": np.array(minute, dtype=float)}, index=table.columns)
    obs = pd.DataFrame({"phase": phase}, index=table.index.rename(None))
    return AnnData(table.to_numpy(np.float32), obs=obs, var=var, uns={"time_unit": "minutes"})
