"""What a network over sequences must beat: k-mers counted, and bases counted position by position."""

from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch, remember
from genolab.dna.model import check_one_hot
from genolab.models.baseline import Baseline, check_fitted, target_of
from genolab.sequences.encode import kmers

_BLOCK = 4096


class KmerBaseline(Baseline):
    """Logistic regression on the standardised counts of k-mers: where a k-mer stands doesn't count.

    There are ``4**k`` k-mers; those with an N aren't counted. `C` is the inverse strength of the L2 penalty, as in
    scikit-learn; the default suits a few thousand sequences.

    Examples
    --------
    >>> baseline = KmerBaseline(k=4).fit(train)
    >>> gl.infer.predict(baseline, test)  # (n, n_classes)
    """

    def __init__(self, k: int = 4, *, C: float = 0.03) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if not 1 <= k <= 8:
            raise ValueError(f"k must be 1 to 8 (there are 4**k k-mers), got {k}")
        super().__init__(make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000)), partial(_counts, k=k))

    def fit(self, dataset: AnnDataset) -> Self:
        """Fit to a dataset whose target is a column of categories, and return the baseline."""
        _check_classes(dataset)
        return super().fit(dataset)


class PWMBaseline(nn.Module):
    """A position weight matrix for each class (Staden 1984): a naive Bayes classifier, each position on its own.

    A sequence's score is the log-likelihood of its bases under the class's frequencies, plus that of the class; an N
    adds nothing, in training too. `pseudocount` is added to every count, so that a base never seen isn't impossible.

    Examples
    --------
    >>> baseline = PWMBaseline().fit(train)
    >>> baseline.frequencies[0]  # (4, length), of the first class
    """

    frequencies: torch.Tensor
    priors: torch.Tensor

    def __init__(self, *, pseudocount: float = 1.0) -> None:
        super().__init__()
        if not pseudocount > 0:
            raise ValueError(f"pseudocount must be above 0, got {pseudocount}")
        self.pseudocount = pseudocount
        self.register_buffer("frequencies", torch.zeros(0, 4, 0))  # (n_classes, 4, length), of A C G T
        self.register_buffer("priors", torch.zeros(0))  # (n_classes,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Count the bases of a dataset whose target is a column of categories, and return the baseline."""
        _check_classes(dataset)
        remember(self, dataset)
        n_classes, length = len(dataset.target_names), dataset.batch([0]).x.shape[2]
        counts = torch.full((n_classes, 4, length), self.pseudocount, dtype=torch.float64)
        sizes = torch.full((n_classes,), self.pseudocount, dtype=torch.float64)
        for batch in dataset.batches(_BLOCK):
            member = functional.one_hot(torch.as_tensor(target_of(batch)), n_classes).double()  # (n, n_classes)
            counts += torch.einsum("nk,ncl->kcl", member, batch.x.cpu().double())
            sizes += member.sum(dim=0)
        self.frequencies = (counts / counts.sum(dim=1, keepdim=True)).float()
        self.priors = (sizes / sizes.sum()).float()
        return self

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihoods of the classes, ``(n, n_classes)``, for ``(n, 4, length)``."""
        check_fitted(self, len(self.priors) > 0)
        length = self.frequencies.shape[2]
        if x.shape[1:] != (4, length):
            raise ValueError(f"this baseline was fitted to sequences of {length:,} bases, got {tuple(x.shape)}")
        return torch.einsum("ncl,kcl->nk", x.float(), self.frequencies.log()) + self.priors.log()

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the classes, ``(n, n_classes)``."""
        return self.logits(batch.x).softmax(dim=1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy."""
        target = torch.as_tensor(target_of(batch), device=batch.x.device)
        return {"loss": functional.cross_entropy(self.logits(batch.x), target)}


def _counts(batch: Batch, k: int) -> NDArray[np.float64]:
    return kmers(batch.x, k).astype(np.float64)


def _check_classes(dataset: AnnDataset) -> None:
    if len(dataset.target_names) < 2:
        raise ValueError(
            "this baseline predicts classes: pass a column of categories, as in AnnDataset(adata, 'obsm/sequence', "
            "target='obs/kind')"
        )
    check_one_hot(dataset.batch([0]).x)
