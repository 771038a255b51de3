"""SequenceCNN: a convolutional network over sequences, for classes, labels or values.

It reads top to bottom: the config, the model, one member of it, its layers, the noise of training, and the checks.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import nn
from torch.nn import functional

from genolab.checks import check_at_least, check_one_of
from genolab.config import check, control, share_control
from genolab.data.dataset import AnnDataset, Batch
from genolab.models.ensemble import Ensemble
from genolab.models.layers import SteadyNorm, drop, seeded

Task = Literal["classes", "labels", "values"]
Strands = Literal["share", "average"] | None

_DEEPER_WIDTH: Final = 5  # positions that a deeper filter sees; the first layer alone is as wide as a motif
_PROFILES: Final = 2  # weighted sums over the positions that each filter gets where positions count
_PERIODIC: Final = 32  # outputs of the periodic pooling


@dataclass(frozen=True)
class SequenceCNNConfig:
    """How a `SequenceCNN` was built, and what of it may change while it trains."""

    n_outputs: int
    task: Task = "classes"
    length: int | None = None
    n_filters: int = 64
    width: int = 15
    pool: int = 1
    n_layers: int = 2
    period: int | None = None
    hidden: int = 64
    members: int = 1
    reverse_complement: Strands = None
    dropout: float = share_control(0.3, "Share of hidden values dropped while training.")
    input_dropout: float = share_control(0.0, "Share of the bases masked, as if they were N, while training.")
    shift: int = control(
        0, low=0, high=1000, live=True, unit="bases", help="How far a sequence is moved to either side while training."
    )
    label_smoothing: float = share_control(
        0.0, "Share of a class's certainty spread over all classes while training.", high=0.5
    )
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_sizes(self)
        check(self)


class SequenceCNN(nn.Module):
    """A convolutional network over one-hot sequences, of any number of outputs.

    The first layer's filters are as wide as motifs and see the sequence itself, so that they can be read as motifs
    (Alipanahi et al. 2015, DeepBind); deeper layers, with residual connections (He et al. 2016), see how motifs are
    arranged. Where all sequences are aligned at something (a splice site, a start of transcription), give their
    `length`: each filter then learns at which positions it counts, by a threshold and two weights for each, in place of
    its maximum and its mean response (profiles of weights: Alexandari et al. 2017). Without it, sequences have any
    length, and the position of a motif doesn't count.

    Parameters
    ----------
    task
        ``"classes"`` (one of several: softmax and cross-entropy), ``"labels"`` (any of several: sigmoid and binary
        cross-entropy) or ``"values"`` (real numbers: mean squared error).
    n_filters, n_layers, hidden
        Filters in each layer, convolutional layers, and width of the last layer before the outputs.
    width, pool
        Bases that a first-layer filter sees, odd, and neighbouring positions of which the first layer passes on the
        maximum.
    period
        3 where some of the sequences may be coding: responses are then also averaged for each codon position, and the
        frame in which they fit best is taken. It needs neither a frame nor a length.
    members
        Networks trained side by side from different weights, whose logits are averaged: one is quick, five are more
        accurate and better calibrated (Lakshminarayanan et al. 2017).
    reverse_complement
        For signals that mean the same on both strands (not promoters, splice sites or genes, which have a strand).
        ``"share"``: every filter works on both strands at once (Shrikumar et al. 2017). ``"average"``: the mean over
        the sequence and its reverse complement. Outputs are then equal for both.
    dropout, input_dropout, shift, label_smoothing
        Regularisation, which may change while it trains; see `SequenceCNNConfig`. With a few thousand sequences,
        masking a fifth to a third of the bases (`input_dropout`) helps most.

    Examples
    --------
    >>> model = SequenceCNN(n_outputs=3, length=60)  # splice junctions: donor, acceptor, neither
    >>> run = gl.Run(model, train, valid)
    >>> model.first_filters.shape  # (64, 4, 15)
    """

    def __init__(
        self,
        n_outputs: int,
        *,
        task: Task = "classes",
        length: int | None = None,
        n_filters: int = 64,
        width: int = 15,
        pool: int = 1,
        n_layers: int = 2,
        period: int | None = None,
        hidden: int = 64,
        members: int = 1,
        reverse_complement: Strands = None,
        dropout: float = 0.3,
        input_dropout: float = 0.0,
        shift: int = 0,
        label_smoothing: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = SequenceCNNConfig(
            n_outputs, task, length, n_filters, width, pool, n_layers, period, hidden, members, reverse_complement,
            dropout, input_dropout, shift, label_smoothing, seed,
        )  # fmt: skip
        with seeded(seed):
            self.members: Ensemble[_Network] = Ensemble(_Network(self.config) for _ in range(members))

    @property
    def first_filters(self) -> torch.Tensor:
        """The first layer's filters, ``(members * n_filters, 4, width)``: channels A C G T."""
        return self.members.concat(lambda member: member.first.filters, dim=0)

    def first_responses(self, x: torch.Tensor) -> torch.Tensor:
        """Return each first-layer filter's response at each position, at least 0.

        ``(n, 4, length)`` to ``(n, members * n_filters, length)``; position i is the middle of the filter's window.
        """
        return self.members.concat(lambda member: member.first(x.float()))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs before softmax or sigmoid, ``(n, n_outputs)``, for ``(n, 4, length)`` uint8 or float."""
        return self._member_logits(x).mean(dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits: what tools that take any network over sequences call."""
        return self.logits(x)

    def _member_logits(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return every member's logits, ``(members, n, n_outputs)``."""
        _check_shape(x, self.config.length)
        x = x.float() if x.dtype == torch.uint8 else x
        return self.members.stack(lambda member: member.to_outputs(member.embed(x, self.config.dropout, generator)))

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the last layer before the outputs, of all members side by side, ``(n, members * hidden)``."""
        _check_shape(batch.x, self.config.length)
        return self.members.concat(lambda member: member.embed(batch.x.float(), 0.0, None))

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return probabilities of the classes or labels, or the values themselves, ``(n, n_outputs)``."""
        logits = self.logits(batch.x)
        if self.config.task == "values":
            return logits
        return logits.softmax(dim=1) if self.config.task == "classes" else logits.sigmoid()

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean loss, and for classes the accuracy: of each member in training, else of their mean."""
        if batch.target is None:
            raise ValueError("a SequenceCNN learns from a target: pass target='obs/...' to AnnDataset")
        x = batch.x
        if self.training:
            x = jittered(x, int(self.config.shift), batch.generator)
            x = masked(x, self.config.input_dropout, batch.generator)
        logits = self._member_logits(x, batch.generator)  # (members, n, n_outputs)
        if not self.training:
            logits = logits.mean(dim=0, keepdim=True)
        return self._loss_of(logits, batch.target)

    def _loss_of(self, logits: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
        members, flat = len(logits), logits.flatten(0, 1)  # (members * n, n_outputs)
        if self.config.task == "classes":
            smoothing = self.config.label_smoothing if self.training else 0.0
            loss = functional.cross_entropy(flat, target.repeat(members), label_smoothing=smoothing)
            return {"loss": loss, "accuracy": (logits.argmax(dim=2) == target).to(loss.dtype).mean()}
        target = target.reshape(len(target), -1).to(flat.dtype).repeat(members, 1)
        error = functional.mse_loss if self.config.task == "values" else functional.binary_cross_entropy_with_logits
        return {"loss": error(flat, target)}

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Refuse data that don't suit the model before it trains, and return a sentence on what will be learned."""
        del total_steps
        one = dataset.batch([0])
        _check_shape(one.x, self.config.length)
        _check_target(self.config, dataset, one.target)
        loss = {"classes": "Cross-entropy over", "labels": "Binary cross-entropy of", "values": "Mean squared error of"}
        sizes = f"{self.config.n_outputs:,} {self.config.task}, sequences of {one.x.shape[2]:,} bases"
        several = f", {self.config.members} networks side by side" if self.config.members > 1 else ""
        return f"{loss[self.config.task]} {sizes}{several}."


class _Network(nn.Module):
    """One member: layers of filters, pooling over the positions, one hidden layer, and the outputs."""

    def __init__(self, config: SequenceCNNConfig) -> None:
        super().__init__()
        n, shared = config.n_filters, config.reverse_complement == "share"
        self.strands, self.pooled = config.reverse_complement, config.pool
        self.first = _Filters(4, n, config.width, shared=shared, length=config.length)
        self.deeper = nn.ModuleList(_Filters(n, n, _DEEPER_WIDTH, shared=shared) for _ in range(config.n_layers - 1))
        self.pool = nn.MaxPool1d(config.pool) if config.pool > 1 else nn.Identity()
        self.strongest = nn.AdaptiveMaxPool1d(1)  # a layer, so that DeepLIFT can have a rule for it
        positions = 0 if config.length is None else config.length // config.pool
        scale = max(1, positions) ** 0.5
        self.profiles = nn.Parameter(torch.randn(_PROFILES, n, positions) / scale) if positions else None
        self.periodic = None if config.period is None else _PeriodicPooling(n, config.period)
        width = (2 if self.profiles is None else _PROFILES) * n + (0 if self.periodic is None else _PERIODIC)
        self.norm = SteadyNorm(width, eps=1e-3)
        self.to_hidden = nn.Linear(width, config.hidden)
        self.activation = nn.ReLU()
        self.to_outputs = nn.Linear(config.hidden, config.n_outputs)

    def embed(self, x: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Return the hidden layer ``(n, hidden)`` of ``(n, 4, length)``, the mean over both strands where wanted."""
        noise = (dropout if self.training else 0.0, generator)
        responses = self._convolve(x)
        if self.strands is None:
            return self._hidden(responses, *noise)
        if self.strands == "share":
            _check_pooling(x.shape[2], self.pooled)
        other = responses.flip(1, 2) if self.strands == "share" else self._convolve(x.flip(1, 2))
        return (self._hidden(responses, *noise) + self._hidden(other, *noise)) / 2

    def _convolve(self, x: torch.Tensor) -> torch.Tensor:
        """Return the filters' responses, ``(n, n_filters, length // pool)``."""
        responses: torch.Tensor = self.pool(self.first(x))
        for layer in self.deeper:
            responses = responses + layer(responses)
        return responses

    def _hidden(self, responses: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        if self.profiles is None:
            pooled = torch.cat([self.strongest(responses)[:, :, 0], responses.mean(dim=2)], dim=1)  # (n, 2 n_filters)
        else:
            pooled = torch.einsum("ncl,pcl->npc", responses, self.profiles).flatten(1)  # (n, _PROFILES n_filters)
        if self.periodic is not None:
            pooled = torch.cat([pooled, self.periodic(responses, dropout, generator)], dim=1)
        hidden: torch.Tensor = self.activation(self.to_hidden(drop(self.norm(pooled), dropout, generator)))
        return drop(hidden, dropout, generator)


class _Filters(nn.Module):
    """Filters over positions, normalised, with a ReLU: ``(n, n_in, length)`` to ``(n, n_out, length)``.

    With `shared` strands, the second half of the filters is the first half's reverse complement, in reverse order: the
    other strand is then the same with channels and positions flipped, in and out. With a `length`, every filter has a
    threshold of its own at each position, so that it can be blind where its motif means nothing.
    """

    def __init__(self, n_in: int, n_out: int, width: int, *, shared: bool, length: int | None = None) -> None:
        super().__init__()
        self.shared = shared
        own = n_out // 2 if shared else n_out
        self.weight = nn.Parameter(torch.empty(own, n_in, width))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # as torch's own convolutions begin
        self.norm = SteadyNorm(own, eps=1e-3)
        self.bias = None if length is None else nn.Parameter(torch.zeros(own, length))
        self.activation = nn.ReLU()

    @property
    def filters(self) -> torch.Tensor:
        """All filters, ``(n_out, n_in, width)``."""
        return torch.cat([self.weight, self.weight.flip(0, 1, 2)]) if self.shared else self.weight

    @property
    def thresholds(self) -> torch.Tensor | None:
        """What is added to each filter's response at each position, ``(n_out, length)``."""
        if self.bias is None or not self.shared:
            return self.bias
        return torch.cat([self.bias, self.bias.flip(0, 1)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        responses = self._normalised(functional.conv1d(x, self.filters, padding=self.weight.shape[2] // 2))
        thresholds = self.thresholds
        activated: torch.Tensor = self.activation(responses if thresholds is None else responses + thresholds)
        return activated

    def _normalised(self, responses: torch.Tensor) -> torch.Tensor:
        if not self.shared:
            normal: torch.Tensor = self.norm(responses)
            return normal
        n, half = len(responses), responses.shape[1] // 2
        both = self.norm(torch.cat([responses[:, :half], responses[:, half:].flip(1)]))  # (2 n, n_out / 2, length)
        return torch.cat([both[:n], both[n:].flip(1)], dim=1)


class _PeriodicPooling(nn.Module):
    """What returns every `period` positions, in whichever phase: ``(n, n_filters, length)`` to ``(n, _PERIODIC)``."""

    def __init__(self, n_filters: int, period: int) -> None:
        super().__init__()
        self.period = period
        self.norm = SteadyNorm(n_filters, eps=1e-3)
        self.over_phases = nn.Conv1d(n_filters, _PERIODIC, period)
        self.strongest = nn.AdaptiveMaxPool1d(1)

    def forward(self, responses: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        return self.of_phases(drop(self.norm(self.phases(responses)), dropout, generator))

    def phases(self, responses: torch.Tensor) -> torch.Tensor:
        """Return the mean response in each phase, ``(n, n_filters, period)``, of the whole periods."""
        whole = responses.shape[2] // self.period * self.period
        return responses[:, :, :whole].reshape(*responses.shape[:2], -1, self.period).mean(dim=2)

    def of_phases(self, phases: torch.Tensor) -> torch.Tensor:
        """Return the maximum over the phase in which the period begins, of normalised phases."""
        circular = torch.cat([phases, phases[:, :, :-1]], dim=2)  # (n, n_filters, 2 period - 1)
        pooled: torch.Tensor = self.strongest(self.over_phases(circular))[:, :, 0]
        return pooled


def masked(x: torch.Tensor, share: float, generator: torch.Generator | None) -> torch.Tensor:
    """Mask a `share` of the bases of ``(n, 4, length)``, as if they were N."""
    if share == 0:
        return x
    kept = torch.empty(len(x), 1, x.shape[2], device=x.device).bernoulli_(1 - share, generator=generator)
    return x * kept.to(x.dtype)


def jittered(x: torch.Tensor, limit: int, generator: torch.Generator | None) -> torch.Tensor:
    """Shift each of the sequences ``(n, 4, length)`` by up to `limit` bases to either side, and fill up with N."""
    if limit == 0:
        return x
    by = torch.randint(2 * limit + 1, (len(x),), device=x.device, generator=generator)
    choices = functional.pad(x, (limit, limit)).unfold(2, x.shape[2], 1)  # (n, 4, 2 limit + 1, length), a view
    return choices[torch.arange(len(x), device=x.device), :, by]


def _check_choices(config: SequenceCNNConfig) -> None:
    check_one_of("task", config.task, ("classes", "labels", "values"))
    check_one_of("reverse_complement", config.reverse_complement, (None, "share", "average"))
    if config.task == "classes" and config.n_outputs < 2:
        raise ValueError(
            f"there must be at least 2 classes, got n_outputs={config.n_outputs}: for a yes or no, take n_outputs=2, "
            "or task='labels'"
        )


def _check_sizes(config: SequenceCNNConfig) -> None:
    for name in ("n_outputs", "n_filters", "width", "pool", "n_layers", "hidden", "members"):
        check_at_least(name, getattr(config, name))
    if config.period is not None and config.period < 2:
        raise ValueError(f"period must be at least 2, or None for none, got {config.period}")
    if config.width % 2 == 0:
        raise ValueError(f"width must be odd, so that a filter has a middle, got {config.width}")
    if config.length is not None and config.length < config.pool:
        raise ValueError(f"length must be at least pool, got length={config.length} and pool={config.pool}")
    if config.reverse_complement == "share" and config.n_filters % 2:
        raise ValueError(f"with shared strands n_filters must be even, got {config.n_filters}")
    if config.reverse_complement == "share":
        _check_pooling(config.length or config.pool, config.pool)


def check_one_hot(x: torch.Tensor) -> None:
    """Refuse what hasn't the shape of one-hot sequences."""
    if x.ndim != 3 or x.shape[1] != 4 or x.shape[2] == 0:
        raise ValueError(
            f"sequences are one-hot, (n, 4, length), got the shape {tuple(x.shape)}: pass inputs='obsm/sequence' to "
            "AnnDataset, or make them by gl.sequences.one_hot"
        )


def _check_shape(x: torch.Tensor, length: int | None) -> None:
    check_one_hot(x)
    if length is not None and x.shape[2] != length:
        raise ValueError(
            f"this model was built for sequences of {length:,} bases, got {x.shape[2]:,}: build it with "
            f"length={x.shape[2]}, or with length=None if positions mean nothing"
        )


def _check_pooling(length: int, pool: int) -> None:
    if length % pool:
        raise ValueError(
            f"with shared strands the length must be a multiple of pool, so that both strands are pooled alike, got "
            f"length={length} and pool={pool}"
        )


def _check_target(config: SequenceCNNConfig, dataset: AnnDataset, target: torch.Tensor | None) -> None:
    if target is None:
        raise ValueError("a SequenceCNN learns from a target: pass target='obs/...' to AnnDataset")
    if config.task == "classes":
        _check_classes(config.n_outputs, dataset, target)
        return
    width = 1 if target.ndim == 1 else target.shape[1]
    if target.dtype == torch.int64 or target.ndim > 2 or width != config.n_outputs:
        what = "one class a row" if target.dtype == torch.int64 else f"the shape {tuple(target.shape)} a row"
        raise ValueError(
            f"task={config.task!r} needs a target of {config.n_outputs} numbers a row, got {what}: put them into obsm, "
            "as in target='obsm/labels', or choose task='classes'"
        )
    for batch in dataset.batches(8192):
        _check_numbers(config.task, batch.target)


def _check_classes(n_outputs: int, dataset: AnnDataset, target: torch.Tensor) -> None:
    if target.dtype != torch.int64:
        raise ValueError(
            "task='classes' needs a column of categories as target, got numbers: make it one by "
            "adata.obs[column] = adata.obs[column].astype('category'), or choose task='values'"
        )
    names = dataset.target_names
    if len(names) != n_outputs:
        raise ValueError(
            f"this model was built for {n_outputs} classes, but the target has {len(names)} ({', '.join(names[:8])}): "
            f"build it with n_outputs={len(names)}"
        )


def _check_numbers(task: Task, target: torch.Tensor | None) -> None:
    assert target is not None  # every batch has one where the first had
    if not torch.isfinite(target).all():
        raise ValueError("the target must be known for every row, and holds NaN or infinity: leave those rows out")
    if task == "labels" and not ((target == 0) | (target == 1)).all():
        raise ValueError(
            f"labels must be 0 or 1, got values from {target.min():g} to {target.max():g}: for numbers choose "
            "task='values'"
        )
