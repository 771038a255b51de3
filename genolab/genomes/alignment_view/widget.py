"""Read an alignment of two genomes: the dot plot for where, and the columns, codon by codon, for what.

The browser draws, and asks Python for the page of columns that it shows; no more than a few pages ever leave Python,
whatever the genomes' size.
"""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import traitlets as t

from genolab.genomes.alignment_view.blocks import Blocks
from genolab.genomes.alignment_view.static import StaticView
from genolab.genomes.plot import layout
from genolab.sequences.encode import check_length
from genolab.widgets.shared.base import NotebookWidget

if TYPE_CHECKING:
    from genolab.genomes import Comparison
    from genolab.genomes.alignment_view.columns import AlignmentColumns

_BINS: Final = 1000  # of the overview of a block
_STEPS: Final = 3000  # a bend of less than this part of the axis can't be seen
_MOST: Final = 20_000  # columns in an answer: far more than a screen has


class Place(NamedTuple):
    """Where an alignment is read.

    Attributes
    ----------
    a_chromosome, a_position
        On genome a, counted from 0; in a gap, the base before it.
    b_chromosome, b_position
        On genome b.
    strand
        Of b, ``"+"`` or ``"-"``.
    """

    a_chromosome: str
    a_position: int
    b_chromosome: str
    b_position: int
    strand: str


