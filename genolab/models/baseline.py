"""What every model is compared with: principal components, or any scikit-learn estimator, with a model's own verbs."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch

_BLOCK = 4096


class PCABaseline(nn.Module):
    """Principal components of the first input: the best linear autoencoder under squared error.

    Exact and without chance: the eigenvectors of the genes' covariance matrix, summed over batches, so that the data
    need not fit in memory at once.

    Parameters
    ----------
    n_latent
        Number of components kept.

    Examples
    --------
    >>> baseline = PCABaseline(n_latent=10).fit(train)
    >>> gl.infer.embed(baseline, test)  # (n, 10)
    """

    mean: torch.Tensor
    components: torch.Tensor

    def __init__(self, n_latent: int = 10) -> None:
        super().__init__()
        self.n_latent = n_latent
        self.register_buffer("mean", torch.zeros(0))  # (n_genes,)
        self.register_buffer("components", torch.zeros(n_latent, 0))  # (n_latent, n_genes)

    def fit(self, dataset: AnnDataset) -> Self:
        """Find the components of a dataset, and return the baseline.

        Raises
        ------
        ValueError
            There are fewer cells or genes than components.
        """
        if min(len(dataset), dataset.n_features) < self.n_latent:
            raise ValueError(
                f"{self.n_latent} components need at least as many cells and genes, got {len(dataset)} x "
                f"{dataset.n_features}: lower n_latent"
            )
        total = np.zeros(dataset.n_features)
        product = np.zeros((dataset.n_features, dataset.n_features))
        for batch in dataset.batches(_BLOCK):
            x = batch.x.cpu().double().numpy()
            total += x.sum(axis=0)
            product += x.T @ x
        mean = total / len(dataset)
        _, vectors = np.linalg.eigh(product / len(dataset) - np.outer(mean, mean))
        components = vectors[:, ::-1][:, : self.n_latent].T
        sign = np.sign(components[np.arange(self.n_latent), np.abs(components).argmax(axis=1)])
        self.mean = torch.from_numpy(mean).float()
        self.components = torch.from_numpy(components * sign[:, None]).float()
        return self

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the scores of a batch, ``(n, n_latent)``."""
        if not len(self.mean):
            raise ValueError("a PCABaseline must be fitted before it is used: call fit(train)")
        return (batch.x - self.mean) @ self.components.T

    def decode(self, latent: torch.Tensor, covariates: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
        """Return the profiles ``(n, n_genes)`` that scores ``(n, n_latent)`` stand for; covariates aren't used."""
        del covariates
        return latent @ self.components + self.mean

    def reconstruct(self, batch: Batch) -> torch.Tensor:
        """Return a batch's profiles as its scores describe them, ``(n, n_genes)``."""
        return self.decode(self.embed(batch))

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error over cells and genes."""
        return {"loss": (self.reconstruct(batch) - batch.x).square().mean()}


class Baseline(nn.Module):
    """A scikit-learn estimator with a model's own verbs, so that it stands beside networks in every table and figure.

    Parameters
    ----------
    estimator
        A classifier or regressor, or a pipeline that ends in one; it is cloned, and left as it is.
    features
        Called with a batch for what the estimator sees of it, ``(n, f)`` numpy or sparse; the first input, flat.

    Examples
    --------
    >>> baseline = Baseline(make_pipeline(StandardScaler(), LogisticRegression())).fit(train)
    >>> gl.evaluate.table({"network": model, "logistic regression": baseline}, test)
    """

    def __init__(self, estimator: Any, features: Callable[[Batch], Any] | None = None) -> None:
        super().__init__()
        self.estimator = estimator
        self.features = flat if features is None else features
        self.fitted: Any = None
        self.n_classes = 0

    def fit(self, dataset: AnnDataset) -> Self:
        """Fit a clone of the estimator to a dataset's target, and return the baseline."""
        from scipy import sparse
        from sklearn.base import clone

        seen, targets = [], []
        for batch in dataset.batches(_BLOCK):
            seen.append(self.features(batch))
            targets.append(target_of(batch))
        x = sparse.vstack(seen, format="csr") if sparse.issparse(seen[0]) else np.concatenate(seen)
        self.n_classes = len(dataset.target_names)
        self.fitted = clone(self.estimator).fit(x, np.concatenate(targets))
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return probabilities ``(n, n_classes)``, 0 for classes that training lacked; of a regressor the values."""
        check_fitted(self, self.fitted is not None)
        x = self.features(batch)
        if not hasattr(self.fitted, "predict_proba"):
            return torch.from_numpy(np.asarray(self.fitted.predict(x), dtype=np.float32)).to(batch.x.device)
        probabilities = np.zeros((len(batch), self.n_classes), dtype=np.float32)
        probabilities[:, self.fitted.classes_] = self.fitted.predict_proba(x)
        return torch.from_numpy(probabilities).to(batch.x.device)

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy of a classifier, or the mean squared error of a regressor."""
        found, target = self.predict(batch), torch.from_numpy(target_of(batch)).to(batch.x.device)
        if hasattr(self.fitted, "predict_proba"):
            return {"loss": functional.nll_loss(found.clamp(min=1e-12).log(), target)}
        return {"loss": (found - target).square().mean()}


def flat(batch: Batch) -> NDArray[Any]:
    """Return a batch's first input as a table, ``(n, f)``."""
    return batch.x.reshape(len(batch), -1).cpu().numpy()


def target_of(batch: Batch) -> NDArray[Any]:
    """Return a batch's target; a dataset without one is refused."""
    if batch.target is None:
        raise ValueError("a baseline is fitted to a target: pass target='obs/...' to AnnDataset")
    target: NDArray[Any] = batch.target.cpu().numpy()
    return target


def check_fitted(model: nn.Module, fitted: bool) -> None:
    """Refuse a baseline that was not fitted."""
    if not fitted:
        raise ValueError(f"a {type(model).__name__} must be fitted before it is used: call fit(train)")


def for_all_classes(
    weight: NDArray[np.float64], bias: NDArray[np.float64], seen: NDArray[np.int64], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a line of weights a class: scikit-learn has one line for two classes, and none for those it didn't see."""
    if len(seen) == 2:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    all_weight, all_bias = np.zeros((n_classes, weight.shape[1])), np.full(n_classes, -1e3)
    all_weight[seen], all_bias[seen] = weight, bias
    return all_weight, all_bias
