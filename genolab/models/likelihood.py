"""Negative log-likelihoods of counts and of real values, summed over a batch; in forms that are quick and stable.

A decoder's scores become expected counts as ``mean = library * softmax(scores)``. Single-cell counts are mostly zero, and
a zero needs no gamma function: everything with one is taken at the non-zeros only, in nats and without approximation.
"""

import math
from typing import Literal

import torch
from torch.nn import functional as F

Likelihood = Literal["nb", "zinb", "poisson", "normal"]


def nonzero_positions(x: torch.Tensor) -> torch.Tensor:
    """Return the positions of the non-zeros of ``(n, n_genes)`` in its flattened form, ``(n_values,)`` int64."""
    return x.flatten().nonzero().squeeze(1)


def negative_binomial(
    x: torch.Tensor,
    scores: torch.Tensor,
    *,
    library: torch.Tensor,
    log_dispersion: torch.Tensor,
    nonzero: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the negative log-likelihood of counts under a negative binomial, summed over cells and genes.

    With dispersion ``t``, ``r = mean / t``: ``log p(x) = lgamma(x+t) - lgamma(t) - lgamma(x+1) + x log r - (x+t) log1p(r)``.
    The variance is ``mean + mean**2 / t``.

    Parameters
    ----------
    x
        Counts, ``(n, n_genes)``.
    scores
        Decoder scores, ``(n, n_genes)``.
    library
        Total counts of each cell, ``(n, 1)``, above 0.
    log_dispersion
        ``log t`` of each gene, ``(n_genes,)``.
    nonzero
        ``nonzero_positions(x)`` where it is known already.
    """
    nonzero = nonzero_positions(x) if nonzero is None else nonzero
    dispersion = log_dispersion.exp()
    share = scores.softmax(dim=1)
    log1p_ratio = torch.log1p(share * (library * (-log_dispersion).exp()))  # (n, n_genes)
    gene = nonzero % x.shape[1]
    count = _at(x, nonzero)  # (n_values,)
    at_zeros = log1p_ratio.sum(dim=0) @ dispersion
    at_counts = count * (_at(scores, nonzero) - log_dispersion.index_select(0, gene) - _at(log1p_ratio, nonzero))
    gammas = (
        torch.lgamma(count + dispersion.index_select(0, gene))
        - torch.lgamma(dispersion).index_select(0, gene)
        - torch.lgamma(count + 1)
    )
    shared = x.sum(dim=1, keepdim=True) * (library.log() - _log_partition(scores, share))
    return at_zeros - at_counts.sum() - gammas.sum() - shared.sum()


def zero_inflated_negative_binomial(
    x: torch.Tensor,
    scores: torch.Tensor,
    *,
    library: torch.Tensor,
    log_dispersion: torch.Tensor,
    dropout_scores: torch.Tensor,
    nonzero: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the negative log-likelihood under a negative binomial that is replaced by zero with some probability.

    That probability is ``sigmoid(dropout_scores)``, ``(n, n_genes)``; the rest is as in `negative_binomial`, which this
    equals but for the dropout terms: ``-log(1 - q)`` everywhere, and at zeros the gain from being able to be a dropout.
    """
    nonzero = nonzero_positions(x) if nonzero is None else nonzero
    plain = negative_binomial(x, scores, library=library, log_dispersion=log_dispersion, nonzero=nonzero)
    share = scores.softmax(dim=1)
    log_zero = -log_dispersion.exp() * torch.log1p(share * (library * (-log_dispersion).exp()))  # log NB(0)
    gain = F.softplus(dropout_scores - log_zero)
    return plain + F.softplus(dropout_scores).sum() - gain.sum() + _at(gain, nonzero).sum()


def poisson(
    x: torch.Tensor, scores: torch.Tensor, *, library: torch.Tensor, nonzero: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the negative log-likelihood under a Poisson with ``mean = library * softmax(scores)``; shapes as above."""
    nonzero = nonzero_positions(x) if nonzero is None else nonzero
    count = _at(x, nonzero)
    log_mean = _at(scores.log_softmax(dim=1) + library.log(), nonzero)
    return library.sum() - (count * log_mean - torch.lgamma(count + 1)).sum()


def normal(x: torch.Tensor, mean: torch.Tensor, *, log_scale: torch.Tensor) -> torch.Tensor:
    """Return the negative log-likelihood under normals with standard deviation ``exp(log_scale)`` for each gene."""
    deviation = (x - mean) * (-log_scale).exp()
    return 0.5 * deviation.square().sum() + len(x) * (log_scale.sum() + 0.5 * math.log(2 * math.pi) * x.shape[1])


def _at(values: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    return values.flatten().index_select(0, positions)


def _log_partition(scores: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return ``logsumexp(scores)``, ``(n, 1)``, from the softmax at hand.

    ``log share = scores - logsumexp`` holds at every gene; at the largest share it never underflows.
    """
    top = scores.argmax(dim=1, keepdim=True)
    return scores.gather(1, top) - share.gather(1, top).log()
