"""The blocks of a comparison as they are read: their columns, and where in them a position or a gene is."""

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from genolab.genomes.alignment_view.columns import AlignmentColumns
from genolab.genomes.alignment_view.genes import Genes
from genolab.genomes.plot import layout

if TYPE_CHECKING:
    from genolab.genomes import Comparison

_KEPT: Final = 4  # blocks whose columns are kept


class Blocks:
    """The blocks of a comparison, by their rows in ``comparison.blocks``, from 0, on the axes of the dot plot."""

    def __init__(self, comparison: "Comparison") -> None:
        self._comparison = comparison
        self.columns = lru_cache(_KEPT)(lambda row: AlignmentColumns(comparison.alignments[row]))
        self.axes = layout.axes(comparison)
        self.genes = Genes(comparison)

    def nearest(self, row: int, x: float) -> int:
        """Return the column of a block that is nearest to a place on a's axis."""
        columns = self.columns(row)
        block, (start, length) = columns.block, self.axes[0].place(columns.block.a.chromosome)
        at = int(np.clip(x - start, 0, length - 1))
        offset = min((at - block.a_start) % length, block.a_end - block.a_start - 1)
        return int(columns.of_a(np.array([(block.a_start + offset) % length]))[0])

    def find(self, text: str, now: int) -> tuple[int, int]:
        """Return row and column of a position or a gene, preferably in the block that is read `now`, else the longest.

        A ValueError says that there is no such position or gene, or that it lies in no block.
        """
        side, chromosome, position = self.genes.find(text)
        blocks = self._comparison.blocks
        rows = np.flatnonzero(blocks[f"{side}_chromosome"] == chromosome)
        lengths = (blocks[f"{side}_end"] - blocks[f"{side}_start"]).to_numpy()[rows]
        longest_first = rows[np.argsort(-lengths, kind="stable")].tolist()
        for row in sorted(longest_first, key=lambda row: row != now):
            columns, at = self.columns(row), np.array([position])
            column = int((columns.of_a(at) if side == "a" else columns.of_b(at))[0])
            if column >= 0:
                return row, column
        name = (self._comparison.a if side == "a" else self._comparison.b).name
        raise ValueError(f"{chromosome} {position:,} of {name} lies in no block: there the two have nothing in common")
