"""Models: each is an ``nn.Module`` with ``loss(batch)``, in one file that reads top to bottom."""

from genolab.models.autoencoder import Autoencoder, VariationalAutoencoder
from genolab.models.baseline import PCABaseline
from genolab.models.function import FunctionClassifier
from genolab.models.function_baseline import FrequencyBaseline, HomologueBaseline, ResidueWordBaseline, joined
from genolab.models.recurrent import ExpressionRNN
from genolab.models.response import ResponseModel
from genolab.models.response_baseline import MeansBaseline, NeighbourBaseline
from genolab.models.response_kernel import KernelBaseline
from genolab.models.response_regression import ForestBaseline, RidgeBaseline
from genolab.models.sequence import SequenceCNN
from genolab.models.sequence_baseline import KmerBaseline, PWMBaseline
from genolab.models.tagger import SequenceTagger

__all__ = [
    "Autoencoder",
    "ExpressionRNN",
    "ForestBaseline",
    "FrequencyBaseline",
    "FunctionClassifier",
    "HomologueBaseline",
    "KernelBaseline",
    "KmerBaseline",
    "MeansBaseline",
    "NeighbourBaseline",
    "PCABaseline",
    "PWMBaseline",
    "ResidueWordBaseline",
    "ResponseModel",
    "RidgeBaseline",
    "SequenceCNN",
    "SequenceTagger",
    "VariationalAutoencoder",
    "joined",
]
