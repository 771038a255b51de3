"""Reading frames judged by their codons: the second baseline, which knows a gene's words but not its surroundings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.genes.signals import Known, known_genes
from genolab.sequences.orfs import Frame, apart, features, reading_frames, strand_codes

_SHORTEST: Final = 75  # bases; a frame shorter than this has too few codons to be judged
_THRESHOLDS: Final = tuple(np.linspace(0.1, 0.9, 17))


class CodonBaseline:
    """Logistic regression over an open reading frame's codons and its length.

    Every frame becomes 65 numbers: the shares that the codons have in it, by the square root, and its length, by the
    logarithm. Of frames that overlap, the likeliest is taken first. It is the coding measure of older gene finders
    (Fickett & Tung 1992) with weights that are learned.

    Parameters
    ----------
    min_length
        Fewest bases of a frame that is looked at.

    Examples
    --------
    >>> baseline = CodonBaseline().fit(genome, {"chrII": letters})
    >>> baseline.genes(other, chromosome="chrI")
    """

    def __init__(self, *, min_length: int = _SHORTEST) -> None:
        self.min_length = min_length
        self.threshold = 0.5
        self._model: Any = None

    def fit(self, genes: Known, sequences: Mapping[str, str]) -> Self:
        """Learn which frames are genes, and choose by cross-validation how likely one must be.

        Arguments are those of `Signals.learn`.

        Raises
        ------
        ValueError
            No frame of the sequences is a gene.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        genes = known_genes(genes, sequences)
        known = {(gene.chromosome, *gene.exons[0], gene.strand) for gene in genes if len(gene.exons) == 1}
        frames = {name: reading_frames(letters, min_length=self.min_length) for name, letters in sequences.items()}
        x = np.concatenate([_numbers(sequences[name], some) for name, some in frames.items()])
        y = np.array([(name, *frame) in known for name, some in frames.items() for frame in some])
        if not y.any():
            raise ValueError("none of the open reading frames is a gene: genes and sequences must be of one assembly")
        self._model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        held_out = cross_val_predict(self._model, x, y, cv=5, method="predict_proba")[:, 1]
        self._model.fit(x, y)
        self.threshold = float(max(_THRESHOLDS, key=lambda least: _f1(sequences, frames, held_out, known, least)))
        return self

    def genes(self, sequence: str, *, chromosome: str = "sequence", start: int = 0) -> pd.DataFrame:
        """Return the frames that are likely genes, in the form that `genolab.genes.decoding` gives."""
        if self._model is None:
            raise ValueError("a CodonBaseline must be fitted before it is used: call fit(genes, sequences)")
        frames = reading_frames(sequence, min_length=self.min_length)
        likely = self._model.predict_proba(_numbers(sequence, frames))[:, 1] if frames else np.zeros(0)
        kept = _taken(frames, likely, len(sequence), self.threshold)
        return features(kept, chromosome, start)


def _f1(
    sequences: Mapping[str, str],
    frames: Mapping[str, list[Frame]],
    likely: NDArray[np.float64],
    known: set[tuple[str, int, int, str]],
    least: float,
) -> float:
    """Return the F1 of whole genes when frames must be so likely."""
    found, right, first = 0, 0, 0
    for name, some in frames.items():
        kept = _taken(some, likely[first : first + len(some)], len(sequences[name]), least)
        found, right = found + len(kept), right + sum((name, *frame) in known for frame in kept)
        first += len(some)
    return 2 * right / max(1, found + len(known))


def _taken(frames: list[Frame], likely: NDArray[np.float64], length: int, least: float) -> dict[Frame, float]:
    """Take the likeliest frames first, unless they overlap one that was taken; return how likely each is."""
    order = [number for number in np.argsort(-likely, kind="stable") if likely[number] >= least]
    scores = {frames[number]: float(likely[number]) for number in order}
    return {frame: scores[frame] for frame in apart(list(scores), length, 0.0)}


def _numbers(sequence: str, frames: Sequence[Frame]) -> NDArray[np.float64]:
    """Return what tells of each frame, ``(n, 65)``: shares of its codons, stop codon aside, and its length."""
    bases = strand_codes(sequence)
    rows = np.zeros((len(frames), 65))
    for row, (first, end, strand) in zip(rows, frames, strict=True):
        at = slice(first, end) if strand == "+" else slice(len(sequence) - end, len(sequence) - first)
        letters = bases["+-".index(strand), at].astype(np.int64).reshape(-1, 3)[:-1]
        known = letters[(letters < 4).all(axis=1)]
        row[:64] = np.sqrt(np.bincount(known @ [16, 4, 1], minlength=64) / max(1, len(known)))
        row[64] = np.log(end - first)
    return rows
