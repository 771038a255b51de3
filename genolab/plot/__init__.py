"""Plotly figures: data in, Figure out; the title says the finding.

``history``                    losses of a run over its epochs
``latent``, ``quality``        cells in a latent space; counts and genes per cell
``genes``                      which genes vary most
``reconstruction``             reconstructed over true values
``comparison``                 models side by side, with intervals
``learning_curve``             scores over the number of training rows
``confusion``                  which classes are taken for which
``roc``, ``precision_recall``  curves over all thresholds, with bands
``calibration``                how often models are right, by the probability that they give

Every function returns a figure and never shows it. All share one look: large type, colours that colour-blind readers
can tell apart, and no button that uploads data. Text from the data is shown as it is written, never as HTML.

>>> figure = history(run)
>>> figure.write_html("history.html", include_plotlyjs=True)
"""

from genolab.plot.cells import latent, quality
from genolab.plot.classify import confusion, precision_recall, roc
from genolab.plot.tables import comparison, history
from genolab.plot.trends import calibration, learning_curve
from genolab.plot.values import genes, reconstruction

__all__ = [
    "calibration",
    "comparison",
    "confusion",
    "genes",
    "history",
    "latent",
    "learning_curve",
    "precision_recall",
    "quality",
    "reconstruction",
    "roc",
]
