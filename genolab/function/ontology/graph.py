"""The graph of an ontology: terms, what is broader than what, and what that means for annotations."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    from anndata import AnnData


class Annotations(NamedTuple):
    """Which gene has which term, the broader terms included.

    Attributes
    ----------
    matrix
        ``(n_genes, n_terms)`` CSR uint8, 1 where a gene has a term.
    genes
        Names of the rows.
    terms
        Ids of the columns, broader ones first.
    """

    matrix: sparse.csr_matrix
    genes: tuple[str, ...]
    terms: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Ontology:
    """Terms and the broader terms that each of them implies, without cycles.

    Who has a term has all broader ones, too: the true-path rule. `read` makes an ontology of a file, `go` is the one
    that travels with genolab.

    Parameters
    ----------
    parents
        Term to its directly broader terms; ``()`` for a root. Each term that is named is a key.
    names
        Term to its name; a term without one is called by its id.
    namespace
        Term to the part of the ontology that it belongs to, such as ``"molecular_function"``.
    replaced
        Id that is no longer used, alternative or obsolete, to the term that stands for it now.
    obsolete
        Id that was given up without a successor to those the ontology tells to consider instead.
    version
        Which release it is.

    Raises
    ------
    ValueError
        A parent is no term, or the terms form a cycle.

    Examples
    --------
    >>> tiny = Ontology({"life": (), "growth": ("life",), "budding": ("growth",)})
    >>> sorted(tiny.ancestors("budding"))
    ['growth', 'life']
    """

    parents: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str] = field(default_factory=dict)
    namespace: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    obsolete: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: str = ""

    def __post_init__(self) -> None:
        for term, broader in self.parents.items():
            unknown = [parent for parent in broader if parent not in self.parents]
            if unknown:
                raise ValueError(f"each parent must be a term of the ontology: {term} has the parents {unknown}")
        object.__setattr__(self, "names", {term: self.names.get(term, term) for term in self.parents})
        object.__setattr__(self, "namespace", {term: self.namespace.get(term, "") for term in self.parents})
        _ = self.terms  # sorted here and now, so that a cycle is told where it comes in

    @classmethod
    def of(cls, adata: "AnnData") -> Self:
        """Return the ontology that an AnnData brings along, as ``gl.data.fetch("protein_function")`` does.

        Parameters
        ----------
        adata
            ``uns["terms"]`` names the terms; where they are there, ``uns["parents"]`` holds rows of a term and its
            parent, as places in ``uns["terms"]``, and ``uns["names"]`` and ``uns["namespaces"]`` a text a term.

        Raises
        ------
        KeyError
            There is no ``uns["terms"]``.
        """
        if "terms" not in adata.uns:
            raise KeyError(f"an ontology needs uns['terms'], its terms; this AnnData's uns has {sorted(adata.uns)}")
        terms = [str(term) for term in adata.uns["terms"]]
        parents: dict[str, list[str]] = {term: [] for term in terms}
        for child, parent in np.asarray(adata.uns.get("parents", ()), dtype=np.int64).reshape(-1, 2):
            parents[terms[child]].append(terms[parent])
        names, spaces = (
            map(str, adata.uns.get(key, default)) for key, default in (("names", terms), ("namespaces", ()))
        )
        return cls(
            {term: tuple(broader) for term, broader in parents.items()},
            dict(zip(terms, names, strict=True)),
            dict(zip(terms, spaces, strict=False)),
        )

    def __len__(self) -> int:
        return len(self.parents)

    def __contains__(self, term: object) -> bool:
        return term in self.parents

    def __repr__(self) -> str:
        spaces = sorted(set(self.namespace.values()) - {""})
        return f"Ontology({len(self):,} terms{' of ' if spaces else ''}{', '.join(spaces)})"

    # ---- the graph ----------------------------------------------------------------------------------------------

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """All terms, each behind all those that are broader; the same for the same ontology."""
        ordered = TopologicalSorter({term: sorted(self.parents[term]) for term in sorted(self.parents)})
        try:
            return tuple(ordered.static_order())
        except CycleError as error:
            cycle = " -> ".join(reversed(error.args[1]))
            raise ValueError(
                f"an ontology has no cycles, or a term would be broader than itself: {cycle}; take out one of these"
            ) from None

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Term to its directly narrower terms."""
        found: dict[str, list[str]] = {term: [] for term in self.terms}
        for term in self.terms:
            for parent in self.parents[term]:
                found[parent].append(term)
        return {term: tuple(narrower) for term, narrower in found.items()}

    @cached_property
    def depth(self) -> Mapping[str, int]:
        """Term to the number of links on the longest way to a root; 0 for a root."""
        found: dict[str, int] = {}
        for term in self.terms:
            found[term] = max((found[parent] + 1 for parent in self.parents[term]), default=0)
        return found

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The terms that have no broader one."""
        return tuple(term for term in self.terms if not self.parents[term])

    def ancestors(self, term: str) -> frozenset[str]:
        """Return all broader terms, near and far, the term itself left out."""
        return _reached(self.current(term), self.parents)

    def descendants(self, term: str) -> frozenset[str]:
        """Return all narrower terms, near and far, the term itself left out."""
        return _reached(self.current(term), self.children)

    def current(self, term: str) -> str:
        """Return the term that an id stands for now: itself, or what replaced it.

        Raises
        ------
        KeyError
            The id is unknown, or was given up without a successor.
        """
        found = self.replaced.get(term, term)
        if found in self.parents:
            return found
        if term in self.obsolete:
            instead = ", ".join(self.obsolete[term])
            hint = f"; the ontology says to consider {instead}" if instead else " and names none to consider"
            raise KeyError(f"{term!r} is obsolete, and no term replaced it{hint}")
        release = f" ({self.version})" if self.version else ""
        raise KeyError(f"{term!r} is no term of this ontology{release}, which has {len(self):,}, as {self.terms[0]!r}")

    def subset(self, terms: Iterable[str]) -> Self:
        """Return the ontology of some terms and all that are broader, such as to draw it."""
        chosen = {self.current(term) for term in terms}
        chosen |= {broader for term in chosen for broader in self.ancestors(term)}
        return self._restricted(chosen)

    def part(self, namespace: str) -> Self:
        """Return the ontology of one namespace, such as ``"biological_process"``.

        Raises
        ------
        KeyError
            There is no such namespace.
        """
        self._check_namespace(namespace)
        return self._restricted({term for term, where in self.namespace.items() if where == namespace})

    def _check_namespace(self, namespace: str) -> None:
        if namespace not in self.namespace.values():
            raise KeyError(f"there is no namespace {namespace!r}; there are {sorted(set(self.namespace.values()))}")

    def _restricted(self, chosen: set[str]) -> Self:
        ordered = [term for term in self.terms if term in chosen]
        return type(self)(
            {term: tuple(parent for parent in self.parents[term] if parent in chosen) for term in ordered},
            self.names,
            self.namespace,
            {old: new for old, new in self.replaced.items() if new in chosen},
            version=self.version,
        )

    # ---- annotations --------------------------------------------------------------------------------------------

    def closure(self, terms: Sequence[str]) -> sparse.csr_matrix:
        """Return which terms imply which, ``(n_terms, n_terms)`` uint8: a row has 1 for itself and its ancestors.

        Parameters
        ----------
        terms
            Current ids, each once. Ways that lead over terms outside of these count.

        Raises
        ------
        ValueError
            A term occurs twice, or is an old id.
        """
        place = self._places(terms)
        reached = [[place[t], *sorted(place[a] for a in self.ancestors(t) if a in place)] for t in terms]
        ends = np.cumsum([0, *map(len, reached)])
        columns = np.fromiter((at for row in reached for at in row), dtype=np.int64, count=int(ends[-1]))
        found = sparse.csr_matrix((np.ones(len(columns), np.uint8), columns, ends), shape=(len(terms),) * 2)
        found.sort_indices()
        return found

    def _places(self, terms: Sequence[str]) -> dict[str, int]:
        place = {term: at for at, term in enumerate(terms)}
        if len(place) < len(terms):
            raise ValueError("terms must be different, and some occur twice: pass each once")
        old = {term: self.current(term) for term in terms if self.current(term) != term}
        if old:
            raise ValueError(
                f"terms must be current ids; {len(old)} are old, as {next(iter(old.items()))}: map by current"
            )
        return place

    def propagate(self, matrix: Any, terms: Sequence[str]) -> Any:
        """Give each row what its terms imply: no term is below a narrower one any more.

        Parameters
        ----------
        matrix
            ``(n, n_terms)``, sparse or dense: 0 and 1, or scores such as probabilities. Not changed.
        terms
            Ids of its columns, current and each once.

        Returns
        -------
        csr_matrix or ndarray
            As it came: of each term the largest value among itself and all narrower terms, ``(n, n_terms)``.

        Raises
        ------
        ValueError
            The columns aren't as many as the terms, or a term occurs twice or is an old id.
        """
        if matrix.ndim != 2 or matrix.shape[1] != len(terms):
            raise ValueError(f"a matrix needs a column a term: {len(terms)} terms, got the shape {matrix.shape}")
        closure = self.closure(terms)
        if sparse.issparse(matrix) and set(np.unique(matrix.data)) <= {0, 1}:
            found = (matrix.astype(np.int32) @ closure.astype(np.int32)).tocsr()
            found.data = np.minimum(found.data, 1)
            found.eliminate_zeros()
            return found.astype(matrix.dtype)
        dense = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
        return _largest_below(dense, closure.tocsc())

    def annotate(self, annotations: "Mapping[str, Iterable[str]] | AnnData") -> Annotations:
        """Make a matrix of genes and the terms that somebody gave them, and of all broader terms.

        Old ids count for the terms that replaced them. Ids that are unknown, or that were given up without a successor,
        are left out, and a warning says how many.

        Parameters
        ----------
        annotations
            Gene to its terms' ids; or an AnnData with ``obsm["terms"]``, its columns named by ``uns["terms"]``, as
            ``gl.data.fetch("yeast_go")`` gives.
        """
        given = annotations if isinstance(annotations, Mapping) else _given(annotations)
        lost: dict[str, None] = {}
        rows = [self._implied(terms, lost) for terms in given.values()]
        found = set().union(*rows)
        terms = tuple(term for term in self.terms if term in found)
        place = {term: at for at, term in enumerate(terms)}
        columns = [sorted(place[term] for term in row) for row in rows]
        ends = np.cumsum([0, *map(len, columns)])
        values = np.ones(int(ends[-1]), np.uint8)
        where = np.array([at for row in columns for at in row], dtype=np.int32)
        matrix = sparse.csr_matrix((values, where, ends), shape=(len(rows), len(terms)))
        if lost:
            warnings.warn(
                f"{len(lost):,} ids are left out, which the ontology doesn't know or has given up without a successor, "
                f"as {', '.join(list(lost)[:5])}",
                stacklevel=2,
            )
        return Annotations(matrix, tuple(given), terms)

    def _implied(self, terms: Iterable[str], lost: dict[str, None]) -> set[str]:
        """Return the current terms among some ids, with all broader ones; the others go into `lost`."""
        found: set[str] = set()
        for term in terms:
            try:
                now = self.current(term)
            except KeyError:
                lost[term] = None
                continue
            if now not in found:
                found |= {now, *self.ancestors(now)}
        return found

    def gene_sets(
        self, annotations: "Mapping[str, Iterable[str]] | AnnData", *, namespace: str | None = None
    ) -> dict[str, frozenset[str]]:
        """Return the genes of each term, those of its narrower terms included, for `genolab.function.enrich`.

        Parameters
        ----------
        annotations
            Gene to its terms' ids, or an AnnData; see `annotate`, also for old and unknown ids.
        namespace
            Only terms of this namespace, such as ``"biological_process"``; ``None``: all.

        Raises
        ------
        KeyError
            There is no such namespace.
        """
        if namespace is not None:
            self._check_namespace(namespace)
        matrix, genes, terms = self.annotate(annotations)
        columns = matrix.tocsc()
        return {
            term: frozenset(genes[row] for row in columns.indices[columns.indptr[at] : columns.indptr[at + 1]])
            for at, term in enumerate(terms)
            if namespace in (None, self.namespace[term])
        }

    def information_content(self, matrix: Any, terms: Sequence[str]) -> NDArray[np.float64]:
        """Return how much each term tells where its parents are known, in bits.

        This is the information accretion of Clark and Radivojac (2013), doi:10.1093/bioinformatics/btt228, by which
        CAFA weighs terms: minus the logarithm of the share of those with the term among those with all of its parents.
        One more gene that has all terms is counted in, so that a term that nobody has gets a finite value.

        Parameters
        ----------
        matrix
            ``(n_genes, n_terms)``, 0 and 1, propagated.
        terms
            Ids of its columns, current and each once. Parents outside of these don't count.

        Returns
        -------
        ndarray
            ``(n_terms,)``; 0 for a root.

        Raises
        ------
        ValueError
            The columns aren't as many as the terms, or a term occurs twice or is an old id.
        """
        if matrix.shape[1] != len(terms):
            raise ValueError(f"a matrix needs a column a term: {len(terms)} terms, got the shape {matrix.shape}")
        place = self._places(terms)
        has = sparse.csc_matrix(matrix) > 0
        n_with = np.asarray(has.sum(axis=0)).ravel() + 1
        found = np.zeros(len(terms))
        for term, at in place.items():
            parents = [place[parent] for parent in self.parents[term] if parent in place]
            if parents:
                n_able = int((np.asarray(has[:, parents].sum(axis=1)).ravel() == len(parents)).sum()) + 1
                found[at] = np.log2(max(n_able, n_with[at]) / n_with[at])
        return found


def _reached(start: str, links: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(links[start])
    while waiting:
        term = waiting.pop()
        if term not in found:
            found.add(term)
            waiting.extend(links[term])
    return frozenset(found)


def _given(adata: "AnnData") -> dict[str, list[str]]:
    """Return each row's terms."""
    matrix = sparse.csr_matrix(adata.obsm["terms"])
    terms = np.asarray(adata.uns["terms"], dtype=object)
    parts = np.split(terms[matrix.indices], matrix.indptr[1:-1])
    return dict(zip(adata.obs_names, map(list, parts), strict=True))


def _largest_below(matrix: NDArray[Any], closure: sparse.csc_matrix) -> NDArray[Any]:
    """Return for each column the largest value among those that imply it."""
    found = np.empty_like(matrix)
    for at in range(matrix.shape[1]):
        below = closure.indices[closure.indptr[at] : closure.indptr[at + 1]]
        found[:, at] = matrix[:, below].max(axis=1)
    return found
