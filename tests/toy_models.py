"""Models and data whose answers are known on paper."""

from dataclasses import dataclass

import anndata as ad
import numpy as np
import torch
from scipy import sparse
from torch import nn

from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch


@dataclass(frozen=True)
class LineConfig:
    """One live control, so that a run has something of the model's to tune."""

    pull: float = control(0.0, low=0.0, high=10.0, live=True, help="Pull of the weight towards zero.")

    def __post_init__(self) -> None:
        check(self)


class Line(nn.Module):
    """Predict the target as ``weight * x``; the loss is the mean squared error plus ``pull * weight**2``.

    Over data with target = 3 x, the best weight without a pull is 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.config = LineConfig()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        if self.training:
            self.seen += batch.x.mean().detach()
        error = (self.weight * batch.x[:, 0] - batch.target).square().mean()
        pull = self.config.pull * self.weight.square()
        return {"loss": error + pull, "error": error, "pull": pull}


class Fragile(Line):
    """A line whose loss is infinite once its weight is beyond 4: kept weights are then ruined already."""

    def loss(self, batch):
        parts = super().loss(batch)
        return parts | {"loss": parts["loss"] * torch.where(self.weight.abs() > 4, torch.inf, 1.0)}


class Noisy(nn.Module):
    """A network of torch's own layers, whose dropout draws from torch's global generator."""

    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(width, 8), nn.Dropout(0.5), nn.Linear(8, width))

    def loss(self, batch: Batch) -> torch.Tensor:
        return (self.layers(batch.x) - batch.x).square().mean()


def line_data(n: int = 64) -> AnnDataset:
    """Return rows with one feature x = 1 ... 2 and the target 3 x."""
    x = np.linspace(1, 2, n, dtype=np.float32)[:, None]
    adata = ad.AnnData(x)
    adata.obs["response"] = 3 * x[:, 0]
    return AnnDataset(adata, target="obs/response")


def counts(n: int = 120, genes: int = 30, *, seed: int = 0) -> ad.AnnData:
    """Return sparse counts of two types of cells, which differ in the first and second half of the genes."""
    random = np.random.default_rng(seed)
    kind = np.arange(n) % 2
    rate = np.where((np.arange(genes) < genes // 2) == (kind[:, None] == 0), 3.0, 0.2)
    adata = ad.AnnData(sparse.csr_matrix(random.poisson(rate).astype(np.float32)))
    adata.obs["kind"] = np.array(["a", "b"])[kind]
    adata.obs["donor"] = [f"donor {i % 6}" for i in range(n)]
    adata.layers["counts"] = adata.X.copy()
    return adata
