"""Why a model predicts what it predicts: the contribution of every base of a sequence to an output."""

import warnings
from collections.abc import Iterator
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genolab.checks import check_one_of, meant
from genolab.data.dataset import AnnDataset, aligned, trained_classes
from genolab.dna.model import SequenceCNN, check_one_hot
from genolab.dna.saturation import single_changes
from genolab.infer.lend import to_numpy
from genolab.infer.scorer import Scorer
from genolab.waiting import progress

Array = NDArray[np.float32]
Method = Literal["mutagenesis", "gradients", "deeplift"]

_BLOCK: Final = 1024  # sequences taken from a dataset at a time
_STEPS: Final = 32  # points of integrated gradients; over a network of ReLUs the sum holds to about 1 %
_MAX_ERROR: Final = 0.05  # share of the difference by which DeepLIFT's sum may be off before it is refused


def attribute(
    model: nn.Module,
    rows: AnnDataset | Any,
    *,
    method: Method = "mutagenesis",
    target: int | str = 0,
    positions: int | slice | None = None,
    hypothetical: bool = False,
    n_shuffles: int = 20,
    batch_size: int = 512,
    device: str | None = None,
    seed: int = 0,
) -> Array:
    """Return the contribution of each base of each sequence to one output of a model, ``(n, 4, length)`` float32.

    What is explained is the output before softmax or sigmoid; a probability is saturated. Bases that aren't there have
    0, and so has an unknown base.

    Parameters
    ----------
    model
        With ``logits(x)``, or any ``nn.Module``, over ``(n, 4, length)``. It may be training: a copy computes.
    rows
        An `AnnDataset` whose first input holds sequences, or ``(n, 4, length)`` one-hot; one ``(4, length)`` will do.
    method
        - ``"mutagenesis"``: change every base to every other (in-silico saturation mutagenesis; Zhou and Troyanskaya
          2015). It needs no approximation, and three times the length predictions a sequence.
        - ``"gradients"``: integrated gradients from an even mixture of the bases (Sundararajan et al. 2017); they add
          up to the output less that of the mixture. Quick for long sequences.
        - ``"deeplift"``: DeepLIFT (Shrikumar et al. 2017) against `n_shuffles` shuffles of the sequence that keep its
          pairs of neighbours, by tangermeme; they add up to the output less the mean of the shuffles. If they don't, as
          where it has no rule for a part of the model, it's an error.
    target
        Which output: its number, or the name of its class, of those that the model was trained on.
    positions
        For models with an output a base, ``(n, n_outputs, length)``: those whose mean is explained; ``None``: all.
    hypothetical
        Return what each of the four bases would contribute at each position. Less the score of the base that is there,
        these are the effects of single changes; by mutagenesis exactly. By mutagenesis and gradients the four add up to
        0, by DeepLIFT they are relative to the bases of the shuffles.

    Examples
    --------
    >>> scores = gl.dna.attribute(model, test, target="donor")
    >>> gl.dna.plot.logo(scores[0])
    """
    check_one_of("method", method, ("mutagenesis", "gradients", "deeplift"))
    rows = aligned(model, rows) if isinstance(rows, AnnDataset) else rows
    scorer = Scorer(model, _number(target, model, rows), positions=positions, device=device)
    parts: list[Array] = []
    for x in progress(_sequences(rows, scorer.device), "Explaining", unit="blocks", total=-(-len(rows) // _BLOCK)):
        if method == "mutagenesis":
            scores = every_change(scorer, x, batch_size=batch_size)[..., 0]
            scores = scores - scores.mean(dim=1, keepdim=True)
        elif method == "gradients":
            scores = integrated_gradients(scorer, x, batch_size=batch_size)
        else:
            done = sum(len(part) for part in parts)
            scores = _deeplift(scorer, x, n_shuffles=n_shuffles, batch_size=batch_size, seed=seed + done)
        parts.append(to_numpy(scores if hypothetical else scores * x))
    return np.concatenate(parts)


def _number(target: int | str, model: nn.Module, rows: Any) -> int:
    if not isinstance(target, str):
        return int(target)
    names = trained_classes(model) or getattr(rows, "target_names", ())
    if target not in names:
        raise ValueError(
            f"target names a class of the dataset's target, which has {list(names)}; got {target!r}: "
            f"pass one of these, or the output's number{meant(target, names)}"
        )
    return int(names.index(target))


def _sequences(rows: AnnDataset | Any, device: torch.device) -> Iterator[torch.Tensor]:
    """Give the sequences in blocks, ``(n, 4, length)`` float."""
    if isinstance(rows, AnnDataset):
        blocks: Any = (batch.x for batch in rows.batches(_BLOCK))
    else:
        x = torch.as_tensor(rows)
        blocks = torch.split(x[None] if x.ndim == 2 else x, _BLOCK)
    for block in blocks:
        yield checked_sequences(block).to(device)


def checked_sequences(x: torch.Tensor) -> torch.Tensor:
    """Return one-hot sequences ``(n, 4, length)`` as float32, and refuse anything else."""
    check_one_hot(x)
    if ((x != 0) & (x != 1)).any() or (x.sum(dim=1) > 1).any():
        raise ValueError("every position of a one-hot sequence has one 1, or none where the base is unknown")
    return x.float()


def every_change(scorer: Scorer, x: torch.Tensor, *, batch_size: int) -> torch.Tensor:
    """Return the outputs for every base at every position of ``(n, 4, length)``: ``(n, 4, length, n_outputs)``.

    A `SequenceCNN` is computed only where a change reaches; other models by tangermeme, `batch_size` sequences at a
    time, which finds out where that is if it saves time.
    """
    if isinstance(scorer.model, SequenceCNN):
        with torch.no_grad():
            return scorer.chosen(single_changes(scorer.model, x).flatten(0, 2)).view(*x.shape, -1)
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="saturation_mutagenesis is using fast=False")
        outputs: torch.Tensor = saturation_mutagenesis(
            scorer, x, raw_outputs=True, batch_size=batch_size, device=x.device
        ).y_hat
    return outputs.to(x)


def integrated_gradients(scorer: Scorer, x: torch.Tensor, *, batch_size: int, steps: int = _STEPS) -> torch.Tensor:
    """Return the mean gradient on the straight line from an even mixture of the bases to `x`, less its mean.

    At the bases that are there it adds up to ``scorer(x) - scorer(mixture)``, as a gradient that is the same for all
    four does nothing. An unknown base stays unknown. The `steps` points lie at the middles of as many equal parts.
    """
    parts = []
    at = ((torch.arange(steps, device=x.device) + 0.5) / steps).view(-1, 1, 1, 1)
    for one in torch.split(x, max(1, batch_size // steps)):
        mixture = 0.25 * one.sum(dim=1, keepdim=True).expand_as(one)
        points = (mixture + at * (one - mixture)).flatten(0, 1).requires_grad_()  # (steps * n, 4, length)
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(scorer(points).sum(), points)
        parts.append(gradient.view(steps, *one.shape).mean(dim=0))
    gradient = torch.cat(parts)
    return gradient - gradient.mean(dim=1, keepdim=True)


def _deeplift(scorer: Scorer, x: torch.Tensor, *, n_shuffles: int, batch_size: int, seed: int) -> torch.Tensor:
    """Return tangermeme's scores, with its warning about layers that it has no rule for as an error with a fix."""
    from tangermeme.deep_lift_shap import deep_lift_shap
    from tangermeme.ersatz import dinucleotide_shuffle

    shuffles = dinucleotide_shuffle(x.cpu(), n=n_shuffles, random_state=seed, allow_N=True).to(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its sums are checked below, over all sequences
        scores: torch.Tensor = deep_lift_shap(
            scorer, x, references=shuffles, batch_size=batch_size, hypothetical=True, device=x.device, only_warn=True,
            additional_nonlinear_ops=scorer.rules(),
        ).to(x)  # fmt: skip
    known = x.any(dim=1).all(dim=1)  # what an unknown base contributes is in no score, so its sum would be off
    if known.any():
        _check_sums(scorer, x[known], shuffles[known], scores[known], batch_size)
    return scores


def _check_sums(
    scorer: Scorer, x: torch.Tensor, shuffles: torch.Tensor, scores: torch.Tensor, batch_size: int
) -> None:  # fmt: skip
    with torch.no_grad():
        output = torch.cat([scorer(part) for part in torch.split(x, batch_size)])
        reference = torch.cat([scorer(part) for part in torch.split(shuffles.flatten(0, 1), batch_size)])
    difference = output - reference.view(len(x), -1, 1).mean(dim=1)  # (n, 1)
    error = (scores * x).sum(dim=(1, 2)) - difference[:, 0]
    share = float(error.abs().sum() / difference.abs().sum().clamp_min(1e-12))
    if share > _MAX_ERROR:
        raise ValueError(
            f"DeepLIFT's contributions must add up to the difference to the shuffles, but are off by {share:.0%}: "
            "it has no rule for a part of this model; use method='mutagenesis' or 'gradients'"
        )
