"""A genome in memory: the sequences of its chromosomes, which of them are circular, and what is annotated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab.checks import meant, meant_file
from genolab.data.catalogue import fetch, known_sources
from genolab.data.text import unpacked_name
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.fasta import open_fasta
from genolab.sequences.genetic_codes import check_code
from genolab.sequences.genome import check_chromosome, genome_info
from genolab.sequences.regions import join_over_origins

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Direction = Literal["+", "-"]
Positions = TypeVar("Positions", int, Integers)

_STANDARD_CODE = 1
_RULE = (
    "a genome is a name of gl.data.catalog(), the path of a FASTA file, what gl.data.read('genes.gff3', "
    "fasta='genome.fa') returns, or letters by chromosome, such as {'chrI': 'ACGT'}"
)
_IS_IUPAC = np.isin(np.arange(256), np.frombuffer(b"ACGTURYSWKMBDHVN", dtype=np.uint8))


@dataclass(frozen=True, eq=False)
class Strand:
    """One strand of a chromosome."""

    chromosome: str
    direction: Direction
    bases: Bytes  # in its own direction; of a circular chromosome twice, so that stretches can go on over the origin
    circle: int  # bases of a circular chromosome, 0 of a linear one

    @property
    def size(self) -> int:
        """Bases of the chromosome."""
        return self.circle or len(self.bases)

    def wrap(self, position: int) -> int:
        """Return a position within the first time round a circular chromosome."""
        return position % self.circle if self.circle else position

    def to_forward(self, positions: Positions) -> Positions:
        """Return positions of this strand as positions on the + strand (and the reverse: both ways are the same)."""
        return self.size - 1 - positions % self.size if self.direction == "-" else positions % self.size


@dataclass(frozen=True)
class Genome:
    """A genome in memory.

    Attributes
    ----------
    name
        What figures and files call it.
    sequences
        Chromosome to its bases as upper-case ASCII, ``(length,)`` uint8; U is written T.
    circular
        The chromosomes that are circular.
    features
        A row a feature, as in ``obs`` of an annotated genome; ``None``: nothing is annotated.
    genetic_code
        NCBI's number of the code that its genes are read by: 1 standard, 2 vertebrate mitochondria, 11 bacteria.
    """

    name: str
    sequences: Mapping[str, Bytes]
    circular: frozenset[str] = frozenset()
    features: pd.DataFrame | None = None
    genetic_code: int = _STANDARD_CODE

    @property
    def lengths(self) -> dict[str, int]:
        """Chromosome to its length, bases."""
        return {name: len(bases) for name, bases in self.sequences.items()}

    @property
    def length(self) -> int:
        """Bases, of all chromosomes."""
        return sum(self.lengths.values())

    def strand(self, chromosome: str, direction: Direction = "+") -> Strand:
        """Return a strand of a chromosome, to align."""
        bases = self.sequences[chromosome]
        own = COMPLEMENT[bases[::-1]] if direction == "-" else bases
        is_circular = chromosome in self.circular
        return Strand(chromosome, direction, np.tile(own, 2) if is_circular else own, len(bases) * is_circular)

    def slice(self, chromosome: str, start: int, end: int, direction: Direction = "+") -> Bytes:
        """Return bases ``[start, end)`` of the + strand as a strand reads them; on a circle, `end` may go on."""
        bases = self.sequences[chromosome]
        part = np.take(bases, np.arange(start, end), mode="wrap") if end > len(bases) else bases[start:end]
        return COMPLEMENT[part[::-1]] if direction == "-" else part

    def only(self, *chromosomes: str) -> "Genome":
        """Return the genome with some of its chromosomes alone."""
        for name in chromosomes:
            check_chromosome(name, self.lengths)
        features = self.features
        return replace(
            self,
            name=f"{self.name} {' '.join(chromosomes)}",
            sequences={name: self.sequences[name] for name in chromosomes},
            circular=self.circular & frozenset(chromosomes),
            features=None if features is None else features[features["chromosome"].isin(chromosomes)],
        )

    def __repr__(self) -> str:
        annotated = "no annotation" if self.features is None else f"{len(self.features):,} features"
        n = len(self.sequences)
        return f"<Genome {self.name}: {n:,} chromosome{'s' * (n != 1)}, {self.length:,} bases, {annotated}>"


GenomeLike: TypeAlias = str | Path | AnnData | Mapping[str, str] | Genome


def open_genome(source: GenomeLike, *, circular: bool | None = None, genetic_code: int | None = None) -> Genome:
    """Return a genome by the name of a data set, the path of a FASTA file, or its annotation.

    Parameters
    ----------
    source
        A name of `genolab.data.catalog`, a path, an annotated genome as `genolab.data.read` gives it with its FASTA,
        sequences by chromosome, or a `Genome`, which comes back with the following changed.
    circular
        Whether all chromosomes are circular; by default what the annotation says, and a FASTA says nothing.
    genetic_code
        By default what the annotation says (``transl_table`` of its coding parts), else 1.
    """
    if not (circular is None or isinstance(circular, bool | np.bool_)):
        raise ValueError(
            "circular is True or False for all chromosomes, or None for what the annotation says, got "
            f"{circular!r}; for some of them, give uns['genome']['circular'] of an annotated genome"
        )
    genome = source if isinstance(source, Genome) else _read(source)
    if circular is not None:
        genome = replace(genome, circular=frozenset(genome.sequences if circular else ()))
    if genome.features is not None:
        circles = {name: length for name, length in genome.lengths.items() if name in genome.circular}
        genome = replace(genome, features=join_over_origins(genome.features, circles))
    code = genome.genetic_code if genetic_code is None else genetic_code
    check_code(code)
    return replace(genome, genetic_code=code)


def _read(source: str | Path | AnnData | Mapping[str, str]) -> Genome:
    if isinstance(source, Mapping):
        return _from_texts(source)
    name, annotated = _resolve(source)
    known = genome_info(annotated)
    fasta = open_fasta(known["fasta"])
    sequences = {key: _checked(fasta.fetch(key, 0, length), key, name) for key, length in known["lengths"].items()}
    features = annotated.obs if isinstance(annotated, AnnData) and annotated.n_obs else None
    return Genome(name, sequences, frozenset(known["circular"]), features, _genetic_code(features))


def _from_texts(texts: Mapping[str, str]) -> Genome:
    strange = [name for name, text in texts.items() if not isinstance(text, str)]
    if strange:
        kind = type(texts[strange[0]]).__name__
        raise TypeError(f"{_RULE}; the letters of {strange[0]!r} are a {kind}: texts are wanted, so decode bytes")
    if not texts or not all(texts.values()):
        sizes = ", ".join(f"{name!r} of {len(text):,}" for name, text in texts.items()) or "none"
        raise ValueError(f"a genome has at least one chromosome, and a chromosome at least one base, got {sizes}")
    name = next(iter(texts))
    ascii_codes = {key: np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8) for key, text in texts.items()}
    return Genome(name, {key: _checked(codes, key, name) for key, codes in ascii_codes.items()})


def _resolve(source: str | Path | AnnData) -> tuple[str, AnnData | Path]:
    """Return a name, and an annotated genome or the path of a FASTA file."""
    if isinstance(source, AnnData):
        known, lengths = source.uns.get("source", {}), source.uns.get("genome", {}).get("lengths", {})
        return str(known.get("name") or next(iter(lengths), "genome")), source
    if isinstance(source, str) and source in known_sources():
        return source, fetch(source)
    if not isinstance(source, str | Path):
        raise TypeError(f"{_RULE}, got a {type(source).__name__}")
    path = Path(source).expanduser()
    if not path.is_file():
        near = meant(str(source), known_sources()) or meant_file(path)
        raise ValueError(f"{_RULE}; there is neither a data set nor a file {str(source)!r}{near}")
    return unpacked_name(path).rsplit(".", 1)[0], path


def _checked(codes: Bytes, chromosome: str, name: str) -> Bytes:
    """Return bases in upper case with T for U, and refuse what is no DNA."""
    upper = np.where((codes >= ord("a")) & (codes <= ord("z")), codes - 32, codes).astype(np.uint8)
    wrong = np.flatnonzero(~_IS_IUPAC[upper])
    if len(wrong):
        raise ValueError(
            f"a genome is DNA, in A C G T and the ambiguous codes; {name} has {chr(codes[wrong[0]])!r} at "
            f"{wrong[0]:,} of {chromosome!r} (counted from 0), {len(wrong):,} such letters: is it a protein, or an "
            "alignment with gaps?"
        )
    upper[upper == ord("U")] = ord("T")
    return upper


def _genetic_code(features: pd.DataFrame | None) -> int:
    if features is None or "transl_table" not in features:
        return _STANDARD_CODE
    stated = pd.to_numeric(features["transl_table"], errors="coerce").dropna()
    return int(stated.mode().iloc[0]) if len(stated) else _STANDARD_CODE
