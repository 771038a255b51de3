"""Ask a trained model: where rows lie in its latent space, what it predicts for them, and what it makes of a point.

The model is only read: a copy of it computes, in evaluation mode. A model that is training elsewhere isn't disturbed,
and its device, its mode and its gradients stay as they are.
"""

from genolab.infer.predict import decode, embed, predict, reconstruct

__all__ = ["decode", "embed", "predict", "reconstruct"]
