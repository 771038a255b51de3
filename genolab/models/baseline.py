"""What every model is compared with: principal components, or any scikit-learn estimator, with a model's own verbs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch, remember

_BLOCK = 4096


class PCABaseline(nn.Module):
    """Principal components of the first input: the best linear autoencoder under squared error.

    Exact: the eigenvectors of the genes' covariance matrix, summed over batches, so that data need not fit in memory.

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
        """Compute the components of a dataset, and return the baseline."""
        remember(self, dataset)
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
        check_fitted(self, len(self.mean) > 0)
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

    A classifier is fitted to a column of categories or to labels ``(n, n_labels)`` of 0 and 1, a regressor to numbers.

    Parameters
    ----------
    estimator
        A classifier or regressor, or a pipeline that ends in one; a clone of it is fitted.
    features
        ``batch -> (n, f)``, numpy or sparse, what the estimator is given of a batch; ``None``: the first input, flat.

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
        self.n_classes = 0  # of a column of categories

    def fit(self, dataset: AnnDataset) -> Self:
        """Fit a clone of the estimator to all rows of a dataset, and return the baseline."""
        from sklearn.base import clone, is_classifier

        remember(self, dataset)
        parts = [(self.features(batch), target_of(batch)) for batch in dataset.batches(_BLOCK)]
        features, target = _concatenated([x for x, _ in parts]), np.concatenate([y for _, y in parts])
        self.n_classes = len(dataset.target_names)
        if is_classifier(self.estimator) and not self.n_classes and target.ndim == 1:
            raise ValueError("a classifier is fitted to a column of categories or to labels (n, n_labels), got numbers")
        self.fitted = clone(self.estimator).fit(features, target)
        if is_classifier(self.fitted) and not hasattr(self.fitted, "predict_proba"):
            raise ValueError(
                f"a {type(self.estimator).__name__} gives no probabilities: wrap it in a CalibratedClassifierCV"
            )
        return self

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return probabilities ``(n, n_classes)`` or ``(n, n_labels)``, 0 for what training lacked; or the numbers."""
        check_fitted(self, self.fitted is not None)
        x = self.features(batch)
        values = self._probabilities(x) if hasattr(self.fitted, "predict_proba") else self.fitted.predict(x)
        return torch.from_numpy(np.asarray(values, dtype=np.float32)).to(batch.x.device)

    def _probabilities(self, x: Any) -> NDArray[Any]:
        shares = self.fitted.predict_proba(x)
        if isinstance(shares, list):  # one table a label, over the values that it had in training
            has_label = [np.asarray(classes) == 1 for classes in self.fitted.classes_]
            return np.stack([table[:, one].sum(axis=1) for table, one in zip(shares, has_label, strict=True)], axis=1)
        if not self.n_classes:
            return np.asarray(shares)
        probabilities = np.zeros((len(shares), self.n_classes))
        probabilities[:, self.fitted.classes_] = shares
        return probabilities

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy of a classifier (the mean over labels), or the mean squared error of a regressor."""
        predicted, target = self.predict(batch), torch.from_numpy(target_of(batch)).to(batch.x.device)
        if not hasattr(self.fitted, "predict_proba"):
            return {"loss": (predicted.reshape(target.shape) - target).square().mean()}
        if self.n_classes:
            return {"loss": functional.nll_loss(predicted.clamp(min=1e-12).log(), target)}
        return {"loss": functional.binary_cross_entropy(predicted, target)}


def _concatenated(parts: Sequence[Any]) -> Any:
    from scipy import sparse

    return sparse.vstack(parts, format="csr") if sparse.issparse(parts[0]) else np.concatenate(parts)


def flat(batch: Batch) -> NDArray[Any]:
    """Return a batch's first input as a table, ``(n, f)``."""
    return batch.x.reshape(len(batch), -1).cpu().numpy()


def target_of(batch: Batch) -> NDArray[Any]:
    """Return a batch's target, class codes int64 or float32 values; a dataset without one is refused."""
    if batch.target is None:
        raise ValueError("a baseline is fitted to a target: pass target='obs/...' to AnnDataset")
    target: NDArray[Any] = (batch.target if batch.target.dtype == torch.int64 else batch.target.float()).cpu().numpy()
    return target


def check_fitted(model: nn.Module, fitted: bool) -> None:
    """Refuse a baseline that was not fitted."""
    if not fitted:
        raise ValueError(f"a {type(model).__name__} must be fitted before it is used: call fit(train)")
