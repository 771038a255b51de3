"""A tree of genomes, drawn from its Newick text."""

import io
import itertools
from typing import Any, Final

from genolab.checks import check_at_least
from genolab.plot.style import FIRST, INK, Figure, dress, number, plain

_ROW: Final = 44  # pixels of a genome


def tree(newick: str) -> Figure:
    """Draw a tree: its tips below one another, branches as long as the text has them, in substitutions a site.

    `newick` is what `genolab.genomes.tree` returns, or any Newick text with branch lengths, read by Biopython. A tree
    of neighbour joining has no root, so that it is drawn from the middle of the longest path between two tips.

    Examples
    --------
    >>> gl.genomes.plot.tree(gl.genomes.tree(distances))  # doctest: +SKIP
    """
    from Bio.Phylo.NewickIO import Parser

    drawn: Any = next(Parser(io.StringIO(newick)).parse())
    tips = drawn.get_terminals()
    check_at_least("tips of the tree", len(tips), 2)
    _root_in_the_middle(drawn)
    drawn.ladderize()
    place = _places(drawn)
    figure = Figure()
    across: list[float | None] = []
    down: list[float | None] = []
    for clade in drawn.get_nonterminals():
        for child in clade:
            across += [place[clade][0], place[clade][0], place[child][0], None]
            down += [place[clade][1], place[child][1], place[child][1], None]
    branches = {"color": FIRST, "width": 3}
    figure.add_scatter(x=across, y=down, mode="lines", line=branches, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=[place[tip][0] for tip in tips], y=[place[tip][1] for tip in tips], mode="markers+text", cliponaxis=False,
        text=[plain(str(tip.name)) for tip in tips], textposition="middle right", textfont={"size": 15, "color": INK},
        marker={"size": 8, "color": FIRST}, showlegend=False,
        hovertemplate="%{text}: %{x:.4f} from the root<extra></extra>",
    )  # fmt: skip
    longest = max(x for x, _ in place.values())
    figure.update_xaxes(title_text="Substitutions a site", range=[-0.02 * longest, 1.3 * longest], zeroline=False)
    figure.update_yaxes(visible=False, range=[len(tips) - 0.5, -0.5])
    near = min(itertools.combinations(tips, 2), key=lambda pair: drawn.distance(*pair))
    names = " and ".join(plain(str(tip.name)) for tip in near)
    title = f"{names} are the closest: {number(drawn.distance(*near))} substitutions a site"
    subtitle = "Drawn from the middle of the longest path: the distances alone give no root"
    return dress(figure, title, subtitle=subtitle, height=200 + _ROW * len(tips))


def _root_in_the_middle(drawn: Any) -> None:
    """Root a tree in the middle of the longest path between two tips: each side's farthest tip is half of it away."""
    half = max(drawn.distance(*pair) for pair in itertools.combinations(drawn.get_terminals(), 2)) / 2
    drawn.root_at_midpoint()
    for side in drawn.root:  # Biopython leaves a branch too long where the root was next to it
        side.branch_length += half - max(drawn.depths()[tip] for tip in side.get_terminals())


def _places(drawn: Any) -> dict[Any, tuple[float, float]]:
    """Return x, the length of branches from the root, and y, the row, of every node."""
    depths = drawn.depths()
    rows = {tip: float(row) for row, tip in enumerate(drawn.get_terminals())}
    for clade in drawn.get_nonterminals(order="postorder"):
        rows[clade] = sum(rows[child] for child in clade) / len(clade.clades)
    return {clade: (depths[clade], rows[clade]) for clade in rows}
