"""What a network over sequences must beat: words counted, and bases counted position by position."""

from collections.abc import Iterator
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch
from genolab.models.baseline import for_all_classes
from genolab.sequences.encode import kmers

_BLOCK = 4096


class KmerBaseline(nn.Module):
    """Logistic regression on how often each word of k bases occurs in a sequence: where it stands doesn't count.

    Counts are brought to mean 0 and variance 1 over the training rows; the fit is scikit-learn's, with an L2 penalty.

    Parameters
    ----------
    k
        Length of the words; there are ``4**k``. Words with an N aren't counted.
    penalty
        Strength of the pull of all weights towards zero: ``1 / C`` of scikit-learn, times the number of rows.

    Examples
    --------
    >>> baseline = KmerBaseline(k=4).fit(train)
    >>> gl.infer.predict(baseline, test)  # (n, n_classes)
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, k: int = 4, *, penalty: float = 0.01) -> None:
        super().__init__()
        if not 1 <= k <= 8:
            raise ValueError(f"k must be 1 to 8 (there are 4**k words), got {k}")
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}")
        self.k, self.penalty = k, penalty
        self.register_buffer("weight", torch.zeros(0, 4**k))  # (n_classes, 4**k)
        self.register_buffer("bias", torch.zeros(0))  # (n_classes,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Learn from a dataset whose target is a column of categories, and return the baseline.

        Raises
        ------
        ValueError
            The input holds no one-hot sequences, or the target no classes.
        """
        from sklearn.linear_model import LogisticRegression

        batches = list(_with_classes(dataset))
        counts = torch.cat([_count(batch.x, self.k) for batch in batches]).numpy().astype(np.float64)
        codes = np.concatenate([_codes(batch) for batch in batches])
        mean, spread = counts.mean(axis=0), counts.std(axis=0)
        spread[spread == 0] = 1
        fitted = LogisticRegression(C=1 / (self.penalty * len(codes)), max_iter=2000)
        fitted.fit((counts - mean) / spread, codes)
        weight, bias = for_all_classes(fitted.coef_, fitted.intercept_, fitted.classes_, len(dataset.target_names))
        self.weight = torch.from_numpy(weight / spread).float()
        self.bias = torch.from_numpy(bias - (weight / spread) @ mean).float()
        return self

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores of the classes, ``(n, n_classes)``, for ``(n, 4, length)``."""
        _check_fitted(self, len(self.bias) > 0)
        return _count(x, self.k) @ self.weight.T + self.bias

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the classes, ``(n, n_classes)``."""
        return self.logits(batch.x).softmax(dim=1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy."""
        return _cross_entropy(self.logits(batch.x), batch)


class PWMBaseline(nn.Module):
    """A position weight matrix for each class (Staden 1984): which bases stand where, each position on its own.

    A sequence's score is the log-likelihood of its bases under the class's frequencies, plus that of the class itself:
    a naive Bayes classifier. It knows no word that moves, and no base that depends on another.

    Parameters
    ----------
    pseudocount
        Added to every count, so that a base never seen isn't impossible.

    Examples
    --------
    >>> baseline = PWMBaseline().fit(train)
    >>> baseline.frequencies[0]  # (4, length), of the first class
    """

    log_frequencies: torch.Tensor
    log_shares: torch.Tensor

    def __init__(self, *, pseudocount: float = 1.0) -> None:
        super().__init__()
        if not pseudocount > 0:
            raise ValueError(f"pseudocount must be above 0, got {pseudocount}")
        self.pseudocount = pseudocount
        self.register_buffer("log_frequencies", torch.zeros(0, 4, 0))  # (n_classes, 4, length)
        self.register_buffer("log_shares", torch.zeros(0))  # (n_classes,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Count the bases of a dataset whose target is a column of categories, and return the baseline.

        Raises
        ------
        ValueError
            The input holds no one-hot sequences, or the target no classes.
        """
        n_classes = len(dataset.target_names)
        counts, sizes = torch.zeros(0), torch.zeros(n_classes, dtype=torch.float64)
        for batch in _with_classes(dataset):
            member = functional.one_hot(torch.from_numpy(_codes(batch)), n_classes).double()  # (n, n_classes)
            here = torch.einsum("nk,ncl->kcl", member, batch.x.cpu().double())
            counts = counts + here if len(counts) else here
            sizes += member.sum(dim=0)
        padded = counts + self.pseudocount
        self.log_frequencies = (padded / padded.sum(dim=1, keepdim=True)).log().float()
        self.log_shares = ((sizes + self.pseudocount) / (sizes + self.pseudocount).sum()).log().float()
        return self

    @property
    def frequencies(self) -> torch.Tensor:
        """Each class's share of A C G T at each position, ``(n_classes, 4, length)``."""
        return self.log_frequencies.exp()

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log-likelihoods of the classes, ``(n, n_classes)``, for ``(n, 4, length)``; N says nothing."""
        _check_fitted(self, len(self.log_shares) > 0)
        length = self.log_frequencies.shape[2]
        if x.shape[1:] != (4, length):
            raise ValueError(f"this baseline was fitted on sequences of {length:,} bases, got {tuple(x.shape)}")
        return torch.einsum("ncl,kcl->nk", x.float(), self.log_frequencies) + self.log_shares

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the classes, ``(n, n_classes)``."""
        return self.logits(batch.x).softmax(dim=1)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy."""
        return _cross_entropy(self.logits(batch.x), batch)


def _count(x: torch.Tensor, k: int) -> torch.Tensor:
    """Count the words of `k` bases in sequences ``(n, 4, length)``: ``(n, 4**k)`` float32."""
    return torch.from_numpy(kmers(x, k)).to(x.device, torch.float32)


def _with_classes(dataset: AnnDataset) -> Iterator[Batch]:
    """Walk a dataset by batches, once it is seen to hold one-hot sequences and classes."""
    if len(dataset.target_names) < 2:
        raise ValueError(
            "this baseline tells classes apart: pass a column of categories, as in AnnDataset(adata, 'obsm/sequence', "
            "target='obs/kind')"
        )
    shape = dataset.batch([0]).x.shape
    if len(shape) != 3 or shape[1] != 4:
        raise ValueError(
            f"this baseline reads one-hot sequences, (n, 4, length), got the shape {tuple(shape)}: pass "
            "inputs='obsm/sequence' to AnnDataset"
        )
    return dataset.batches(_BLOCK)


def _codes(batch: Batch) -> NDArray[np.int64]:
    assert batch.target is not None  # _with_classes saw the classes
    codes: NDArray[np.int64] = batch.target.cpu().numpy()
    return codes


def _check_fitted(model: nn.Module, fitted: bool) -> None:
    if not fitted:
        raise ValueError(f"a {type(model).__name__} must be fitted before it is used: call fit(train)")


def _cross_entropy(logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    if batch.target is None:
        raise ValueError("a baseline is judged by a target: pass target='obs/...' to AnnDataset")
    return {"loss": functional.cross_entropy(logits, batch.target)}
