"""Identity along a genome."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from genolab.genomes import columns as col
from genolab.genomes.extend import Block
from genolab.genomes.genome import Genome
from genolab.genomes.overlaps import plus


def window_table(a: Genome, blocks: Sequence[Block], size: int) -> pd.DataFrame:
    """Return the local identity in windows of `size` bases; the columns are told at `Comparison.windows`."""
    return pd.concat([_of_chromosome(a, name, blocks, size) for name in a.letters], ignore_index=True)


def _of_chromosome(a: Genome, name: str, blocks: Sequence[Block], size: int) -> pd.DataFrame:
    length = a.lengths[name]
    inside, equal = (np.zeros(length, dtype=np.bool_) for _ in range(2))
    for block in blocks:
        if block.a.chromosome == name:
            has_a = block.columns != col.INSERTED
            at = plus(block.a, block.a_start + np.arange(has_a.sum()), "+")
            inside[at] = True
            equal[at] = block.columns[has_a] == col.SAME
    starts = np.arange(0, length, size)
    ends = np.minimum(starts + size, length)
    aligned, same = (np.add.reduceat(values.astype(np.int64), starts) for values in (inside, equal))
    identity = np.divide(same, aligned, out=np.full(len(starts), np.nan), where=aligned > 0)
    return pd.DataFrame(
        {"chromosome": name, "start": starts, "end": ends, "aligned": aligned / (ends - starts), "identity": identity}
    )
