"""How good a latent space or a reconstruction is: one tidy table, with intervals, beside the baselines.

Every interval is a bootstrap over cells: it tells how far another draw of cells might move the figure, not how far
another training run might.

>>> latents({"vae": cells.obsm["X_vae"], "pca": cells.obsm["X_pca"]}, cells.obs["cell_type"])
>>> reconstruction(cells.X, {"vae": rebuilt, "gene mean": train_mean})
"""

from genolab.evaluate.agreement import Interval
from genolab.evaluate.latent import METRICS, RESOLUTIONS, KNNScores, LeidenScore, knn_scores, latents, leiden_ari
from genolab.evaluate.rebuilt import reconstruction

__all__ = [
    "METRICS",
    "RESOLUTIONS",
    "Interval",
    "KNNScores",
    "LeidenScore",
    "knn_scores",
    "latents",
    "leiden_ari",
    "reconstruction",
]
