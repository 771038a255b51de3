"""Negative log-likelihoods of counts and of real values, summed over a batch; in forms that are quick and stable.

A decoder's scores become expected counts as ``mean = library * softmax(scores)``. Single-cell counts are mostly zero,
and a zero needs no gamma function: everything with one is taken at the non-zeros only, in nats, without approximation.
"""

import math
from typing import Any, Literal

import torch
from torch.nn import functional

Likelihood = Literal["nb", "zinb", "poisson", "normal"]

# 128 rows of 2,000 genes are 1 MB, which a core's second-level cache holds.
_BLOCK_ROWS = 128


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

    With dispersion ``t`` and ``r = mean / t``,
    ``log p(x) = lgamma(x+t) - lgamma(t) - lgamma(x+1) + x log r - (x+t) log1p(r)``.
    The variance is ``mean + mean**2 / t``. Counts `x` and decoder `scores` are ``(n, n_genes)``, `library` is the
    cells' total, ``(n, 1)`` above 0, `log_dispersion` is ``log t``, ``(n_genes,)``, and `nonzero` is
    ``nonzero_positions(x)`` where that is known already.
    """
    nonzero = nonzero_positions(x) if nonzero is None else nonzero
    total: torch.Tensor = _NegativeBinomial.apply(x, scores.to(x.dtype), library, log_dispersion, nonzero)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return total


class _NegativeBinomial(torch.autograd.Function):
    """`negative_binomial` with its gradient taken in the same pass.

    With ``g = (t + x) mean / (t + mean) - x``, the derivative by ``log r``, it is ``g - share * sum(g)`` for the scores
    and ``t (log1p r - digamma(x+t) + digamma(t)) - g`` for ``log t``. Autograd would walk all of ``(n, n_genes)``
    three times as often. On a CPU the rows go by blocks that stay in its cache.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd functions take positions only
        ctx: Any,
        x: torch.Tensor,
        scores: torch.Tensor,
        library: torch.Tensor,
        log_dispersion: torch.Tensor,
        nonzero: torch.Tensor,
    ) -> torch.Tensor:
        height = _BLOCK_ROWS if x.device.type == "cpu" else len(x)
        wanted = any(ctx.needs_input_grad)
        by_scores = torch.empty_like(scores) if wanted else None
        by_dispersion = torch.zeros_like(log_dispersion)
        total = scores.new_zeros(())
        bounds = torch.arange(0, len(x) + height, height, device=x.device).clamp(max=len(x))
        ends = torch.searchsorted(nonzero, bounds * x.shape[1]).tolist()  # positions ascend from row to row
        for first, begin, end in zip(range(0, len(x), height), ends[:-1], ends[1:], strict=True):
            rows = slice(first, first + height)
            part = _Block(scores[rows], library[rows], log_dispersion, x[rows], nonzero[begin:end] - first * x.shape[1])
            total += part.value()
            if by_scores is not None:
                by_dispersion += part.gradient(by_scores[rows])
        ctx.save_for_backward(by_scores, by_dispersion)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        by_scores, by_dispersion = ctx.saved_tensors
        return None, by_scores * outer[0], None, by_dispersion * outer[0], None


class _Block:
    """Some rows of a batch: their negative log-likelihood, and its gradient."""

    def __init__(
        self,
        scores: torch.Tensor,
        library: torch.Tensor,
        log_dispersion: torch.Tensor,
        x: torch.Tensor,
        nonzero: torch.Tensor,
    ) -> None:
        self.dispersion = log_dispersion.exp()
        self.share = scores.softmax(dim=1)
        self.ratio = self.share * library * (-log_dispersion).exp()  # mean / dispersion, (n, n_genes)
        self.log1p_ratio = self.ratio.log1p()
        self.nonzero = nonzero
        self.gene = nonzero % scores.shape[1]
        self.count = _at(x, nonzero)  # (n_values,)
        self.count_and_dispersion = self.count + self.dispersion.index_select(0, self.gene)
        # log share = scores - log_partition holds at every gene; at the largest share it never underflows
        log_partition = scores.amax(dim=1, keepdim=True) - self.share.amax(dim=1, keepdim=True).log()
        log_ratio = _at(scores, nonzero) - log_dispersion.index_select(0, self.gene)
        self.at_counts = self.count @ (log_ratio - _at(self.log1p_ratio, nonzero))
        self.shared = (x.sum(dim=1, keepdim=True) * (library.log() - log_partition)).sum()

    def value(self) -> torch.Tensor:
        """Return the negative log-likelihood, a scalar."""
        gammas = torch.lgamma(self.count_and_dispersion) - torch.lgamma(self.count + 1)
        gammas -= torch.lgamma(self.dispersion).index_select(0, self.gene)
        return self.log1p_ratio.sum(dim=0) @ self.dispersion - self.at_counts - self.shared - gammas.sum()

    def gradient(self, by_scores: torch.Tensor) -> torch.Tensor:
        """Write the gradient by the scores into `by_scores`, and return that by the log dispersion, ``(n_genes,)``."""
        share_of_mean = self.ratio.div_(self.ratio + 1)  # mean / (dispersion + mean)
        at_counts = self.count * (_at(share_of_mean, self.nonzero) - 1)
        torch.mul(share_of_mean, self.dispersion, out=by_scores)
        by_scores.view(-1).index_add_(0, self.nonzero, at_counts)
        slope = self.log1p_ratio.sum(dim=0) * self.dispersion - by_scores.sum(dim=0)
        gammas = torch.digamma(self.dispersion).index_select(0, self.gene) - torch.digamma(self.count_and_dispersion)
        slope.index_add_(0, self.gene, gammas * self.dispersion.index_select(0, self.gene))
        by_scores.addcmul_(self.share, by_scores.sum(dim=1, keepdim=True), value=-1)
        return slope


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
    gain = functional.softplus(dropout_scores - log_zero)
    return plain + functional.softplus(dropout_scores).sum() - gain.sum() + _at(gain, nonzero).sum()


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
