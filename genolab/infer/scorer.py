"""One output of a model, as a module over sequences that attribution tools can take."""

from typing import Any

import torch
from torch import nn

from genolab.infer.lend import lend


class Scorer(nn.Module):
    """One output of a copy of a model, in evaluation mode: ``(n, 4, length)`` float to ``(n, 1)``.

    Parameters
    ----------
    model
        With ``logits(x)``, or any module over ``(n, 4, length)`` that returns ``(n,)``, ``(n, n_outputs)`` or
        ``(n, n_outputs, length)``.
    target
        Which output; ``None``: all of them, ``(n, n_outputs)``.
    positions
        Of outputs a base: those whose mean is taken; ``None``: all.
    """

    def __init__(
        self,
        model: nn.Module,
        target: int | None,
        *,
        positions: int | slice | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__()
        self.model, self.device = lend(model, device)
        self.eval()  # itself too: tools put a module back into the mode that it came in
        self.target = target
        self.positions = slice(positions, positions + 1 or None) if isinstance(positions, int) else positions

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for one-hot sequences."""
        outputs = getattr(self.model, "logits", self.model)(x)
        if not isinstance(outputs, torch.Tensor) or not 1 <= outputs.ndim <= 3:
            raise TypeError(
                f"{type(self.model).__name__} must give a tensor (n, n_outputs) for sequences, got "
                f"{type(outputs).__name__}: give it a method logits(x) that does"
            )
        outputs = outputs[:, None] if outputs.ndim == 1 else outputs
        if outputs.ndim == 3:
            outputs = outputs[:, :, self.positions or slice(None)].mean(dim=2)
        return self.chosen(outputs)

    def chosen(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the target's column of all outputs, ``(n, n_outputs)``."""
        if self.target is None:
            return outputs
        if not 0 <= self.target < outputs.shape[1]:
            raise ValueError(f"target is one of this model's outputs, 0 to {outputs.shape[1] - 1}, got {self.target}")
        return outputs[:, self.target : self.target + 1]

    def rules(self) -> dict[type[nn.Module], Any]:
        """Return DeepLIFT's rules for layers that tangermeme has none for."""
        return {nn.AdaptiveMaxPool1d: _maximum_rule}


def _maximum_rule(module: Any, _: tuple[torch.Tensor, ...], out_of: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
    """Give the difference of two maxima over the length to the positions where they are reached.

    tangermeme's rule for pooling (after Captum's): what the sequence's maximum is above that of the shuffle belongs to
    the sequence's strongest position, what it is below to the shuffle's. Sequences and shuffles come as two halves.
    """
    here, there = module.input.chunk(2)
    high, low = (part.amax(dim=2, keepdim=True) for part in (here, there))
    both = torch.maximum(high, low)
    given = torch.zeros_like(here)
    given.scatter_add_(2, here.argmax(dim=2, keepdim=True), both - low)
    given.scatter_add_(2, there.argmax(dim=2, keepdim=True), high - both)
    apart = here - there
    share = torch.where(apart.abs() < 1e-7, 0, given / torch.where(apart.abs() < 1e-7, 1, apart))
    return (torch.cat([part * share for part in out_of[0].chunk(2)]),)
