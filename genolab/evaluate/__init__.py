"""How good a model, a latent space or a reconstruction is: tidy tables, with intervals, beside the baselines.

Every interval is a bootstrap over rows (cells, sequences), or over groups of them: it says how far the figure might
move with other rows, not with another training run.

Predictions
-----------
table                   classes, labels or numbers of several models, beside a baseline
confusion               rows by true and predicted class
roc                     ROC curves
precision_recall        precision-recall curves
calibration             how often models are right, by the probability that they give
learning_curve          a score over the number of training rows
devices                 the same models on the CPU and a GPU: values and speed
CLASSIFICATION_METRICS  what `table` measures of classes and labels
RANKING_METRICS         what it measures besides, if asked for
REGRESSION_METRICS      what it measures of numbers

Latent spaces
-------------
latents         several latent spaces by known cell types
knn_scores      one by the labels of each cell's neighbours (`KNNScores`)
knn_transfer    labels carried from one data set to another (`KNNScores`)
leiden_ari      one by clusters that agree with the labels (`LeidenScore`)
LATENT_METRICS  what `latents` measures
BATCH_METRICS   what it measures besides of batches: whether they mix
RESOLUTIONS     what `leiden_ari` tries

Values and genes
----------------
reconstruction  errors of reconstructed values
markers         genes that are higher in selected cells
Interval        a figure and its 95 % interval

Trust
-----
check_split  duplicates, near-duplicates and groups that the parts of a split share (`SplitCheck`)
report       one HTML page of scores and figures, with the data's hash, configs, seeds and versions
data_hash    which data it was

>>> table({"cnn": model, "k-mers": baseline}, test, baseline="k-mers")
>>> latents({"vae": cells.obsm["X_vae"], "pca": cells.obsm["X_pca"]}, cells.obs["cell_type"])
>>> reconstruction(cells.X, {"vae": rebuilt, "gene mean": train_mean})
>>> markers(cells, explorer.selection)
"""

from genolab.evaluate.bootstrap import Interval
from genolab.evaluate.classification import (
    CLASSIFICATION_METRICS,
    RANKING_METRICS,
    REGRESSION_METRICS,
    confusion,
    table,
)
from genolab.evaluate.curves import calibration, precision_recall, roc
from genolab.evaluate.devices import devices
from genolab.evaluate.latent import (
    BATCH_METRICS,
    LATENT_METRICS,
    RESOLUTIONS,
    KNNScores,
    LeidenScore,
    knn_scores,
    knn_transfer,
    latents,
    leiden_ari,
)
from genolab.evaluate.leakage import SplitCheck, check_split
from genolab.evaluate.learning import learning_curve
from genolab.evaluate.markers import markers
from genolab.evaluate.reconstruction import reconstruction
from genolab.evaluate.report import data_hash, report

__all__ = [
    "BATCH_METRICS",
    "CLASSIFICATION_METRICS",
    "LATENT_METRICS",
    "RANKING_METRICS",
    "REGRESSION_METRICS",
    "RESOLUTIONS",
    "Interval",
    "KNNScores",
    "LeidenScore",
    "SplitCheck",
    "calibration",
    "check_split",
    "confusion",
    "data_hash",
    "devices",
    "knn_scores",
    "knn_transfer",
    "latents",
    "learning_curve",
    "leiden_ari",
    "markers",
    "precision_recall",
    "reconstruction",
    "report",
    "roc",
    "table",
]
