"""A convolutional network that reads sequences: what they are, what they carry, or how strong they are."""

from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import nn
from torch.nn import functional

from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch
from genolab.dna.filters import Filters, hidden_bases, shifted
from genolab.models.ensemble import Ensemble
from genolab.models.layers import SteadyNorm, drop, seeded

Task = Literal["classes", "labels", "values"]
Strands = Literal["share", "average"] | None

_TASKS: Final = ("classes", "labels", "values")
_DEEPER_WIDTH: Final = 5  # positions that a deeper filter sees; the first layer alone is as wide as a motif
_PROFILES: Final = 2  # weighted sums over the positions that each filter gets where positions count
_RHYTHMS: Final = 32  # ways in which the responses in the phases of a period are held together


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
    dropout: float = control(0.3, low=0, high=0.9, live=True, help="Share of hidden values dropped while training.")
    input_dropout: float = control(
        0.0, low=0, high=0.9, live=True, help="Share of the bases hidden, as if they were N, while training."
    )
    shift: int = control(
        0, low=0, high=1000, live=True, unit="bases", help="How far a sequence is moved to either side while training."
    )
    label_smoothing: float = control(
        0.0, low=0, high=0.5, live=True, help="Share of a class's certainty spread over all classes while training."
    )
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choices(self)
        _check_sizes(self)
        check(self)


