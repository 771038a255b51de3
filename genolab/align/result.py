"""What `align` returns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Integers = NDArray[np.int64]

_RUN = re.compile(r"(\d+)([=XID])")


@dataclass(frozen=True)
class Alignment:
    """One aligned pair: the whole sequences, and the fields of `Alignments` for it."""

    query: str = field(repr=False)
    target: str = field(repr=False)
    score: int
    query_start: int
    query_end: int
    target_start: int
    target_end: int
    cigar: str
    identity: float

    def rows(self) -> tuple[str, str, str]:
        """Return query, marks and target as three texts: | for equal letters, . for others, - in gaps."""
        query, marks, target = [], [], []
        at, other = self.query_start, self.target_start
        for length, kind in cigar_runs(self.cigar):
            in_query, in_target = length * (kind != "D"), length * (kind != "I")
            query.append(self.query[at : at + in_query] or "-" * length)
            target.append(self.target[other : other + in_target] or "-" * length)
            marks.append({"=": "|", "X": "."}.get(kind, " ") * length)
            at, other = at + in_query, other + in_target
        return "".join(query), "".join(marks), "".join(target)

    def pretty(self, width: int = 60) -> str:
        """Return the alignment as text, `width` columns a line, with 1-based positions as in BLAST's reports."""
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        rows = self.rows()
        at, other = self.query_start, self.target_start
        size = len(f"{max(self.query_end, self.target_end):,}")
        lines = [f"score {self.score}, identity {self.identity:.1%}" if rows[0] else f"score {self.score}, no columns"]
        for first in range(0, len(rows[0]), width):
            query, marks, target = (row[first : first + width] for row in rows)
            end, other_end = at + len(query) - query.count("-"), other + len(target) - target.count("-")
            lines += [
                "",
                f"query  {min(at + 1, end):>{size},} {query} {end:,}",
                f"       {'':{size}} {marks}".rstrip(),
                f"target {min(other + 1, other_end):>{size},} {target} {other_end:,}",
            ]
            at, other = end, other_end
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Alignments:
    """Alignments of n pairs, an array or list ``(n,)`` each; positions are 0-based and half-open.

    Gaps at the ends that cost nothing lie outside of the aligned parts. `cigar` is as in SAM, with ``=`` equal, ``X``
    other or ambiguous letter (bases but A C G T U, amino acids B J X Z), ``I`` letters that only the query has, ``D``
    letters that only the target has. `identity` is equal letters / columns, gaps counted; NaN without columns. Where
    only scores were asked for (``traceback=False``), positions are -1, CIGARs empty and identities NaN.
    """

    score: Integers
    query_start: Integers
    query_end: Integers
    target_start: Integers
    target_end: Integers
    cigar: list[str]
    identity: NDArray[np.float64]
    queries: list[str] = field(repr=False)
    targets: list[str] = field(repr=False)

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, pair: int) -> Alignment:
        names = ("score", "query_start", "query_end", "target_start", "target_end")
        numbers = {name: int(getattr(self, name)[pair]) for name in names}
        cigar, identity = self.cigar[pair], float(self.identity[pair])
        return Alignment(self.queries[pair], self.targets[pair], cigar=cigar, identity=identity, **numbers)

    def __iter__(self) -> Iterator[Alignment]:
        return (self[pair] for pair in range(len(self)))

    def table(self) -> "pd.DataFrame":
        """Return a row a pair: score, positions, identity and CIGAR."""
        import pandas as pd

        names = ("score", "query_start", "query_end", "target_start", "target_end", "identity", "cigar")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def cigar_runs(cigar: str) -> list[tuple[int, str]]:
    """Return a CIGAR as (length, operation); refuse operations other than ``= X I D``.

    >>> cigar_runs("12=1X3I")
    [(12, '='), (1, 'X'), (3, 'I')]
    """
    runs = _RUN.findall(cigar)
    if sum(len(length) + 1 for length, _ in runs) != len(cigar):
        raise ValueError(f"a CIGAR here has lengths and the operations = X I D, got {cigar[:60]!r}")
    return [(int(length), kind) for length, kind in runs]
