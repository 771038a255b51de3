"""Models: each is an ``nn.Module`` with ``loss(batch)``, in one file that reads top to bottom."""

from genolab.models.autoencoder import Autoencoder, VariationalAutoencoder
from genolab.models.baseline import Baseline, PCABaseline

__all__ = ["Autoencoder", "Baseline", "PCABaseline", "VariationalAutoencoder"]
