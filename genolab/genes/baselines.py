"""What a gene finder must beat: reading frames by length, and by codon usage; with how genes are written to a file."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genolab.genes.signals import Known, known_genes
from genolab.sequences.gff import to_gff3
from genolab.sequences.orfs import (
    Frame,
    best_min_length,
    frame_table,
    open_reading_frames,
    reading_frames,
    remove_overlaps,
    strand_codes,
)

__all__ = ["CodonBaseline", "best_min_length", "open_reading_frames", "to_gff3"]

_MIN_LENGTH: Final = 75  # bases; a shorter frame has too few codons to be classified
_THRESHOLDS: Final = tuple(np.linspace(0.1, 0.9, 17))


class CodonBaseline:
    """Logistic regression on the codon usage and length of open reading frames of at least `min_length` bases.

    The features are the square roots of the codons' frequencies, and the logarithm of the length. Of frames that
    overlap, the most probable is taken first. It is the coding measure of older gene finders (Fickett & Tung 1992) with
    weights that are learned.

    Examples
    --------
    >>> CodonBaseline().fit(genome, {"chrII": sequence}).genes(other, chromosome="chrI")
    """

    def __init__(self, *, min_length: int = _MIN_LENGTH) -> None:
        self.min_length = min_length
        self.threshold = 0.5
        self._model: Any = None

    def fit(self, genes: Known, sequences: Mapping[str, str]) -> Self:
        """Learn which frames are genes, with the probability threshold of the best F1 in cross-validation.

        Arguments are those of `Signals.learn`.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        genes = known_genes(genes, sequences)
        known = {(gene.chromosome, *gene.exons[0], gene.strand) for gene in genes if len(gene.exons) == 1}
        frames = {name: reading_frames(sequence, min_length=self.min_length) for name, sequence in sequences.items()}
        x = np.concatenate([_features(sequences[name], some) for name, some in frames.items()])
        y = np.array([(name, *frame) in known for name, some in frames.items() for frame in some])
        if not y.any():
            raise ValueError("none of the open reading frames is a gene: genes and sequences must be of one assembly")
        self._model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        held_out = cross_val_predict(self._model, x, y, cv=5, method="predict_proba")[:, 1]
        self._model.fit(x, y)
        parts = np.split(held_out, np.cumsum([len(some) for some in frames.values()])[:-1])

        def f1(threshold: float) -> float:
            scored = zip(frames.items(), parts, strict=True)
            selected = {
                (name, *frame)
                for (name, some), p in scored
                for frame in _selected(some, p, len(sequences[name]), threshold)
            }
            return 2 * len(selected & known) / max(1, len(selected) + len(known))

        self.threshold = float(max(_THRESHOLDS, key=f1))
        return self

    def genes(self, sequence: str, *, chromosome: str = "sequence", start: int = 0) -> pd.DataFrame:
        """Return the frames that are probably genes, in the form of `genolab.genes.decode`."""
        if self._model is None:
            raise ValueError("a CodonBaseline must be fitted before it is used: call fit(genes, sequences)")
        frames = reading_frames(sequence, min_length=self.min_length)
        probability = self._model.predict_proba(_features(sequence, frames))[:, 1] if frames else np.zeros(0)
        return frame_table(_selected(frames, probability, len(sequence), self.threshold), chromosome, start)


def _selected(
    frames: list[Frame], probability: NDArray[np.float64], length: int, threshold: float
) -> dict[Frame, float]:  # fmt: skip
    """Return frames without overlap, the most probable taken first, and their probabilities."""
    order = [number for number in np.argsort(-probability, kind="stable") if probability[number] >= threshold]
    scores = {frames[number]: float(probability[number]) for number in order}
    return {frame: scores[frame] for frame in remove_overlaps(list(scores), length)}


def _features(sequence: str, frames: Sequence[Frame]) -> NDArray[np.float64]:
    """Return codon frequencies, without the stop codon, and lengths, transformed, ``(n, 65)``."""
    bases = strand_codes(sequence)
    rows = np.zeros((len(frames), 65))
    for row, (first, end, strand) in zip(rows, frames, strict=True):
        at = slice(first, end) if strand == "+" else slice(len(sequence) - end, len(sequence) - first)
        codons = bases["+-".index(strand), at].astype(np.int64).reshape(-1, 3)[:-1]
        known = codons[(codons < 4).all(axis=1)]
        row[:64] = np.sqrt(np.bincount(known @ [16, 4, 1], minlength=64) / max(1, len(known)))
        row[64] = np.log(end - first)
    return rows
