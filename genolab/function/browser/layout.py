"""Layout of terms in the graph of a `FunctionBrowser`: broader ones left, narrower ones right."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from genolab.function.ontology.graph import Ontology

_SWEEPS = 4


class Layout(NamedTuple):
    """Positions of terms, and the links between them."""

    column: Mapping[str, int]  # from the left; a term is right of all that are broader
    row: Mapping[str, float]  # from the top; halves, as short columns are centred
    links: Sequence[tuple[str, str]]  # broader and narrower term

    @property
    def size(self) -> tuple[int, float]:
        """Numbers of columns and rows."""
        return max(self.column.values(), default=-1) + 1, max(self.row.values(), default=-1) + 1


def lay_out(ontology: "Ontology", terms: Sequence[str]) -> Layout:
    """Lay out some terms of an ontology, current and each once; links pass over terms that aren't shown.

    Rows of a column are ordered by the barycentre method (Sugiyama et al. 1981), so that few links cross.
    """
    shown = set(terms)
    ordered = [term for term in ontology.terms if term in shown]
    above = {term: _nearest(ontology, term, shown) for term in ordered}
    column: dict[str, int] = {}
    for term in ordered:
        column[term] = max((column[broader] + 1 for broader in above[term]), default=0)
    below: dict[str, list[str]] = {term: [] for term in ordered}
    for term, broader in above.items():
        for one in broader:
            below[one].append(term)
    columns = [[term for term in ordered if column[term] == at] for at in range(max(column.values(), default=-1) + 1)]
    row = _ordered(columns, above, below)
    return Layout(column, row, [(one, term) for term in ordered for one in above[term]])


def _nearest(ontology: "Ontology", term: str, shown: set[str]) -> list[str]:
    """Return the nearest broader terms that are shown."""
    nearest: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(ontology.parents[term])
    while waiting:
        one = waiting.pop(0)
        if one in shown:
            nearest[one] = None
        elif one not in seen:
            waiting.extend(ontology.parents[one])
        seen.add(one)
    implied = {broader for one in nearest for broader in ontology.ancestors(one)}
    return [one for one in nearest if one not in implied]


def _ordered(
    columns: list[list[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return each term's row, after sweeps over the columns to the right and back."""
    row = _centred(columns)
    for sweep in range(_SWEEPS):
        links = below if sweep % 2 else above
        for terms in reversed(columns) if sweep % 2 else columns:
            mean = {term: _mean([row[one] for one in links[term]], row[term]) for term in terms}
            terms.sort(key=lambda term, mean=mean: mean[term])  # type: ignore[misc]  # mypy sees no default
            row |= _centred(columns)
    return row


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _centred(columns: list[list[str]]) -> dict[str, float]:
    most = max(map(len, columns), default=0)
    return {term: at + (most - len(terms)) / 2 for terms in columns for at, term in enumerate(terms)}