class AlignmentView(NotebookWidget):
    """Look at the blocks that two genomes share, click one, and read it base by base, with codons and changes coloured.

    In the dot plot, drag to move, turn the wheel to zoom, and click a line to read what is there. Beside it, arrow keys
    go from column to column and from line to line, Page keys further; N and P go to the next change and to the one
    before, ``]`` and ``[`` to the next block and the one before. The field takes a position of genome a, a chromosome
    with a position (``chrI:5,000``), or a gene.

    Parameters
    ----------
    comparison
        What `genolab.genomes.compare` returns; it is only read.
    row
        The block that is read first: a row of ``comparison.blocks``, from 0.

    Attributes
    ----------
    row
        The block that is read, as a row of ``comparison.blocks``; set it to change it. -1 where there is no block.
    column
        The column of the block at which the cursor stands; set it to change it.

    Examples
    --------
    >>> view = AlignmentView(gl.genomes.compare("human_mt", "orangutan_mt"))
    >>> view.go_to("MT-CYB")
    >>> view  # read on, then, in the next cell:
    >>> view.place, view.changes()
    """

    row = t.Int(-1).tag(sync=True)
    column = t.Int(0).tag(sync=True)

    _axes: t.List[Any] = t.List().tag(sync=True)  # a, b: title, names, starts, lengths
    _dots = t.Bytes().tag(sync=True)  # (n, 4) float32: where straight pieces begin and end, a b a b
    _rows = t.Bytes().tag(sync=True)  # (n,) float32: of which block each piece is; negative -1 - row on the - strand
    _block = t.Dict().tag(sync=True)  # the block that is read: row, columns, identity, strand, spans
    _profile = t.Bytes().tag(sync=True)  # (bins,) float32: identity along the block

    def __init__(self, comparison: "Comparison", *, row: int = 0) -> None:
        layout.check(comparison)
        self._comparison = comparison
        self._n_blocks = len(comparison.blocks)
        self._blocks = Blocks(comparison)
        self._columns: AlignmentColumns | None = None
        super().__init__(**self._drawn())
        self.row = row if self._n_blocks else -1
        self._update(None)
        self.observe(self._update, "row")

    # ---- in Python ---------------------------------------------------------------------------

    @property
    def place(self) -> Place | None:
        """Where the cursor stands; ``None`` where there is no block."""
        if self._columns is None:
            return None
        block, page = self._columns.block, self._columns.page(self.column, self.column + 1)
        a_at, b_at = int(page.a_at[0]), int(page.b_at[0])
        return Place(block.a.chromosome, a_at, block.b.chromosome, b_at, block.strand)

    def go_to(self, where: int | str) -> None:
        """Go to a position of genome a, ``5000`` or ``"chrI:5,000"``, or to the start of a gene of a or b.

        Raises
        ------
        ValueError
            There is no such place or gene, or it lies in no block.
        """
        self._go(*self._blocks.find(str(where), self.row))

    def text(self, columns: int = 600, *, width: int = 60) -> str:
        """Return columns from the cursor on as plain text, `width` a line: a, a bar for each identical pair, b."""
        check_length(columns, name="columns")
        check_length(width, name="width")
        if self._columns is None:
            return ""
        first = self.column
        page = self._columns.page(first, first + columns)
        lines = []
        for at in range(0, len(page.a), width):
            part = slice(at, at + width)
            a, b = page.a[part].tobytes().decode(), page.b[part].tobytes().decode()
            bars = "".join("|" if one == other else " " for one, other in zip(a, b, strict=True))
            lines += [f"{page.a_at[at]:>12,} {a}", f"{'':12} {bars}", f"{page.b_at[at]:>12,} {b}", ""]
        return "\n".join(lines)

    def changes(self, columns: int = 600) -> Any:
        """Return the rows of ``comparison.variants`` from the cursor on that lie in so many columns, a DataFrame."""
        check_length(columns, name="columns")
        table = self._comparison.variants
        if self._columns is None:
            return table.iloc[:0]
        block = self._columns.block
        mine = table[table["block"] == self._comparison.blocks["block"].iloc[self.row]]
        at = self._columns.of_a(mine["position"].to_numpy(dtype=np.int64))
        on = (mine["chromosome"] == block.a.chromosome).to_numpy()
        return mine[on & (at >= self.column) & (at < self.column + columns)]

    def png(self) -> bytes:
        """Draw what is shown, as a PNG: the dot plot, and some lines from the cursor on."""
        return StaticView(self._comparison, self._columns, self._blocks.genes, self.row, self.column).png()

    def __repr__(self) -> str:
        place = self.place
        if place is None:
            return "AlignmentView: no block"
        where = f"block {self.row + 1:,} of {self._n_blocks:,}, {place.a_chromosome} {place.a_position:,}"
        return f"AlignmentView: {where} aligned to {place.b_chromosome} {place.b_position:,} ({place.strand})"

    # ---- to the browser ---------------------------------------------------------------------------------

    def _drawn(self) -> dict[str, Any]:
        """Return both axes, and every block as straight pieces."""
        axes = self._blocks.axes
        paths = layout.paths(self._comparison, axes, bend=max(axis.end for axis in axes) / _STEPS)
        pieces = [np.hstack([path.points[:-1], path.points[1:]]) for path in paths]
        rows = [np.full(len(path.points) - 1, path.row if path.strand == "+" else -1 - path.row) for path in paths]
        descriptions = [
            {
                "title": genome.name,
                "names": list(axis.names),
                "starts": axis.starts.tolist(),
                "lengths": axis.lengths.tolist(),
            }
            for genome, axis in zip((self._comparison.a, self._comparison.b), axes, strict=True)
        ]
        dots = np.concatenate(pieces) if pieces else np.zeros((0, 4))
        owners = np.concatenate(rows) if rows else np.zeros(0)
        return {
            "_axes": descriptions,
            "_dots": dots.astype(np.float32).tobytes(),
            "_rows": owners.astype(np.float32).tobytes(),
        }

    def _update(self, _: Any) -> None:
        """Take up another block."""
        if self.row < 0:
            return
        self._columns = columns = self._blocks.columns(self.row)
        block = columns.block
        description = {
            "row": self.row,
            "count": self._n_blocks,
            "columns": columns.n,
            "identity": block.identity,
            "strand": block.strand,
            "a": [block.a.chromosome, block.a_start, block.a_end],
            "b": [block.b.chromosome, *block.b_span],
        }
        with self.hold_sync():
            self.set_trait("_block", description)
            self.set_trait("_profile", columns.profile(_BINS).tobytes())
            self.column = min(self.column, max(0, columns.n - 1))

    @t.validate("row")
    def _check_row(self, proposal: Any) -> int:
        row = proposal["value"]
        if self._n_blocks and not 0 <= row < self._n_blocks:
            raise ValueError(f"blocks are the rows 0 to {self._n_blocks - 1:,} of comparison.blocks, got {row}")
        return int(row) if self._n_blocks else -1

    @t.validate("column")
    def _check_column(self, proposal: Any) -> int:
        column, n = proposal["value"], self._columns.n if self._columns else 0
        if column < 0 or (n and column >= n and self._block.get("row") == self.row):
            raise ValueError(f"columns of this block are 0 to {n - 1:,}, got {column}")
        return int(column)

    # ---- from the browser --------------------------------------------------------------------------------

    def _go(self, row: int, column: int) -> None:
        with self.hold_sync():
            if row != self.row:
                self.column = 0  # it is within any block
            self.row = row
            self.column = column

    def _handle(self, kind: str, content: dict[str, Any]) -> Any:
        match kind:
            case "go":
                return self._go(content["row"], content["column"])
            case "page":
                return self._page(content["row"], content["first"], content["stop"])
            case "change":
                return self._change(content["row"], content["column"], content["way"])
            case "at":
                return content["row"], self._blocks.nearest(content["row"], content["x"])
            case "find":
                return self._blocks.genes.suggest(content["text"])
            case "place":
                return self._blocks.find(content["text"], self.row)
            case other:
                raise ValueError(f"this view can't {other!r}")

    def _change(self, row: int, column: int, way: int) -> tuple[int, int]:
        place = self._blocks.columns(row).change(column, way)
        if place is None:
            raise ValueError(f"there is no change {'after' if way > 0 else 'before'} this column")
        return row, place

    def _page(self, row: int, first: int, stop: int) -> dict[str, Any]:
        columns = self._blocks.columns(row)
        first, stop = max(0, first), min(columns.n, stop, first + _MOST)
        page = columns.page(first, stop)
        return {
            "row": row,
            "first": first,
            "a": page.a.tobytes().decode("ascii"),
            "b": page.b.tobytes().decode("ascii"),
            "aAt": page.a_at.tolist(),
            "bAt": page.b_at.tolist(),
            **self._blocks.genes.along(columns, first, stop),
        }
