"""How good a model, a latent space or a reconstruction is: one tidy table, with intervals, beside the baselines.

Every interval is a bootstrap over rows (cells, sequences): it tells how far another draw of rows might move the figure,
not how far another training run might.

>>> table({"cnn": model, "k-mers": baseline}, test)
>>> latents({"vae": cells.obsm["X_vae"], "pca": cells.obsm["X_pca"]}, cells.obs["cell_type"])
>>> reconstruction(cells.X, {"vae": rebuilt, "gene mean": train_mean})
>>> markers(cells, explorer.selection)
"""

from genolab.evaluate.agreement import Interval
from genolab.evaluate.classify import METRICS_OF_CLASSES, table
from genolab.evaluate.curves import confusion, precision_recall, roc
from genolab.evaluate.latent import METRICS, RESOLUTIONS, KNNScores, LeidenScore, knn_scores, latents, leiden_ari
from genolab.evaluate.markers import markers
from genolab.evaluate.reconstruction import reconstruction

__all__ = [
    "METRICS",
    "METRICS_OF_CLASSES",
    "RESOLUTIONS",
    "Interval",
    "KNNScores",
    "LeidenScore",
    "confusion",
    "knn_scores",
    "latents",
    "leiden_ari",
    "markers",
    "precision_recall",
    "reconstruction",
    "roc",
    "table",
]
