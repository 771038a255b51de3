"""Where the terms of a gene stand in the picture of a `FunctionBrowser`: broader ones left, narrower ones right."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from genolab.function.ontology.graph import Ontology

_SWEEPS = 4  # to and fro, until neighbours stand by each other


class Layout(NamedTuple):
    """Places of terms.

    Attributes
    ----------
    column
        Term to its column, counted from the left; each term stands right of all that are broader.
    row
        Term to its row in the column, in rows from the top; halves come up, since short columns stand in the middle.
    links
        Pairs of a broader and a narrower term.
    """

    column: Mapping[str, int]
    row: Mapping[str, float]
    links: Sequence[tuple[str, str]]

    @property
    def size(self) -> tuple[int, float]:
        """Columns and rows."""
        return max(self.column.values(), default=-1) + 1, max(self.row.values(), default=-1) + 1


def lay_out(ontology: "Ontology", terms: Sequence[str]) -> Layout:
    """Lay out some terms of an ontology.

    A term stands in the column behind its broader terms. Within a column terms are ordered by where those stand that
    they are linked to (the barycentre method of Sugiyama et al. 1981), so that few links cross.

    Parameters
    ----------
    ontology
        What is broader than what; terms that are not to be shown are passed over.
    terms
        Those to be shown, current and each once.
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
    """Return the nearest broader terms that are shown, over those that aren't."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(ontology.parents[term])
    while waiting:
        one = waiting.pop(0)
        if one in shown:
            found[one] = None
        elif one not in seen:
            waiting.extend(ontology.parents[one])
        seen.add(one)
    implied = {broader for one in found for broader in ontology.ancestors(one)}
    return [one for one in found if one not in implied]


def _ordered(
    columns: list[list[str]], above: Mapping[str, Sequence[str]], below: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return each term's row, after sweeps over the columns to the right and back."""
    row = _centred(columns)
    for sweep in range(_SWEEPS):
        links = below if sweep % 2 else above
        for terms in reversed(columns) if sweep % 2 else columns:
            place = {term: _mean([row[one] for one in links[term]], row[term]) for term in terms}
            terms.sort(key=lambda term, place=place: place[term])  # type: ignore[misc]  # mypy sees no default
            row |= _centred(columns)
    return row


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _centred(columns: list[list[str]]) -> dict[str, float]:
    most = max(map(len, columns), default=0)
    return {term: at + (most - len(terms)) / 2 for terms in columns for at, term in enumerate(terms)}
