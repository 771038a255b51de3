"""Multi-label classification of genes: any number of terms a gene, from its residues, from features, or from both."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn
from torch.nn import functional

from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch, aligned
from genolab.models.ensemble import Ensemble
from genolab.models.layers import Layers, SteadyNorm, drop, evaluating, seeded
from genolab.sequences.protein import RESIDUE_SHARES

_POOL: Final = 4  # residues, about a turn of a helix
_DEEPER_WIDTH: Final = 5
_BATCH: Final = 512


@dataclass(frozen=True)
class FunctionClassifierConfig:
    """How a `FunctionClassifier` was built, and what of it may change while it trains."""

    n_terms: int
    sequence: bool = True
    n_features: int = 0
    n_filters: int = 96
    width: int = 9
    n_layers: int = 2
    hidden: int = 256
    members: int = 1
    parents: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    dropout: float = control(0.3, low=0, high=0.9, live=True, help="Share of hidden values dropped while training.")
    input_dropout: float = control(
        0.1, low=0, high=0.9, live=True, help="Share of residues and features masked while training."
    )
    mixup: float = control(
        0.0, low=0, high=1, live=True, help="Share of the steps that train on mixtures of two genes' features."
    )
    class_weighting: float = control(
        0.0,
        low=0,
        high=1,
        live=True,
        help="Weight of a rare term: 0 as any other, 1 inverse to its frequency.",
    )
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = (self.n_terms, self.n_filters, self.width, self.n_layers, self.hidden, self.members)
        if min(sizes) < 1 or self.n_features < 0 or self.width % 2 == 0:
            raise ValueError(
                "terms, filters, layers, hidden width and members are at least 1, features at least 0 and the width "
                f"of a filter is odd, got {self}"
            )
        if not (self.sequence or self.n_features):
            raise ValueError("a FunctionClassifier reads residues or features: give sequence=True or n_features=...")
        check(self)


class FunctionClassifier(nn.Module):
    """Which terms a gene has: a convolutional network over residues, dense layers over features, or both.

    A term's probability is the highest of its own and of all that imply it, so that no term is less probable than a
    narrower one (the true-path rule), in training as in prediction (C-HMCNN, Giunchiglia and Lukasiewicz 2020).

    Parameters
    ----------
    n_terms
        Columns of the target, such as ``obsm["terms"]``.
    sequence
        Whether the first input are residues, ``(n, length)`` codes of `genolab.sequences.encode_protein`.
    n_features
        Width of the other input, such as expression, which comes after the residues; 0: there is none.
    parents
        ``(m, 2)`` of ``(child, parent)`` columns of the target: a gene with the child has the parent.
    frequencies
        ``(n_terms,)``: the share of the training rows that have each term, where the outputs begin. Needed for
        `class_weighting`.
    n_filters, width, n_layers
        Of the convolutions; the first layer's filters span `width` residues.
    hidden
        Width of the last layer before the outputs, which `embed` returns.
    members
        Networks of an ensemble, whose logits are averaged (Lakshminarayanan et al. 2017).
    mixup
        Of features alone (Zhang et al. 2018).
    class_weighting
        Probabilities stay calibrated: what the weights add to a term's odds is taken into account.

    Examples
    --------
    >>> data = AnnDataset(proteins, "obsm/sequence", target="obsm/terms")
    >>> model = FunctionClassifier(649, parents=proteins.uns["parents"])
    >>> both = FunctionClassifier(649, n_features=50, parents=proteins.uns["parents"])  # inputs: residues, features
    """

    ancestors: torch.Tensor
    descendants: torch.Tensor
    shares: torch.Tensor
    rarity: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self,
        n_terms: int,
        *,
        sequence: bool = True,
        n_features: int = 0,
        parents: ArrayLike | None = None,
        frequencies: ArrayLike | None = None,
        n_filters: int = 96,
        width: int = 9,
        n_layers: int = 2,
        hidden: int = 256,
        members: int = 1,
        dropout: float = 0.3,
        input_dropout: float = 0.1,
        mixup: float = 0.0,
        class_weighting: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        known = tuple((int(child), int(parent)) for child, parent in np.asarray([] if parents is None else parents))
        self.config = FunctionClassifierConfig(
            n_terms, sequence, n_features, n_filters, width, n_layers, hidden, members, known, dropout, input_dropout,
            mixup, class_weighting, seed,
        )  # fmt: skip
        pairs = torch.from_numpy(implications(n_terms, parents))
        odds = _log_odds(n_terms, frequencies)
        self.register_buffer("descendants", pairs[:, 0].contiguous())
        self.register_buffer("ancestors", pairs[:, 1].contiguous())
        self.register_buffer("shares", torch.from_numpy(RESIDUE_SHARES))  # (27, 20)
        self.register_buffer("rarity", -odds.clamp(max=0))  # (n_terms,) log of how much rarer than every second gene
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(n_terms))
        with seeded(seed):
            self.members: Ensemble[_Network] = Ensemble(_Network(self.config) for _ in range(members))
        for member in self.members:
            member.to_terms.bias.data = odds.clone()

    def logits(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the log odds of the terms, calibrated and consistent with the hierarchy, ``(n, n_terms)``.

        Residues are codes ``(n, length)`` or shares of amino acids ``(n, 20, length)``; features ``(n, n_features)``.
        """
        own = self._member_logits(inputs).mean(dim=0)
        return self.highest(self.scale * own + self.shift)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.logits(*inputs)

    def highest(self, own: torch.Tensor) -> torch.Tensor:
        """Return the highest of each term's own value and those of all that imply it, ``(n, n_terms)``."""
        start = torch.full_like(own, -torch.inf)
        return start.scatter_reduce(1, self.ancestors.expand(len(own), -1), own[:, self.descendants], "amax")

    def _member_logits(
        self, inputs: tuple[torch.Tensor, ...], generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return every member's log odds, ``(members, n, n_terms)``, before hierarchy and calibration."""
        checked = self._checked_inputs(inputs)
        return self.members.stack(lambda member: member.to_terms(member.embed(*checked, self.config, generator)))

    def _checked_inputs(self, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Return residues as shares ``(n, 20, length)``, cut to the longest, and features; ``None`` where not used."""
        config = self.config
        if len(inputs) != config.sequence + (config.n_features > 0):
            wanted = " and ".join(["residues"] * config.sequence + ["features"] * (config.n_features > 0))
            raise ValueError(f"this model reads {wanted}, got {len(inputs)} inputs: choose the slots in AnnDataset")
        features = inputs[-1].float() if config.n_features else None
        if features is not None and features.shape[1:] != (config.n_features,):
            raise ValueError(f"this model was built for {config.n_features} features, got {tuple(features.shape)}")
        return (self._residues(inputs[0]) if config.sequence else None), features

    def _residues(self, x: torch.Tensor) -> torch.Tensor:
        if x.ndim == 3 and x.shape[1] == self.shares.shape[1]:
            return x.float()
        if x.ndim != 2 or x.dtype != torch.uint8 or int(x.max()) >= len(self.shares):
            raise ValueError(
                f"residues are codes (n, length), uint8, or shares (n, 20, length), got {x.dtype} of the shape "
                f"{tuple(x.shape)}: make them by gl.sequences.encode_protein"
            )
        longest = max(1, int((x > 0).sum(dim=1).max()))
        return self.shares[x[:, :longest].long()].transpose(1, 2)

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the last layer before the outputs, of all members side by side, ``(n, members * hidden)``."""
        checked = self._checked_inputs(batch.inputs)
        return self.members.concat(lambda member: member.embed(*checked, self.config, None))

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the terms, ``(n, n_terms)``: a broader term's is never below a narrower one's."""
        # Vector and scalar code round a sigmoid differently in the last bit, which would break the true-path rule
        return self.highest(self.logits(*batch.inputs).sigmoid())

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean binary cross-entropy over rows and terms, and the micro-F1 at 0.5; in training by member."""
        if batch.target is None:
            raise ValueError("a FunctionClassifier learns from terms: pass target='obsm/terms' to AnnDataset")
        target = batch.target.float()
        if not self.training:
            logits = self.logits(*batch.inputs)
            return {"loss": self._cross_entropy(logits, logits, target), "f1": _micro_f1(logits, target)}
        inputs, target = self._with_mixup(batch.inputs, target, batch.generator)
        each = self._member_logits(inputs, batch.generator)
        losses = [self._cross_entropy(self.highest(own), self._highest_known(own, target), target) for own in each]
        return {"loss": torch.stack(losses).mean(), "f1": _micro_f1(self.highest(each[0]), target.round())}

    def _highest_known(self, own: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the highest value of each term among those that the gene has, ``(n, n_terms)``."""
        has = target[:, self.descendants] > 0
        values = torch.where(has, own[:, self.descendants], -torch.inf)
        start = torch.full_like(own, -torch.inf)
        highest = start.scatter_reduce(1, self.ancestors.expand(len(own), -1), values, "amax")
        return torch.where(target > 0, highest, 0.0)

    def _cross_entropy(self, implied: torch.Tensor, known: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        extra = self.config.class_weighting * self.rarity if self.training else torch.zeros_like(self.rarity)
        missed = functional.softplus(-(known + extra)) * target * extra.exp()
        false = functional.softplus(implied + extra) * (1 - target)
        return (missed + false).mean()

    def _with_mixup(
        self, inputs: tuple[torch.Tensor, ...], target: torch.Tensor, generator: torch.Generator | None
    ) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        """Mix features and targets of each row with another row's, in a share of the steps."""
        share = self.config.mixup
        if self.config.sequence or share == 0:
            return inputs, target
        x, device = inputs[0], target.device
        part = torch.rand(len(x), 1, generator=generator, device=device)
        part = torch.where(torch.rand(1, generator=generator, device=device) < share, part, torch.ones_like(part))
        other = torch.randperm(len(x), generator=generator, device=device)
        return (part * x + (1 - part) * x[other],), part * target + (1 - part) * target[other]

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, and describe the task."""
        del total_steps
        self._checked_inputs(dataset.batch([0]).to(self.shift.device).inputs)
        counts = torch.zeros(self.config.n_terms)
        for batch in dataset.batches(_BATCH):
            counts += self._checked(batch.target).sum(dim=0)
        if (counts == 0).any():
            bad = torch.nonzero(counts == 0)[:, 0].tolist()
            raise ValueError(f"every term needs a gene that has it; columns {bad[:10]} have none: leave them out")
        return f"{self.config.n_terms:,} terms, {len(self.ancestors) - self.config.n_terms:,} implications among them."

    def _checked(self, target: torch.Tensor | None) -> torch.Tensor:
        if target is None or target.ndim != 2 or target.shape[1] != self.config.n_terms:
            got = None if target is None else tuple(target.shape)
            raise ValueError(f"the target has {self.config.n_terms} columns, a term each, got the shape {got}")
        target = target.float().cpu()
        if not ((target == 0) | (target == 1)).all():
            raise ValueError("a gene has a term or not: the target's values are 0 and 1, got others")
        if (target[:, self.descendants.cpu()] > target[:, self.ancestors.cpu()]).any():
            raise ValueError("a gene with a term has all that it implies, and some rows don't: use Ontology.propagate")
        return target

    def calibrate(self, held_out: AnnDataset) -> Self:
        """Fit a common scale and a shift of each term's log odds to held-out rows (Platt 1999), and return the model.

        Shifts are penalised, so that terms with few genes hardly move.
        """
        own, target = self._logits_and_target(aligned(self, held_out, target=True))
        log_scale = torch.zeros((), requires_grad=True, device=own.device)
        shift = torch.zeros_like(self.shift, requires_grad=True)
        optimizer = torch.optim.LBFGS([log_scale, shift], max_iter=50, line_search_fn="strong_wolfe")

        def closure() -> Any:
            optimizer.zero_grad()
            logits = self.highest(log_scale.exp() * own + shift)
            loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="sum")
            loss = (loss + 5 * shift.square().sum()) / target.numel()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]  # as above
        self.scale.copy_(log_scale.detach().exp())
        self.shift.copy_(shift.detach())
        return self

    def _logits_and_target(self, dataset: AnnDataset) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the members' mean log odds, before the hierarchy, and the target."""
        device = self.shift.device
        with evaluating(self):
            batches = [batch.to(device) for batch in dataset.batches(_BATCH)]
            own = torch.cat([self._member_logits(batch.inputs).mean(dim=0) for batch in batches])
        return own, torch.cat([self._checked(batch.target) for batch in batches]).to(device)


class _Network(nn.Module):
    """One member of the ensemble."""

    def __init__(self, config: FunctionClassifierConfig) -> None:
        super().__init__()
        n, width = config.n_filters, 0
        if config.sequence:
            self.first = nn.Conv1d(20, n, config.width, padding=config.width // 2)
            sizes = range(config.n_layers - 1)
            self.deeper = nn.ModuleList(nn.Conv1d(n, n, _DEEPER_WIDTH, padding=_DEEPER_WIDTH // 2) for _ in sizes)
            width += 2 * n + 20
        if config.n_features:
            self.feature_norm = SteadyNorm(config.n_features, eps=1e-3)
            self.features = Layers((config.n_features, config.hidden))
            width += config.hidden
        # Responses of filters grow faster in training than running statistics follow; a row's own can't lag.
        self.norm = nn.LayerNorm(width) if config.sequence else SteadyNorm(width, eps=1e-3)
        self.to_hidden = nn.Linear(width, config.hidden)
        self.to_terms = nn.Linear(config.hidden, config.n_terms)

    def embed(
        self,
        residues: torch.Tensor | None,
        features: torch.Tensor | None,
        config: FunctionClassifierConfig,
        generator: torch.Generator | None,
    ) -> torch.Tensor:
        """Return the hidden layer, ``(n, hidden)``."""
        dropout, masking = (config.dropout, config.input_dropout) if self.training else (0.0, 0.0)
        parts = []
        if residues is not None:
            parts.append(self._pooled(residues, masking, generator))
        if features is not None:
            self.features.dropout = dropout
            parts.append(self.features(drop(self.feature_norm(features), masking, generator), generator))
        joined = drop(self.norm(torch.cat(parts, dim=1)), dropout, generator)
        return drop(functional.relu(self.to_hidden(joined)), dropout, generator)

    def _pooled(self, x: torch.Tensor, masking: float, generator: torch.Generator | None) -> torch.Tensor:
        """Return each filter's maximum and mean, and the composition, ``(n, 2 n_filters + 20)``; padding is masked."""
        here = (x.sum(dim=1, keepdim=True) > 0).to(x.dtype)  # (n, 1, length)
        size = here.sum(dim=2).clamp(min=1)  # (n, 1)
        composition = x.sum(dim=2) / size
        if masking > 0:
            x = x * torch.empty_like(here).bernoulli_(1 - masking, generator=generator)
        h = functional.relu(self.first(x)) * here
        if len(self.deeper):
            h, here = (functional.max_pool1d(part, _POOL, ceil_mode=True) for part in (h, here))
        for layer in self.deeper:
            h = h + functional.relu(layer(h)) * here
        mean = h.sum(dim=2) / here.sum(dim=2).clamp(min=1)
        return torch.cat([h.amax(dim=2), mean, composition], dim=1)


def implications(n_terms: int, parents: ArrayLike | None) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return all pairs ``(m, 2)`` of a term and one that it implies, itself included, sorted by the implied one."""
    pairs = np.asarray([] if parents is None else parents, dtype=np.int64).reshape(-1, 2)
    if pairs.size and not (pairs.min() >= 0 and pairs.max() < n_terms):
        raise ValueError(f"parents are pairs of columns, 0 to {n_terms - 1}, got {pairs.min()} to {pairs.max()}")
    above = np.eye(n_terms, dtype=bool)
    step = above.copy()
    step[pairs[:, 0], pairs[:, 1]] = True
    while (wider := (above.astype(np.float32) @ step.astype(np.float32)) > 0).sum() > above.sum():
        above = wider
    if (above & above.T).sum() > n_terms:
        stuck = np.flatnonzero((above & above.T).sum(axis=1) > 1)[:10].tolist()
        raise ValueError(f"a term can't imply itself; the terms in columns {stuck} stand in a cycle: remove it")
    implied, term = np.nonzero(above.T)
    return np.stack([term, implied], axis=1)


def _log_odds(n_terms: int, frequencies: ArrayLike | None) -> torch.Tensor:
    """Return the log odds of each term's frequency, ``(n_terms,)``."""
    shares = torch.as_tensor(np.full(n_terms, 0.5) if frequencies is None else np.asarray(frequencies)).float()
    if shares.shape != (n_terms,) or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"frequencies are {n_terms} shares between 0 and 1, got {frequencies!r}")
    return shares.clamp(1e-4, 1 - 1e-4).logit()


def _micro_f1(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    called = (logits >= 0).to(target.dtype)
    return 2 * (called * target).sum() / (called.sum() + target.sum()).clamp(min=1)