class SequenceCNN(nn.Module):
    """A convolutional network over one-hot sequences, of any number of outputs.

    The first layer's filters are as wide as motifs and see the sequence itself, so that they can be read as motifs
    (Alipanahi et al. 2015, DeepBind); deeper layers, each added to what came before (He et al. 2016), see how motifs
    stand to each other. Where all sequences are aligned at something (a splice site, a start of transcription), give
    their `length`: each filter then learns at which positions it counts, by a threshold and two weights for each, in
    place of its strongest and its mean response (profiles of weights: Alexandari et al. 2017).

    Parameters
    ----------
    n_outputs
        Classes, labels or values.
    task
        ``"classes"`` (one of several: softmax and cross-entropy), ``"labels"`` (any of several: sigmoid and binary
        cross-entropy) or ``"values"`` (real numbers: mean squared error).
    length
        Length of the sequences, where a position means the same in all of them. ``None``: sequences of any length, in
        which the place of a motif doesn't count.
    n_filters
        Filters in each layer.
    width
        Bases that a first-layer filter sees; odd.
    pool
        Neighbouring positions of which the first layer passes on the strongest response; 1: all positions.
    n_layers
        Convolutional layers, the first included.
    period
        3 where some of the sequences may be coding: responses are then also summed codon position by codon position,
        and the frame in which they fit best is taken. It needs neither a frame nor a length. ``None``: no such rhythm.
    hidden
        Width of the last layer before the outputs, which `embed` returns.
    members
        Networks trained side by side from different weights, whose logits are averaged: one is quick, five are more
        accurate and know better what they don't know (Lakshminarayanan et al. 2017).
    reverse_complement
        For signals that mean the same on both strands (not promoters, splice sites or genes, which have a strand).
        ``"share"``: every filter works on both strands at once (Shrikumar et al. 2017). ``"average"``: sequence and
        reverse complement are read one after the other, and the answers averaged. Outputs are then equal for both.
    dropout, input_dropout, shift, label_smoothing
        What keeps it from learning by heart; see `SequenceCNNConfig`. All may change while it trains. With a few
        thousand sequences, hiding a fifth to a third of the bases (`input_dropout`) helps most.
    seed
        Draws the initial weights.

    Raises
    ------
    ValueError
        A size or a choice makes no sense.

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
            n_outputs,
            task,
            length,
            n_filters,
            width,
            pool,
            n_layers,
            period,
            hidden,
            members,
            reverse_complement,
            dropout,
            input_dropout,
            shift,
            label_smoothing,
            seed,
        )
        with seeded(seed):
            self.members: Ensemble[_Reader] = Ensemble(_Reader(self.config) for _ in range(members))

    @property
    def first_filters(self) -> torch.Tensor:
        """The first layer's filters, ``(members * n_filters, 4, width)``: channels A C G T."""
        return self.members.concat(lambda member: member.first.filters, dim=0)

    def first_responses(self, x: torch.Tensor) -> torch.Tensor:
        """Return how strongly each first-layer filter responds at each position, at least 0.

        ``(n, 4, length)`` to ``(n, members * n_filters, length)``; position i is the middle of the filter's window.
        """
        return self.members.concat(lambda member: member.first(x.float()))

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs before softmax or sigmoid, ``(n, n_outputs)``, for ``(n, 4, length)`` uint8 or float."""
        return self._each(x).mean(dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits: what tools that take any network over sequences call."""
        return self.logits(x)

    def _each(self, x: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
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
        """Return the mean loss over the rows, and for classes the accuracy.

        While it trains the members are judged apart, each on its own; else their average is.
        """
        if batch.target is None:
            raise ValueError("a SequenceCNN learns from a target: pass target='obs/...' to AnnDataset")
        x = batch.x
        if self.training:
            x = shifted(x, int(self.config.shift), batch.generator)
            x = hidden_bases(x, self.config.input_dropout, batch.generator)
        logits = self._each(x, batch.generator)  # (members, n, n_outputs)
        if not self.training:
            logits = logits.mean(dim=0, keepdim=True)
        return self._judged(logits, batch.target)

    def _judged(self, logits: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
        members = len(logits)
        flat = logits.flatten(0, 1)  # (members * n, n_outputs)
        if self.config.task == "classes":
            smoothing = self.config.label_smoothing if self.training else 0.0
            loss = functional.cross_entropy(flat, target.repeat(members), label_smoothing=smoothing)
            right = (logits.argmax(dim=2) == target).to(loss.dtype).mean()
            return {"loss": loss, "accuracy": right}
        wanted = target.reshape(len(target), -1).to(flat.dtype).repeat(members, 1)
        judge = functional.mse_loss if self.config.task == "values" else functional.binary_cross_entropy_with_logits
        return {"loss": judge(flat, wanted)}

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, and say what will be learned.

        Raises
        ------
        ValueError
            The input holds no sequences or sequences of another length, or the target doesn't fit the task.
        """
        del total_steps
        one = dataset.batch([0])
        _check_shape(one.x, self.config.length)
        _check_target(self.config, dataset, one.target)
        what = {"classes": "Cross-entropy over", "labels": "Binary cross-entropy of", "values": "Mean squared error of"}
        sizes = f"{self.config.n_outputs:,} {self.config.task}, sequences of {one.x.shape[2]:,} bases"
        several = f", {self.config.members} networks side by side" if self.config.members > 1 else ""
        return f"{what[self.config.task]} {sizes}{several}."


class _Reader(nn.Module):
    """One member: layers of filters, then one hidden layer over what they found and where, and the outputs."""

    def __init__(self, config: SequenceCNNConfig) -> None:
        super().__init__()
        n, shared = config.n_filters, config.reverse_complement == "share"
        self.strands, self.pooled = config.reverse_complement, config.pool
        self.first = Filters(4, n, config.width, shared=shared, length=config.length)
        self.deeper = nn.ModuleList(Filters(n, n, _DEEPER_WIDTH, shared=shared) for _ in range(config.n_layers - 1))
        self.pool = nn.MaxPool1d(config.pool) if config.pool > 1 else nn.Identity()
        self.strongest = nn.AdaptiveMaxPool1d(1)  # a layer, so that DeepLIFT can have a rule for it
        places = 0 if config.length is None else config.length // config.pool
        self.profiles = nn.Parameter(torch.randn(_PROFILES, n, places) / max(1, places) ** 0.5) if places else None
        self.rhythm = None if config.period is None else _Rhythm(n, config.period)
        width = (2 if self.profiles is None else _PROFILES) * n + (0 if self.rhythm is None else _RHYTHMS)
        self.norm = SteadyNorm(width, eps=1e-3)
        self.to_hidden = nn.Linear(width, config.hidden)
        self.activation = nn.ReLU()
        self.to_outputs = nn.Linear(config.hidden, config.n_outputs)

    def embed(self, x: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Return the hidden layer ``(n, hidden)`` of ``(n, 4, length)``, the mean over both strands where asked for."""
        noise = (dropout if self.training else 0.0, generator)
        found = self._scan(x)
        if self.strands is None:
            return self._read(found, *noise)
        if self.strands == "share":
            _check_pooling(x.shape[2], self.pooled)
        other = found.flip(1, 2) if self.strands == "share" else self._scan(x.flip(1, 2))
        return (self._read(found, *noise) + self._read(other, *noise)) / 2

    def _scan(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the filters find, ``(n, n_filters, length // pool)``."""
        found: torch.Tensor = self.pool(self.first(x))
        for layer in self.deeper:
            found = found + layer(found)
        return found

    def _read(self, found: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Return the hidden layer ``(n, hidden)`` of what was found, where it was found counting or not."""
        if self.profiles is None:
            all_over = torch.cat([self.strongest(found)[:, :, 0], found.mean(dim=2)], dim=1)  # (n, 2 n_filters)
        else:
            all_over = torch.einsum("ncl,pcl->npc", found, self.profiles).flatten(1)  # (n, _PROFILES n_filters)
        if self.rhythm is not None:
            all_over = torch.cat([all_over, self.rhythm(found, dropout, generator)], dim=1)
        hidden: torch.Tensor = self.activation(self.to_hidden(drop(self.norm(all_over), dropout, generator)))
        return drop(hidden, dropout, generator)


class _Rhythm(nn.Module):
    """What returns every `period` positions, in whichever phase: ``(n, n_filters, length)`` to ``(n, _RHYTHMS)``."""

    def __init__(self, n_filters: int, period: int) -> None:
        super().__init__()
        self.period = period
        self.norm = SteadyNorm(n_filters, eps=1e-3)
        self.to_rhythms = nn.Conv1d(n_filters, _RHYTHMS, period)  # over the phases, which close to a ring
        self.strongest = nn.AdaptiveMaxPool1d(1)

    def forward(self, found: torch.Tensor, dropout: float, generator: torch.Generator | None) -> torch.Tensor:
        """Take each rhythm in the phase where it fits best."""
        phases = self.norm(self.phases(found))
        return self.of_phases(drop(phases, dropout, generator))

    def phases(self, found: torch.Tensor) -> torch.Tensor:
        """Return the mean response in each phase, ``(n, n_filters, period)``; what is left at the end doesn't count."""
        whole = found.shape[2] // self.period * self.period
        return found[:, :, :whole].reshape(*found.shape[:2], -1, self.period).mean(dim=2)

    def of_phases(self, phases: torch.Tensor) -> torch.Tensor:
        """Return the rhythms of normalised responses in the phases, ``(n, _RHYTHMS)``."""
        ring = torch.cat([phases, phases[:, :, :-1]], dim=2)  # (n, n_filters, 2 period - 1)
        rhythms: torch.Tensor = self.strongest(self.to_rhythms(ring))[:, :, 0]
        return rhythms


def _check_choices(config: SequenceCNNConfig) -> None:
    if config.task not in _TASKS:
        raise ValueError(f"task must be one of {', '.join(_TASKS)}, got {config.task!r}")
    if config.reverse_complement not in (None, "share", "average"):
        raise ValueError(f"reverse_complement must be None, 'share' or 'average', got {config.reverse_complement!r}")
    if config.task == "classes" and config.n_outputs < 2:
        raise ValueError(
            f"there must be at least 2 classes, got n_outputs={config.n_outputs}: for a yes or no, take n_outputs=2, "
            "or task='labels'"
        )


def _check_sizes(config: SequenceCNNConfig) -> None:
    names = ("n_outputs", "n_filters", "width", "pool", "n_layers", "hidden", "members")
    small = {name: getattr(config, name) for name in names if getattr(config, name) < 1}
    if small:
        raise ValueError(f"a SequenceCNN needs sizes of at least 1, got {small}")
    if config.period is not None and config.period < 2:
        raise ValueError(f"period must be at least 2, or None for no rhythm, got {config.period}")
    if config.width % 2 == 0:
        raise ValueError(f"width must be odd, so that a filter has a middle, got {config.width}")
    if config.length is not None and config.length < config.pool:
        raise ValueError(f"length must be at least pool, got length={config.length} and pool={config.pool}")
    if config.reverse_complement == "share" and config.n_filters % 2:
        raise ValueError(f"with shared strands n_filters must be even, got {config.n_filters}")
    if config.reverse_complement == "share":
        _check_pooling(config.length or config.pool, config.pool)


def _check_shape(x: torch.Tensor, length: int | None) -> None:
    if x.ndim != 3 or x.shape[1] != 4:
        raise ValueError(
            f"a SequenceCNN reads one-hot sequences, (n, 4, length), got the shape {tuple(x.shape)}: pass "
            "inputs='obsm/sequence' to AnnDataset, made by gl.sequences.one_hot"
        )
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
