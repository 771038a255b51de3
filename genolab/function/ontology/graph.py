"""The graph of an ontology: terms, what is broader than what, and what that means for annotations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from genolab.checks import check_known, warn

if TYPE_CHECKING:
    from anndata import AnnData


class Annotations(NamedTuple):
    """Which gene has which term, the broader terms included."""

    matrix: sparse.csr_matrix  # (n_genes, n_terms) uint8
    genes: tuple[str, ...]
    terms: tuple[str, ...]  # ids, broader ones first


@dataclass(frozen=True, eq=False)
class Ontology:
    """Terms and the broader terms that each of them implies, without cycles.

    A gene that has a term has all broader ones, too (the true-path rule).

    Parameters
    ----------
    parents
        Term to its directly broader terms; ``()`` for a root. Every term is a key.
    names
        Term to its name; a term without one is called by its id.
    namespace
        Term to the part of the ontology that it belongs to, such as ``"molecular_function"``.
    replaced
        Alternative or obsolete id to the term that stands for it now.
    obsolete
        Obsolete id without a replacement to the terms to consider instead.

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
        _ = self.terms  # sorted now, so that a cycle is refused at once

    @classmethod
    def of(cls, adata: "AnnData") -> Self:
        """Return the ontology of an AnnData such as ``gl.data.fetch("protein_function")``.

        ``uns["terms"]`` names the terms; optional are ``uns["parents"]``, rows ``(child, parent)`` of positions in
        ``uns["terms"]``, and ``uns["names"]`` and ``uns["namespaces"]``, one text a term.
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

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """All terms, each after all that are broader; the order depends on the ontology alone."""
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
        children: dict[str, list[str]] = {term: [] for term in self.terms}
        for term in self.terms:
            for parent in self.parents[term]:
                children[parent].append(term)
        return {term: tuple(narrower) for term, narrower in children.items()}

    @cached_property
    def depth(self) -> Mapping[str, int]:
        """Term to the number of links on the longest path to a root; 0 for a root."""
        depth: dict[str, int] = {}
        for term in self.terms:
            depth[term] = max((depth[parent] + 1 for parent in self.parents[term]), default=0)
        return depth

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The terms that have no broader one."""
        return tuple(term for term in self.terms if not self.parents[term])

    def ancestors(self, term: str) -> frozenset[str]:
        """Return all broader terms, without the term itself."""
        return _reachable(self.current(term), self.parents)

    def descendants(self, term: str) -> frozenset[str]:
        """Return all narrower terms, without the term itself."""
        return _reachable(self.current(term), self.children)

    def current(self, term: str) -> str:
        """Return the term that an id stands for now: itself, or what replaced it."""
        now = self.replaced.get(term, term)
        if now in self.parents:
            return now
        if term in self.obsolete:
            instead = ", ".join(self.obsolete[term])
            hint = f"; the ontology says to consider {instead}" if instead else " and names none to consider"
            raise KeyError(f"{term!r} is obsolete, and no term replaced it{hint}")
        release = f" ({self.version})" if self.version else ""
        raise KeyError(f"{term!r} is no term of this ontology{release}, which has {len(self):,}, as {self.terms[0]!r}")

    def subset(self, terms: Iterable[str]) -> Self:
        """Return the ontology of some terms and all that are broader."""
        chosen = {self.current(term) for term in terms}
        chosen |= {broader for term in chosen for broader in self.ancestors(term)}
        return self._restricted(chosen)

    def part(self, namespace: str) -> Self:
        """Return the ontology of one namespace, such as ``"biological_process"``."""
        self._check_namespace(namespace)
        return self._restricted({term for term, where in self.namespace.items() if where == namespace})

    def _check_namespace(self, namespace: str) -> None:
        check_known("namespaces", [namespace], sorted(set(self.namespace.values())))

    def _restricted(self, chosen: set[str]) -> Self:
        ordered = [term for term in self.terms if term in chosen]
        return type(self)(
            {term: tuple(parent for parent in self.parents[term] if parent in chosen) for term in ordered},
            self.names,
            self.namespace,
            {old: new for old, new in self.replaced.items() if new in chosen},
            version=self.version,
        )

    def closure(self, terms: Sequence[str]) -> sparse.csr_matrix:
        """Return which terms imply which, ``(n_terms, n_terms)`` uint8: a row has 1 for itself and its ancestors.

        `terms` are current ids, each once; paths over terms outside of these count.
        """
        position = self._positions(terms)
        return indicator(
            [sorted(position[a] for a in {t, *self.ancestors(t)} if a in position) for t in terms], len(terms)
        )

    def _positions(self, terms: Sequence[str]) -> dict[str, int]:
        position = {term: at for at, term in enumerate(terms)}
        if len(position) < len(terms):
            raise ValueError("terms must be different, and some occur twice: pass each once")
        old = {term: self.current(term) for term in terms if self.current(term) != term}
        if old:
            raise ValueError(
                f"terms must be current ids; {len(old)} are old, as {next(iter(old.items()))}: map by current"
            )
        return position

    def propagate(self, matrix: Any, terms: Sequence[str]) -> Any:
        """Return each term's largest value among itself and all narrower terms, ``(n, n_terms)``.

        `matrix` is ``(n, n_terms)``, sparse or dense: 0 and 1, or scores such as probabilities; `terms` are the ids of
        its columns, current and each once.
        """
        if matrix.ndim != 2 or matrix.shape[1] != len(terms):
            raise ValueError(f"a matrix needs a column a term: {len(terms)} terms, got the shape {matrix.shape}")
        closure = self.closure(terms)
        if sparse.issparse(matrix) and set(np.unique(matrix.data)) <= {0, 1}:
            implied = (matrix.astype(np.int32) @ closure.astype(np.int32)).tocsr()
            implied.data = np.minimum(implied.data, 1)
            implied.eliminate_zeros()
            return implied.astype(matrix.dtype)
        dense = matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
        return _largest_below(dense, closure.tocsc())

    def annotate(self, annotations: "Mapping[str, Iterable[str]] | AnnData") -> Annotations:
        """Return which gene has which term, broader terms included.

        `annotations` are gene to its terms' ids; or an AnnData with ``obsm["terms"]``, its columns named by
        ``uns["terms"]``, as ``gl.data.fetch("yeast_go")`` gives. Old ids count for the terms that replaced them;
        unknown ids, and obsolete ones without a replacement, are left out with a warning.
        """
        given = annotations if isinstance(annotations, Mapping) else _terms_by_row(annotations)
        unknown: dict[str, None] = {}
        rows = [self._with_ancestors(terms, unknown) for terms in given.values()]
        used = set().union(*rows)
        terms = tuple(term for term in self.terms if term in used)
        position = {term: at for at, term in enumerate(terms)}
        matrix = indicator([sorted(position[term] for term in row) for row in rows], len(terms))
        if unknown:
            warn(
                f"{len(unknown):,} ids are left out, which are unknown to the ontology or obsolete without a "
                f"replacement, as {', '.join(list(unknown)[:5])}"
            )
        return Annotations(matrix, tuple(given), terms)

    def _with_ancestors(self, ids: Iterable[str], unknown: dict[str, None]) -> set[str]:
        """Return the current terms of some ids, with all broader ones; ids without one go into `unknown`."""
        terms: set[str] = set()
        for term in ids:
            try:
                now = self.current(term)
            except KeyError:
                unknown[term] = None
                continue
            if now not in terms:
                terms |= {now, *self.ancestors(now)}
        return terms

    def gene_sets(
        self, annotations: "Mapping[str, Iterable[str]] | AnnData", *, namespace: str | None = None
    ) -> dict[str, frozenset[str]]:
        """Return the genes of each term, those of its narrower terms included, for `genolab.function.enrich`.

        `annotations` are as in `annotate`; `namespace` keeps the terms of one, such as ``"biological_process"``.
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


def _reachable(start: str, links: Mapping[str, Iterable[str]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = list(links[start])
    while waiting:
        term = waiting.pop()
        if term not in reached:
            reached.add(term)
            waiting.extend(links[term])
    return frozenset(reached)


def indicator(columns: Sequence[Sequence[int]], n_columns: int) -> sparse.csr_matrix:
    """Return a matrix with 1 in the given columns of each row, CSR uint8."""
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.fromiter((at for row in columns for at in row), dtype=np.int32, count=int(ends[-1]))
    return sparse.csr_matrix((np.ones(len(indices), np.uint8), indices, ends), shape=(len(columns), n_columns))


def _terms_by_row(adata: "AnnData") -> dict[str, list[str]]:
    matrix = sparse.csr_matrix(adata.obsm["terms"])
    terms = np.asarray(adata.uns["terms"], dtype=object)
    parts = np.split(terms[matrix.indices], matrix.indptr[1:-1])
    return dict(zip(adata.obs_names, map(list, parts), strict=True))


def _largest_below(matrix: NDArray[Any], closure: sparse.csc_matrix) -> NDArray[Any]:
    """Return for each column the largest value among those that imply it."""
    largest = np.empty_like(matrix)
    for at in range(matrix.shape[1]):
        below = closure.indices[closure.indptr[at] : closure.indptr[at + 1]]
        largest[:, at] = matrix[:, below].max(axis=1)
    return largest
