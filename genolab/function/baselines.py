"""What a network over proteins is compared with: term frequencies, homologs, and pairs of residues."""

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch, remember
from genolab.function.homologs import homologs
from genolab.models.baseline import Baseline, check_fitted, target_of
from genolab.sequences.protein import AMINO_ACIDS, RESIDUE_SHARES, decode_protein

_BLOCK = 1024


class FrequencyBaseline(Baseline):
    """Every gene has each term with the frequency of the training genes: the naive method of CAFA."""

    def __init__(self) -> None:
        from sklearn.dummy import DummyRegressor

        super().__init__(DummyRegressor(strategy="mean"), features=_no_features)

    def fit(self, dataset: AnnDataset) -> Self:
        """Take the mean of the terms, zeros and ones, and return the baseline."""
        _check_terms(dataset)
        return super().fit(dataset)


class HomologBaseline(nn.Module):
    """A protein has the terms of its homologs among the training proteins, weighted by their alignment scores.

    This is DiamondScore of DeepGOPlus (Kulmanov and Hoehndorf 2020). A protein without homologs has only zeros.
    `evalue` is as in `genolab.function.cluster_proteins`.

    Examples
    --------
    >>> homologs = HomologBaseline().fit(train)
    >>> gl.infer.predict(homologs, test)  # (n, n_terms); half a minute for 600 proteins and 5,000 in training
    """

    residues: torch.Tensor
    terms: torch.Tensor

    def __init__(self, *, evalue: float = 1e-3) -> None:
        super().__init__()
        self.evalue = evalue
        self.register_buffer("residues", torch.zeros(0, 0, dtype=torch.uint8))  # (n, length)
        self.register_buffer("terms", torch.zeros(0, 0))  # (n, n_terms)

    def fit(self, dataset: AnnDataset) -> Self:
        """Keep the training proteins and their terms, and return the baseline."""
        self.terms = _terms(dataset)
        remember(self, dataset)
        self.residues = torch.cat([_codes(batch) for batch in dataset.batches(_BLOCK)]).cpu()
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return each term's share of the homologs' scores, ``(n, n_terms)``."""
        check_fitted(self, len(self.terms) > 0)
        known = decode_protein(self.residues.cpu().numpy())
        pairs = homologs(decode_protein(_codes(batch).cpu().numpy()), known, evalue=self.evalue)
        weights = torch.zeros(len(batch), len(known))
        weights[pairs.first, pairs.second] = torch.from_numpy(pairs.score).float()
        shares = weights @ self.terms.cpu() / weights.sum(dim=1, keepdim=True).clamp(min=1)
        return shares.to(batch.x.device)


class DipeptideBaseline(nn.Module):
    """Logistic regression on the frequencies of residues and of pairs of neighbouring residues, all terms at once.

    Features are standardised over the training rows; `penalty` is of the sum of squared weights, relative to the rows'
    mean loss of a term. scikit-learn would fit the terms one by one, which takes minutes.
    """

    weight: torch.Tensor
    bias: torch.Tensor

    def __init__(self, *, penalty: float = 1e-3) -> None:
        super().__init__()
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}")
        n_features = len(AMINO_ACIDS) ** 2 + len(AMINO_ACIDS)
        self.penalty = penalty
        self.register_buffer("weight", torch.zeros(n_features, 0))  # (n_features, n_terms)
        self.register_buffer("bias", torch.zeros(0))  # (n_terms,)

    def fit(self, dataset: AnnDataset) -> Self:
        """Fit residues to terms, and return the baseline."""
        target = _terms(dataset)
        remember(self, dataset)
        x = torch.cat([_dipeptides(_codes(batch)) for batch in dataset.batches(_BLOCK)])
        mean, spread = x.mean(dim=0), x.std(dim=0).clamp(min=1e-6)
        weight = torch.zeros(x.shape[1], target.shape[1], requires_grad=True)
        bias = target.mean(dim=0).clamp(1e-4, 1 - 1e-4).logit().requires_grad_()
        scaled = (x - mean) / spread
        optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(scaled @ weight + bias, target, reduction="sum")
            loss = loss / len(x) + self.penalty * weight.square().sum()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]  # as above
        self.weight = weight.detach() / spread[:, None]
        self.bias = bias.detach() - mean @ self.weight
        return self

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log odds of the terms, ``(n, n_terms)``, for codes ``(n, length)``."""
        check_fitted(self, len(self.bias) > 0)
        return _dipeptides(x).to(self.weight.device) @ self.weight + self.bias

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the terms, ``(n, n_terms)``, not bound to a hierarchy."""
        return self.logits(_codes(batch)).sigmoid()


def blend(probabilities: NDArray[np.float32], homologs: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Return the weighted mean of a model's and the homologs' predictions, the model's own where there are no homologs.

    Both are ``(n, n_terms)``, as `FunctionClassifier` and `HomologBaseline` predict them; if both keep the true-path
    rule, so does the mean. `share` is the weight of the homologs, 0 to 1; to be chosen on validation rows.
    """
    if not 0 <= share <= 1 or probabilities.shape != homologs.shape:
        raise ValueError(
            f"two tables of one shape and a share of 0 to 1, got {probabilities.shape}, {homologs.shape}, {share}"
        )
    has_homolog = homologs.max(axis=1, keepdims=True) > 0
    mean: NDArray[np.float32] = np.where(has_homolog, share * homologs + (1 - share) * probabilities, probabilities)
    return mean


def _dipeptides(x: torch.Tensor) -> torch.Tensor:
    """Return the frequencies of pairs of residues and of residues, ``(n, 420)``, for codes ``(n, length)``."""
    shares = torch.from_numpy(RESIDUE_SHARES)[x.long().cpu()]  # (n, length, 20)
    size = (x > 0).sum(dim=1, keepdim=True).clamp(min=1).cpu()
    pairs = torch.einsum("nla,nlb->nab", shares[:, :-1], shares[:, 1:]).flatten(1)
    return torch.cat([pairs / size, shares.sum(dim=1) / size], dim=1)


def _no_features(batch: Batch) -> NDArray[np.float32]:
    return np.zeros((len(batch), 1), dtype=np.float32)


def _codes(batch: Batch) -> torch.Tensor:
    if batch.x.ndim != 2 or batch.x.dtype != torch.uint8:
        raise ValueError(
            f"this baseline reads residues, (n, length) uint8, got {batch.x.dtype} of the shape "
            f"{tuple(batch.x.shape)}: pass inputs='obsm/sequence' to AnnDataset"
        )
    return batch.x


def _check_terms(dataset: AnnDataset) -> None:
    target = dataset.batch([0]).target
    if target is None or target.ndim != 2:
        raise ValueError("this baseline is fitted to terms: pass target='obsm/terms' to AnnDataset")


def _terms(dataset: AnnDataset) -> torch.Tensor:
    """Return the terms of all rows, ``(n, n_terms)``."""
    _check_terms(dataset)
    return torch.from_numpy(np.concatenate([target_of(batch) for batch in dataset.batches(_BLOCK)])).float()
