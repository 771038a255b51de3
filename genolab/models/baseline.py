"""What every model must beat: principal components, with a model's own verbs."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from torch import nn

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
