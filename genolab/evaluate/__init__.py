"""How good a model, a latent space or a reconstruction is: one tidy table, with intervals, beside the baselines.

Every interval is a bootstrap over rows (cells, sequences): it tells how far another draw of rows might move the figure,
not how far another training run might.

>>> table({"cnn": model, "k-mers": baseline}, test)
>>> responses({"network": model, "means": means}, test, by="compound")
>>> genes({"tagger": found, "reading frames": frames}, genome, baseline="reading frames")
>>> latents({"vae": cells.obsm["X_vae"], "pca": cells.obsm["X_pca"]}, cells.obs["cell_type"])
>>> reconstruction(cells.X, {"vae": rebuilt, "gene mean": train_mean})
"""

from genolab.evaluate.agreement import Interval
from genolab.evaluate.classify import METRICS_OF_CLASSES, table
from genolab.evaluate.curves import confusion, precision_recall, roc
from genolab.evaluate.function import by_term, function
from genolab.evaluate.gene_finding import LEVELS, genes
from genolab.evaluate.latent import METRICS, RESOLUTIONS, KNNScores, LeidenScore, knn_scores, latents, leiden_ari
from genolab.evaluate.measured import Estimate
from genolab.evaluate.motifs import Motifs, filter_motifs, information, match
from genolab.evaluate.rebuilt import reconstruction
from genolab.evaluate.response import METRICS_OF_RESPONSES, calibration, responses
from genolab.evaluate.time_courses import by_course, forecasts

__all__ = [
    "LEVELS",
    "METRICS",
    "METRICS_OF_CLASSES",
    "METRICS_OF_RESPONSES",
    "RESOLUTIONS",
    "Estimate",
    "Interval",
    "KNNScores",
    "LeidenScore",
    "Motifs",
    "by_course",
    "by_term",
    "calibration",
    "confusion",
    "filter_motifs",
    "forecasts",
    "function",
    "genes",
    "information",
    "knn_scores",
    "latents",
    "leiden_ari",
    "match",
    "precision_recall",
    "reconstruction",
    "responses",
    "roc",
    "table",
]
