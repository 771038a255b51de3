"""What is explained: one output of a borrowed model, as a module over sequences that other tools can take."""

import copy
from typing import Any

import torch
from torch import nn


class Scorer(nn.Module):
    """One output of a copy of a model, in evaluation mode: ``(n, 4, length)`` float to ``(n, 1)``.

    Parameters
    ----------
    model
        With ``logits(x)``, or any module over ``(n, 4, length)`` with ``(n,)``, ``(n, n_outputs)`` or
        ``(n, n_outputs, length)`` outputs. It is only read.
    target
        Which output; ``None``: all of them, ``(n, n_outputs)``.
    positions
        Of outputs a base: those whose mean is taken; ``None``: all.
    device
        Where to compute; ``None``: where the model is.
    """

    def __init__(
        self,
        model: nn.Module,
        target: int | None,
        *,
        positions: int | slice | None = None,
        device: torch.device | None = None,
    ) -> None:
        super().__init__()
        first = next(iter(model.state_dict().values()), torch.empty(0))
        self.device = first.device if device is None else device
        self.model = copy.deepcopy(model).to(self.device).requires_grad_(False)
        self.eval()  # itself too: tools put a module back into the mode that it came in
        self.target = target
        self.positions = slice(positions, positions + 1 or None) if isinstance(positions, int) else positions

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs for one-hot sequences.

        Raises
        ------
        TypeError
            The model gives no tensor.
        ValueError
            There is no such output.
        """
        ask = getattr(self.model, "logits", self.model)
        found = ask(x)
        if not isinstance(found, torch.Tensor) or not 1 <= found.ndim <= 3:
            raise TypeError(
                f"{type(self.model).__name__} must give a tensor (n, n_outputs) for sequences, got "
                f"{type(found).__name__}: give it a method logits(x) that does"
            )
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim == 3:
            found = found[:, :, self.positions or slice(None)].mean(dim=2)
        return self.chosen(found)

    def chosen(self, found: torch.Tensor) -> torch.Tensor:
        """Return the target's column of all outputs, ``(n, n_outputs)``."""
        if self.target is None:
            return found
        if not 0 <= self.target < found.shape[1]:
            raise ValueError(f"target is one of this model's outputs, 0 to {found.shape[1] - 1}, got {self.target}")
        return found[:, self.target : self.target + 1]

    def rules(self) -> dict[type[nn.Module], Any]:
        """Return DeepLIFT's rules for layers that tangermeme has none for."""
        return {nn.AdaptiveMaxPool1d: _strongest}


def _strongest(module: Any, _: tuple[torch.Tensor, ...], out_of: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
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
