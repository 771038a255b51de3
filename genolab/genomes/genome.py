"""One side of a comparison: a genome's letters, which of its chromosomes are circles, and what is annotated on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from genolab.data.catalogue import fetch, known_sources
from genolab.sequences.encode import COMPLEMENT
from genolab.sequences.fasta import open_fasta
from genolab.sequences.genome import check_chromosome, genome_of

Bytes = NDArray[np.uint8]

_STANDARD_CODE = 1
_RULE = (
    "a genome is a name of gl.data.catalog(), the path of a FASTA file, what gl.data.read('genes.gff3', "
    "fasta='genome.fa') returns, or letters by chromosome, such as {'chrI': 'ACGT'}"
)
_IS_IUPAC = np.isin(np.arange(256), np.frombuffer(b"ACGTURYSWKMBDHVN", dtype=np.uint8))


@dataclass(frozen=True)
class Genome:
    """A genome in memory.

    Attributes
    ----------
    name
        What figures and files call it.
    letters
        Chromosome to its letters as upper-case ASCII, ``(length,)`` uint8; U is written T.
    circular
        The chromosomes that are circles.
    features
        A row a feature, as in ``obs`` of an annotated genome; ``None``: nothing is annotated.
    genetic_code
        NCBI's number of the code that its genes are read by: 1 standard, 2 vertebrate mitochondria, 11 bacteria.
    """

    name: str
    letters: Mapping[str, Bytes]
    circular: frozenset[str]
    features: pd.DataFrame | None = None
    genetic_code: int = _STANDARD_CODE

    @property
    def lengths(self) -> dict[str, int]:
        """Chromosome to its length, bases."""
        return {name: len(letters) for name, letters in self.letters.items()}

    @property
    def length(self) -> int:
        """Bases, of all chromosomes."""
        return sum(self.lengths.values())

    def cut(self, chromosome: str, start: int, end: int, strand: str = "+") -> Bytes:
        """Return letters of ``[start, end)`` of the + strand as `strand` reads them; on a circle, `end` may go on."""
        letters = self.letters[chromosome]
        part = np.take(letters, np.arange(start, end), mode="wrap") if end > len(letters) else letters[start:end]
        return COMPLEMENT[part[::-1]] if strand == "-" else part

    def only(self, *chromosomes: str) -> "Genome":
        """Return the genome with some of its chromosomes alone.

        Raises
        ------
        KeyError
            It has no such chromosome.
        """
        for name in chromosomes:
            check_chromosome(name, self.lengths)
        features = self.features
        return replace(
            self,
            name=f"{self.name} {' '.join(chromosomes)}",
            letters={name: self.letters[name] for name in chromosomes},
            circular=self.circular & frozenset(chromosomes),
            features=None if features is None else features[features["chromosome"].isin(chromosomes)],
        )

    def __repr__(self) -> str:
        annotated = "no annotation" if self.features is None else f"{len(self.features):,} features"
        n = len(self.letters)
        return f"<Genome {self.name}: {n:,} chromosome{'s' * (n != 1)}, {self.length:,} bases, {annotated}>"


Given: TypeAlias = str | Path | AnnData | Mapping[str, str] | Genome


def open_genome(given: Given, *, circular: bool | None = None, genetic_code: int | None = None) -> Genome:
    """Return a genome by the name of a data set, the path of a FASTA file, or its annotation.

    Parameters
    ----------
    given
        A name of `genolab.data.catalog`, a path, an annotated genome as `genolab.data.read` gives it with its FASTA,
        letters by chromosome, or a `Genome`, which comes back with the following changed.
    circular
        Whether all chromosomes are circles; by default what the annotation says, and a FASTA says nothing.
    genetic_code
        By default what the annotation says (``transl_table`` of its coding parts), else 1.

    Raises
    ------
    ValueError
        Nothing goes by the name, a sequence is no DNA, or `circular` is none of True, False and ``None``.
    TypeError
        What came is none of these, or a chromosome's letters are no text.
    """
    from genolab.sequences.genetic_codes import check_code

    if not (circular is None or isinstance(circular, bool | np.bool_)):
        raise ValueError(
            "circular is True or False for all chromosomes, or None for what the annotation says, got "
            f"{circular!r}; for some of them, give uns['genome']['circular'] of an annotated genome"
        )
    found = given if isinstance(given, Genome) else _read(given)
    circles = found.circular if circular is None else frozenset(found.letters if circular else ())
    code = found.genetic_code if genetic_code is None else genetic_code
    check_code(code)
    return Genome(found.name, found.letters, circles, found.features, code)


def _read(given: str | Path | AnnData | Mapping[str, str]) -> Genome:
    if isinstance(given, Mapping):
        return _of_texts(given)
    name, annotated = _found(given)
    known = genome_of(annotated)
    fasta = open_fasta(known["fasta"])
    letters = {key: _checked(fasta.letters(key, 0, length), key, name) for key, length in known["lengths"].items()}
    features = annotated.obs if isinstance(annotated, AnnData) and annotated.n_obs else None
    return Genome(name, letters, frozenset(known["circular"]), features, _code_of(features))


def _of_texts(given: Mapping[str, str]) -> Genome:
    strange = [name for name, text in given.items() if not isinstance(text, str)]
    if strange:
        found = type(given[strange[0]]).__name__
        raise TypeError(f"{_RULE}; the letters of {strange[0]!r} are a {found}: texts are wanted, so decode bytes")
    if not given or not all(given.values()):
        raise ValueError(
            f"a genome has at least one chromosome, and a chromosome at least one base, got {_sizes(given)}"
        )
    name = next(iter(given))
    codes = {key: np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8) for key, text in given.items()}
    return Genome(name, {key: _checked(letters, key, name) for key, letters in codes.items()}, frozenset())


def _sizes(given: Mapping[str, str]) -> str:
    return ", ".join(f"{name!r} of {len(text):,}" for name, text in given.items()) or "none"


def _found(given: str | Path | AnnData) -> tuple[str, AnnData | Path]:
    """Return a name, and an annotated genome or the path of a FASTA file."""
    if isinstance(given, AnnData):
        source = given.uns.get("source", {})
        return str(source.get("name") or next(iter(given.uns.get("genome", {}).get("lengths", {})), "genome")), given
    if isinstance(given, str) and given in known_sources():
        return given, fetch(given)
    if not isinstance(given, str | Path):
        raise TypeError(f"{_RULE}, got a {type(given).__name__}")
    path = Path(given).expanduser()
    if not path.is_file():
        raise ValueError(f"{_RULE}; there is neither a data set nor a file {str(given)!r}")
    return path.name.removesuffix(".gz").rsplit(".", 1)[0], path


def _checked(letters: Bytes, chromosome: str, name: str) -> Bytes:
    """Return letters in upper case with T for U, and refuse what is no DNA."""
    upper = np.where((letters >= ord("a")) & (letters <= ord("z")), letters - 32, letters).astype(np.uint8)
    wrong = np.flatnonzero(~_IS_IUPAC[upper])
    if len(wrong):
        raise ValueError(
            f"a genome is DNA, in A C G T and the ambiguous codes; {name} has {chr(letters[wrong[0]])!r} at "
            f"{wrong[0]:,} of {chromosome!r} (counted from 0), {len(wrong):,} such letters: is it a protein, or an "
            "alignment with gaps?"
        )
    upper[upper == ord("U")] = ord("T")
    return upper


def _code_of(features: pd.DataFrame | None) -> int:
    if features is None or "transl_table" not in features:
        return _STANDARD_CODE
    stated = pd.to_numeric(features["transl_table"], errors="coerce").dropna()
    return int(stated.mode().iloc[0]) if len(stated) else _STANDARD_CODE
