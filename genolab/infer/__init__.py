"""Ask a trained model, for an AnnDataset or for points of its latent space.

``embed`` gives latent coordinates, ``predict`` probabilities or values, ``reconstruct`` the rows as the model rebuilds
them, and ``decode`` the profiles of latent coordinates.

A copy of the model computes, in evaluation mode: the model's own device, mode and gradients stay as they are.
"""

from genolab.infer.predict import decode, embed, predict, reconstruct

__all__ = ["decode", "embed", "predict", "reconstruct"]
