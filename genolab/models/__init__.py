"""Models: each is an ``nn.Module`` with ``loss(batch)``, in one file that reads from top to bottom.

``Autoencoder``             expression through a few numbers and back
``VariationalAutoencoder``  the same for counts, with a normal distribution a cell
``PCABaseline``             principal components, what both are compared with
``Baseline``                any scikit-learn estimator, with a model's verbs
"""

from genolab.models.autoencoder import Autoencoder, VariationalAutoencoder
from genolab.models.baseline import Baseline, PCABaseline

__all__ = ["Autoencoder", "Baseline", "PCABaseline", "VariationalAutoencoder"]
