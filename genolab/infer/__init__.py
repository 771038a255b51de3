"""Ask a trained model: where rows lie in its latent space, what it predicts for them, and why.

The model is only read: a copy of it computes, in evaluation mode. A model that is training elsewhere isn't disturbed,
and its device, its mode and its gradients stay as they are.
"""

from genolab.infer.attribute import attribute
from genolab.infer.compound import atom_scores, feature_scores
from genolab.infer.function import Explanation, explain_terms, residue_scores
from genolab.infer.rows import decode, embed, predict, reconstruct
from genolab.infer.tag import tag

__all__ = [
    "Explanation",
    "atom_scores",
    "attribute",
    "decode",
    "embed",
    "explain_terms",
    "feature_scores",
    "predict",
    "reconstruct",
    "residue_scores",
    "tag",
]
