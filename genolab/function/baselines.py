"""What a network over proteins must beat: how frequent terms are, what relatives do, and words counted."""

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch
from genolab.sequences.protein import AMINO_ACIDS, SHARES, protein_letters

_BLOCK = 1024


class FrequencyBaseline(nn.Module):
    """Every gene has each term with the probability that a training gene has it: the naive method of CAFA.

    Examples
    --------
    >>> naive = FrequencyBaseline().fit(train)
    >>> gl.infer.predict(naive, test)  # (n, n_terms)
    """

    frequencies: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.zeros(0))  # (n_terms,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Count the terms of a dataset whose target holds zeros and ones, and return the baseline."""
        self.frequencies = _terms(dataset).mean(dim=0)
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the same shares for each row, ``(n, n_terms)``."""
        _check_fitted(self, len(self.frequencies) > 0)
        return self.frequencies.expand(len(batch), -1)


class HomologBaseline(nn.Module):
    """A protein has the terms of the training proteins that it aligns with, by how well it does.

    A term's value is the share of its relatives' alignment scores that comes from those that have the term: what
    DeepGOPlus calls DiamondScore (Kulmanov and Hoehndorf 2020). A protein without relatives has nothing but zeros.

    Parameters
    ----------
    chance
        How many alignments as good are expected by chance, at most, for a relative; see `gl.function.cluster_proteins`.

    Examples
    --------
    >>> homologues = HomologBaseline().fit(train)
    >>> gl.infer.predict(homologues, test)  # (n, n_terms); half a minute for 600 proteins against 5,000
    """

    residues: torch.Tensor
    terms: torch.Tensor

    def __init__(self, *, chance: float = 1e-3) -> None:
        super().__init__()
        self.chance = chance
        self.register_buffer("residues", torch.zeros(0, 0, dtype=torch.uint8))  # (n, length)
        self.register_buffer("terms", torch.zeros(0, 0))  # (n, n_terms)

    def fit(self, dataset: AnnDataset) -> Self:
        """Keep the training proteins, codes as the first input, and their terms; return the baseline."""
        self.residues = torch.cat([_codes(batch) for batch in dataset.batches(_BLOCK)])
        self.terms = _terms(dataset)
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return each term's share of the relatives' scores, ``(n, n_terms)``."""
        from genolab.function.homologs import relatives

        _check_fitted(self, len(self.terms) > 0)
        known = protein_letters(self.residues.cpu().numpy())
        found = relatives(protein_letters(_codes(batch).cpu().numpy()), known, chance=self.chance)
        weights = torch.zeros(len(batch), len(known))
        weights[found.first, found.second] = torch.from_numpy(found.score).float()
        return weights @ self.terms / weights.sum(dim=1, keepdim=True).clamp(min=1)


class DipeptideBaseline(nn.Module):
    """Logistic regression on how often each pair of residues, and each residue, occurs: where they stand doesn't count.

    Shares are brought to mean 0 and variance 1 over the training rows; all terms are fitted at once, with a penalty.

    Parameters
    ----------
    penalty
        Of the sum of squared weights, by the rows' mean loss of a term.

    Examples
    --------
    >>> words = DipeptideBaseline().fit(train)
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, *, penalty: float = 1e-3) -> None:
        super().__init__()
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}")
        n_words = len(AMINO_ACIDS) ** 2 + len(AMINO_ACIDS)
        self.penalty = penalty
        self.register_buffer("weight", torch.zeros(n_words, 0))  # (n_words, n_terms)
        self.register_buffer("bias", torch.zeros(0))  # (n_terms,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Learn from residues and terms, and return the baseline."""
        x = torch.cat([_words(_codes(batch)) for batch in dataset.batches(_BLOCK)])
        target = _terms(dataset)
        mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-6)
        weight = torch.zeros(x.shape[1], target.shape[1], requires_grad=True)
        bias = target.mean(dim=0).clamp(1e-4, 1 - 1e-4).logit().requires_grad_()
        scaled = (x - mean) / spread
        steps = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

        def judged() -> torch.Tensor:
            steps.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(scaled @ weight + bias, target, reduction="sum")
            loss = loss / len(x) + self.penalty * weight.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        steps.step(judged)  # type: ignore[no-untyped-call]
        self.weight = weight.detach() / spread[:, None]
        self.bias = bias.detach() - mean @ self.weight
        return self

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log odds of the terms, ``(n, n_terms)``, for codes ``(n, length)``."""
        _check_fitted(self, len(self.bias) > 0)
        return _words(x) @ self.weight + self.bias

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the terms, ``(n, n_terms)``; nothing holds them to a hierarchy."""
        return self.logits(batch.x).sigmoid()


def _words(x: torch.Tensor) -> torch.Tensor:
    """Return the shares of pairs of residues and of residues, ``(n, 420)``, for codes ``(n, length)``."""
    shares = torch.from_numpy(SHARES)[x.long().cpu()]  # (n, length, 20)
    size = (x > 0).sum(dim=1, keepdim=True).clamp(min=1).cpu()
    pairs = torch.einsum("nla,nlb->nab", shares[:, :-1], shares[:, 1:]).flatten(1)
    return torch.cat([pairs / size, shares.sum(dim=1) / size], dim=1)


def _codes(batch: Batch) -> torch.Tensor:
    if batch.x.ndim != 2 or batch.x.dtype != torch.uint8:
        raise ValueError(
            f"this baseline reads residues, (n, length) uint8, got {batch.x.dtype} of the shape "
            f"{tuple(batch.x.shape)}: pass inputs='obsm/sequence' to AnnDataset"
        )
    return batch.x


def _terms(dataset: AnnDataset) -> torch.Tensor:
    """Return what is known of all rows, ``(n, n_terms)``."""
    parts = [batch.target for batch in dataset.batches(_BLOCK)]
    if parts[0] is None or parts[0].ndim != 2:
        raise ValueError("this baseline learns from terms: pass target='obsm/terms' to AnnDataset")
    return torch.cat([part for part in parts if part is not None]).float().cpu()


def _check_fitted(model: nn.Module, fitted: bool) -> None:
    if not fitted:
        raise ValueError(f"a {type(model).__name__} must be fitted before it is used: call fit(train)")


def blend(ours: NDArray[np.float32], homologues: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Return what a model and homologues say together: a `share` of the homologues' word where there are any.

    If both keep the true-path rule, so does what comes out.

    Parameters
    ----------
    ours, homologues
        ``(n, n_terms)``, as `FunctionClassifier` and `HomologBaseline` predict them.
    share
        0 to 1; to be chosen on validation rows.
    """
    if not 0 <= share <= 1 or ours.shape != homologues.shape:
        raise ValueError(
            f"two tables of one shape and a share of 0 to 1, got {ours.shape}, {homologues.shape}, {share}"
        )
    any_there = homologues.max(axis=1, keepdims=True) > 0
    together: NDArray[np.float32] = np.where(any_there, share * homologues + (1 - share) * ours, ours)
    return together
