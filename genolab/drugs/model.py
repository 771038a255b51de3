"""How a context, a target or a cell line, responds to a compound, and how uncertain that is: a two-tower network."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from genolab.checks import check_at_least, check_one_of, check_share
from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch, aligned
from genolab.drugs.pairs import CENSORED, Pairs, check_codes, feature_matrix, pair_codes, read_pairs
from genolab.models.ensemble import Ensemble, mixture
from genolab.models.layers import drop, evaluating, seeded

Kind = Literal["features", "tokens", "recurrent"]
"""How a side is encoded: features, tokens by a convolutional network, or tokens by a recurrent one."""

_N_TOKENS: Final = 256  # what a byte can hold; 0 is padding
_TOKEN_WIDTH: Final = 32
_KERNEL: Final = 7  # tokens that a filter covers: about a group of atoms, or two turns of a helix
_MIN_VARIANCE: Final = 1e-4  # of a standardised response, so that the likelihood stays bounded
_MAX_MARKS: Final = 8  # more than obs["censored"] has
_MAX_LOG_TEMPERATURE: Final = 3.0
_ROWS_AT_ONCE: Final = 8192
_SIDES: Final = ("compounds", "contexts")


# ---- one side of a pair: a table, a row a compound or a context, and its encoder -----------------------------------


class FeatureTable(nn.Module):
    """Features ``(n, f)``, centred, projected onto `n_axes` principal axes where there are more, and of a common scale.

    Counts, of an unsigned type, become log1p: a substructure that occurs twice isn't twice as informative.
    """

    rows: torch.Tensor
    centre: torch.Tensor
    axes: torch.Tensor
    scale: torch.Tensor
    counts: torch.Tensor

    def __init__(self, table: Any, n_axes: int | None, name: str) -> None:
        super().__init__()
        raw = feature_matrix(table, name)
        self.name, self.n_features = name, raw.shape[1]
        self.register_buffer("counts", torch.tensor(raw.dtype.kind == "u"))
        values = self._values(raw)
        centre = values.mean(axis=0)
        projected = n_axes is not None and min(values.shape) > n_axes
        axes = _principal_axes(values - centre, n_axes) if projected else np.zeros((0, 0), np.float32)
        rows = (values - centre) @ axes if projected else values - centre
        scale = float(np.sqrt((rows**2).mean())) or 1.0
        self.register_buffer("rows", torch.from_numpy(rows / np.float32(scale)))  # (n, width)
        self.register_buffer("centre", torch.from_numpy(centre))  # (f,)
        self.register_buffer("axes", torch.from_numpy(axes))  # (f, width)
        self.register_buffer("scale", torch.tensor(scale))

    def transform(self, table: ArrayLike) -> torch.Tensor:
        """Return other features ``(m, f)`` as rows of the table, ``(m, width)``."""
        raw = feature_matrix(table, self.name)
        if raw.shape[1] != self.n_features:
            raise ValueError(
                f"{self.name} has {self.n_features:,} features, got {raw.shape[1]:,}: make them as the model's own"
            )
        values = torch.from_numpy(self._values(raw)).to(self.rows.device) - self.centre
        return (values @ self.axes if len(self.axes) else values) / self.scale

    def _values(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        values = raw.astype(np.float32)
        return np.log1p(values) if self.counts else values

    def encoder(self, hidden: int, width: int) -> nn.Module:
        """Return layers from rows of this table to ``(n, width)``."""
        return FeatureEncoder(self.rows.shape[1], hidden, width)


class TokenTable(nn.Module):
    """Sequences as tokens ``(n, length)`` uint8, padded with 0, such as SMILES or proteins."""

    rows: torch.Tensor

    def __init__(self, table: Any, name: str, *, recurrent: bool) -> None:
        super().__init__()
        self.name, self.recurrent = name, recurrent
        self.register_buffer("rows", self.transform(table))  # (n, length)

    def transform(self, table: ArrayLike) -> torch.Tensor:
        """Return other sequences, ``(m, length)`` uint8 of any length, as rows of the table."""
        codes = feature_matrix(table, self.name)
        if codes.dtype != np.uint8:
            raise ValueError(
                f"{self.name} as tokens must be bytes, (n, length) uint8, got {codes.dtype}: features are of kind "
                "'features'"
            )
        if not codes.any(axis=1).all():
            raise ValueError(f"{self.name} has a sequence without tokens, in row {int((~codes.any(axis=1)).argmax())}")
        return torch.from_numpy(codes)

    def encoder(self, hidden: int, width: int) -> nn.Module:
        """Return layers from rows of this table to ``(n, width)``."""
        return RecurrentEncoder(hidden, width) if self.recurrent else ConvEncoder(hidden, width)


class FeatureEncoder(nn.Module):
    """Two linear layers."""

    def __init__(self, n_features: int, hidden: int, width: int) -> None:
        super().__init__()
        self.to_hidden = nn.Linear(n_features, hidden)
        self.to_vector = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None) -> torch.Tensor:
        """Encode ``(n, n_features)``; `dropout` is of the hidden layer."""
        vector: torch.Tensor = self.to_vector(drop(self.to_hidden(x).relu(), dropout, generator))
        return vector  # (n, width)


class ConvEncoder(nn.Module):
    """Two convolutions over tokens and the maximum over the sequence; the second sees 19 tokens, padding is masked."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.to_tokens = nn.Embedding(_N_TOKENS, _TOKEN_WIDTH, padding_idx=0)
        self.first = nn.Conv1d(_TOKEN_WIDTH, hidden, _KERNEL, padding="same")
        self.second = nn.Conv1d(hidden, hidden, _KERNEL, padding="same", dilation=2)
        self.to_vector = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None) -> torch.Tensor:
        """Encode ``(n, length)`` uint8; `dropout` is of the maxima."""
        codes = x[:, : int((x != 0).sum(dim=1).max())].int()
        mask = (codes != 0)[:, None]  # (n, 1, length)
        h = functional.relu(self.first(self.to_tokens(codes).transpose(1, 2))) * mask  # (n, hidden, length)
        h = (h + functional.relu(self.second(h))) * mask
        vector: torch.Tensor = self.to_vector(drop(h.amax(dim=2), dropout, generator))
        return vector  # (n, width)


class RecurrentEncoder(nn.Module):
    """The last states of a bidirectional GRU over tokens; about three times as slow as convolutions."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.to_tokens = nn.Embedding(_N_TOKENS, _TOKEN_WIDTH, padding_idx=0)
        self.units = nn.GRU(_TOKEN_WIDTH, hidden, batch_first=True, bidirectional=True)
        self.to_vector = nn.Linear(2 * hidden, width)

    def forward(self, x: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None) -> torch.Tensor:
        """Encode ``(n, length)`` uint8; `dropout` is of the last states."""
        lengths = ((x != 0) * torch.arange(1, x.shape[1] + 1, device=x.device)).amax(dim=1).cpu()
        packed = pack_padded_sequence(self.to_tokens(x.int()), lengths, batch_first=True, enforce_sorted=False)
        _, states = self.units(packed)  # (2, n, hidden)
        vector: torch.Tensor = self.to_vector(drop(torch.cat([*states], dim=1), dropout, generator))
        return vector  # (n, width)


def _table(values: Any, kind: Kind, n_axes: int | None, name: str) -> FeatureTable | TokenTable:
    if kind == "features":
        return FeatureTable(values, n_axes, name)
    return TokenTable(values, name, recurrent=kind == "recurrent")


def _principal_axes(values: NDArray[np.float32], count: int | None) -> NDArray[np.float32]:
    """Return the first principal axes ``(f, count)`` of centred values, each with its largest entry positive."""
    few_rows = len(values) < values.shape[1]
    product = values @ values.T if few_rows else values.T @ values
    eigenvalues, vectors = np.linalg.eigh(product.astype(np.float64))
    kept = np.argsort(-eigenvalues, kind="stable")[:count]
    axes = values.T.astype(np.float64) @ vectors[:, kept] if few_rows else vectors[:, kept]
    axes /= np.maximum(np.linalg.norm(axes, axis=0), 1e-12)
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(axes, dtype=np.float32)


# ---- one network ---------------------------------------------------------------------------------------------------


class Network(nn.Module):
    """An encoder and an embedding for each side, layers over both, and the last layer, which `head` makes."""

    def __init__(
        self,
        compounds: FeatureTable | TokenTable,
        contexts: FeatureTable | TokenTable,
        width: int,
        hidden: int,
        head: Callable[[int, int], nn.Module],
    ) -> None:
        super().__init__()
        self.compound = compounds.encoder(max(1, hidden // 2), width)
        self.context = contexts.encoder(max(1, hidden // 2), width)
        self.compound_embedding = nn.Embedding(len(compounds.rows), width)
        self.context_embedding = nn.Embedding(len(contexts.rows), width)
        for embedding in (self.compound_embedding, self.context_embedding):
            nn.init.zeros_(embedding.weight)  # it stays zero for what isn't in the training rows
        self.first = nn.Linear(3 * width, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.head = head(3 * width, hidden)

    def encode(
        self,
        compounds: torch.Tensor,
        contexts: torch.Tensor,
        batch: Batch,
        id_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> torch.Tensor:
        """Return the vectors of both sides of each pair and their product, ``(n, 3 width)``; rows are encoded once."""
        compound, context = pair_codes(batch.x)
        vectors = []
        for codes, rows, encoder, embedding in (
            (compound, compounds, self.compound, self.compound_embedding),
            (context, contexts, self.context, self.context_embedding),
        ):
            distinct, place = torch.unique(codes, return_inverse=True)
            own = embedding(codes)
            if id_dropout:
                own = own * torch.empty_like(own[:, :1]).bernoulli_(1 - id_dropout, generator=batch.generator)
            vectors.append(encoder(rows[distinct], dropout, batch.generator)[place] + own)
        return _with_product(*vectors)

    def encode_new(self, rows: torch.Tensor, known: torch.Tensor, number: int, *, side: str) -> torch.Tensor:
        """Return the vectors of new rows of one side and the known row `number` of the other, ``(n, 3 width)``."""
        if side == "compounds":
            new, other = self.compound(rows), self.context(known) + self.context_embedding.weight[number]
            return _with_product(new, other.expand_as(new))
        new, other = self.context(rows), self.compound(known) + self.compound_embedding.weight[number]
        return _with_product(other.expand_as(new), new)

    def hidden(
        self, vectors: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return the last hidden layer, ``(n, hidden)``."""
        x = drop(self.first(drop(vectors, dropout, generator)).relu(), dropout, generator)
        return drop(self.second(x).relu(), dropout, generator)

    def output(
        self, vectors: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return the outputs of the head, ``(n, outputs)``."""
        outputs: torch.Tensor = self.head(vectors, self.hidden(vectors, dropout, generator))
        return outputs


def _with_product(compound: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    return torch.cat([compound, context, compound * context], dim=1)  # (n, 3 width)


# ---- the outcome: what the outputs of all networks, (members, n, outputs), mean ----------------------------------


class Score(NamedTuple):
    """Responses or probabilities, of two classes of the second, and their standard deviations: ``(n,)`` each."""

    mean: torch.Tensor
    spread: torch.Tensor


class RegressionHead(nn.Module):
    """Mean and variance of the standardised response, ``(n, 2)``; learning the variance moves nothing else."""

    def __init__(self, n_vectors: int, hidden: int) -> None:
        super().__init__()
        self.to_mean = nn.Linear(hidden, 1)
        self.variance_hidden = nn.Linear(n_vectors + hidden, max(1, hidden // 4))
        self.to_variance = nn.Linear(max(1, hidden // 4), 1)

    def forward(self, vectors: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Read the vectors of both sides, and the last hidden layer."""
        h = self.variance_hidden(torch.cat([vectors, hidden], dim=1).detach()).relu()
        variance = functional.softplus(self.to_variance(h)) + _MIN_VARIANCE
        return torch.cat([self.to_mean(hidden), variance], dim=1)


class Regression(nn.Module):
    """A response that is a number, or a bound of one."""

    centre: torch.Tensor
    scale: torch.Tensor
    spread_factor: torch.Tensor
    bounds: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(0.0))  # of the response, from the training rows
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("spread_factor", torch.tensor(1.0))  # by `calibrate`
        self.register_buffer("bounds", torch.zeros(_MAX_MARKS))  # a code of obs["censored"]: -1 at most, 1 at least

    def head(self, n_vectors: int, hidden: int) -> nn.Module:
        """Return the last layer of one network."""
        return RegressionHead(n_vectors, hidden)

    def prepare(self, pairs: Pairs, dataset: AnnDataset) -> str:
        """Take the response's mean and scale from the training rows, and name the loss; or refuse them."""
        response = pairs.response
        if not np.isfinite(response).all():
            raise ValueError(
                "the response must be known for every row, and holds NaN or infinity: leave those rows out"
            )
        if response.min() == response.max():
            raise ValueError(f"all responses are {response[0]:g}: there is nothing to learn")
        self.centre.fill_(float(response.mean()))
        self.scale.fill_(float(response.std()))
        self.bounds.copy_(_bounds(dataset))
        return "Squared error of the response"

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the responses, ``(n,)``."""
        return self.score(outputs).mean

    def score(self, outputs: torch.Tensor) -> Score:
        """Return mean and spread of the networks' mixture, in the response's unit."""
        mean, variance = mixture(*outputs.unbind(dim=2))
        return Score(mean * self.scale + self.centre, variance.sqrt() * self.scale * self.spread_factor)

    def loss(self, outputs: torch.Tensor, batch: Batch, *, training: bool) -> dict[str, torch.Tensor]:
        """Return the squared error of the standardised response plus the variance's part, and the error itself."""
        means, variances = outputs.unbind(dim=2)
        if not training:
            score = self.score(outputs)
            means, variances = (score.mean - self.centre) / self.scale, (score.spread / self.scale).square()
        squared = self._residual((_target(batch) - self.centre) / self.scale - means, batch).square()
        likelihood = (squared.detach() / variances + variances.log()).mean() / 2
        return {"loss": squared.mean() + likelihood, "mse": squared.detach().mean() * self.scale.square()}

    def calibrate(self, held_out: Iterable[tuple[torch.Tensor, Batch]], coverage: float) -> float:
        """Scale the spread so that the central intervals of `coverage` hold that share of the rows."""
        z = []
        for outputs, batch in held_out:
            mean, spread = self.score(outputs)
            z.append(self._residual(_target(batch) - mean, batch).abs() / (spread / self.spread_factor))
        nominal = NormalDist().inv_cdf((1 + coverage) / 2)
        self.spread_factor.fill_(float(torch.cat(z).cpu().double().quantile(coverage)) / nominal)
        return float(self.spread_factor)

    def _residual(self, residual: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Return residuals ``(..., n)``; 0 on the right side of a bound."""
        if "censored" not in batch.covariates:
            return residual
        bound = self.bounds[batch.covariates["censored"]]
        one_sided = torch.where(bound < 0, residual.clamp(max=0), residual.clamp(min=0))
        return torch.where(bound == 0, residual, one_sided)


class ClassificationHead(nn.Module):
    """A logit for each class, ``(n, classes)``."""

    def __init__(self, hidden: int, n_classes: int) -> None:
        super().__init__()
        self.to_logits = nn.Linear(hidden, n_classes)

    def forward(self, _vectors: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Read the last hidden layer."""
        logits: torch.Tensor = self.to_logits(hidden)
        return logits


class Classification(nn.Module):
    """A response that is one of several classes, such as inactive and active."""

    temperature: torch.Tensor

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.register_buffer("temperature", torch.tensor(1.0))  # by `calibrate`

    def head(self, _n_vectors: int, hidden: int) -> nn.Module:
        """Return the last layer of one network."""
        return ClassificationHead(hidden, self.n_classes)

    def prepare(self, pairs: Pairs, dataset: AnnDataset) -> str:
        """Name the loss; or refuse the training rows."""
        if pairs.response.min() == pairs.response.max():
            only = dataset.target_names[int(pairs.response[0])]
            raise ValueError(f"all rows are {only!r}: there is nothing to learn")
        return f"Cross-entropy of {' and '.join(map(repr, dataset.target_names))}"

    def predict(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of all classes, ``(n, classes)``."""
        return (outputs / self.temperature).softmax(dim=2).mean(dim=0)

    def score(self, outputs: torch.Tensor) -> Score:
        """Return probabilities and their standard deviation between the networks: of two classes, of the second."""
        each = (outputs / self.temperature).softmax(dim=2)
        if self.n_classes == 2:
            each = each[..., 1]
        return Score(each.mean(dim=0), each.std(dim=0, correction=0))

    def loss(self, outputs: torch.Tensor, batch: Batch, *, training: bool) -> dict[str, torch.Tensor]:
        """Return the cross-entropy, of each network while training, else of their mean; and the accuracy."""
        target = _target(batch)
        accuracy = (self.predict(outputs).detach().argmax(dim=1) == target).float().mean()
        if training:
            loss = functional.cross_entropy(outputs.flatten(0, 1), target.repeat(len(outputs)))
        else:
            loss = functional.nll_loss(_log_mean(outputs / self.temperature), target)
        return {"loss": loss, "accuracy": accuracy}

    def calibrate(self, held_out: Iterable[tuple[torch.Tensor, Batch]], _coverage: float) -> float:
        """Set the temperature (Guo et al. 2017) by which the classes of held-out rows are the most probable."""
        from scipy.optimize import minimize_scalar

        outputs, targets = zip(
            *((outputs.cpu().double(), _target(batch).cpu()) for outputs, batch in held_out), strict=True
        )
        logits, target = torch.cat(outputs, dim=1), torch.cat(targets)

        def loss(log_temperature: float) -> float:
            return float(functional.nll_loss(_log_mean(logits / math.exp(log_temperature)), target))

        best = minimize_scalar(loss, bounds=(-_MAX_LOG_TEMPERATURE, _MAX_LOG_TEMPERATURE), method="bounded")
        self.temperature.fill_(math.exp(best.x))
        return float(self.temperature)


def _log_mean(logits: torch.Tensor) -> torch.Tensor:
    """Return the logarithms of the networks' mean probabilities, ``(n, classes)``, never of zero."""
    return torch.logsumexp(logits.log_softmax(dim=2), dim=0) - math.log(len(logits))


def _target(batch: Batch) -> torch.Tensor:
    if batch.target is None:
        raise ValueError("a ResponseModel learns from a response: pass target='obs/response' to AnnDataset")
    return batch.target.reshape(-1)


def _bounds(dataset: AnnDataset) -> torch.Tensor:
    """Return for each code of the covariate ``censored`` whether the truth is at most (-1) or at least (1) a value."""
    bounds = torch.zeros(_MAX_MARKS)
    if "censored" not in dataset.covariate_levels:
        return bounds
    marks = [str(mark) for mark in dataset.adata.obs["censored"].astype("category").cat.categories]
    if unknown := sorted(set(marks) - {*CENSORED, ""}):
        raise ValueError(f"obs['censored'] holds '<', '>' or nothing, got {unknown[:5]}")
    signs = [CENSORED.index(mark or "=") - 1 for mark in marks]
    bounds[: len(signs)] = torch.tensor(signs, dtype=torch.float32)
    return bounds


# ---- the model -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResponseModelConfig:
    """How a `ResponseModel` was built, and what of it may change while it trains."""

    compound_kind: Kind = "features"
    context_kind: Kind = "features"
    n_axes: int | None = 100
    width: int = 64
    hidden: int = 256
    members: int = 5
    n_classes: int | None = None
    dropout: float = control(0.1, low=0, high=0.9, live=True, help="Share of hidden values dropped while training.")
    id_dropout: float = control(
        0.1,
        low=0,
        high=1,
        live=True,
        help="Share of pairs whose compound, or context, is known by its features alone while training.",
    )
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("compound_kind", "context_kind"):
            check_one_of(name, getattr(self, name), ("features", "tokens", "recurrent"))
        for name in ("width", "hidden", "members"):
            check_at_least(name, getattr(self, name))
        check_at_least("n_axes", 1 if self.n_axes is None else self.n_axes)
        check_at_least("n_classes", 2 if self.n_classes is None else self.n_classes, 2)
        check(self)


class ResponseModel(nn.Module):
    """A network over pairs of a compound and a context that predicts the response, and its uncertainty.

    Each side is encoded from its features and gets an embedding of its own besides, as in matrix factorisation. The
    embedding is zero for what wasn't trained on, and dropped for some of the pairs while training (Volkovs et al. 2017,
    DropoutNet), so that compounds and contexts never seen are predicted from their features. Several networks
    (Lakshminarayanan et al. 2017) each give a mean, learned by squared error, and a variance, learned without moving
    the mean (Stirn et al. 2023); the spread is that of their mixture. Where the response is a class, each gives
    probabilities.

    Parameters
    ----------
    compounds, contexts
        One row for each of ``adata.uns["compounds"]`` and ``adata.uns["contexts"]``: features ``(n, f)``, such as
        fingerprints or k-mers, where unsigned whole numbers become log1p; or tokens ``(n, length)`` uint8.
    compound_kind, context_kind
        ``"features"`` (two linear layers); or, for SMILES or proteins, ``"tokens"`` (a convolutional network) or
        ``"recurrent"`` (a GRU in both directions).
    n_axes
        Principal axes of features that are kept: thousands of k-mers of a few hundred proteins are mostly noise.
        ``None``: all features, as they are.
    width, hidden
        Of the vector of a compound or context, and of the layers over both; the encoders' are half as wide.
    members
        Networks of the ensemble: one is quick, five are more accurate and better calibrated.
    n_classes
        ``None``: the response is a number, or a bound of one. 2 or more: a column of as many categories, in their
        order.
    dropout, id_dropout
        See `ResponseModelConfig`; both may change while it trains. Raise `id_dropout` for compounds never seen.

    Examples
    --------
    >>> kinases = gl.data.fetch("davis")
    >>> pairs = gl.data.AnnDataset(kinases, "obsm/pair", target="obs/response")
    >>> model = ResponseModel(gl.drugs.compounds.fingerprints(kinases.uns["compounds"]["smiles"]), kmers)
    >>> gl.Run(model, train, valid, gl.RunConfig(learning_rate=4e-3, schedule="one cycle")).fit()
    """

    def __init__(
        self,
        compounds: Any,
        contexts: Any,
        *,
        compound_kind: Kind = "features",
        context_kind: Kind = "features",
        n_axes: int | None = 100,
        width: int = 64,
        hidden: int = 256,
        members: int = 5,
        n_classes: int | None = None,
        dropout: float = 0.1,
        id_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = ResponseModelConfig(
            compound_kind, context_kind, n_axes, width, hidden, members, n_classes, dropout, id_dropout, seed
        )
        self.compounds = _table(compounds, compound_kind, n_axes, "compounds")
        self.contexts = _table(contexts, context_kind, n_axes, "contexts")
        self.outcome = Regression() if n_classes is None else Classification(n_classes)
        tables, head = (self.compounds, self.contexts), self.outcome.head
        with seeded(seed):
            self.members: Ensemble[Network] = Ensemble(Network(*tables, width, hidden, head) for _ in range(members))

    @classmethod
    def rebuild(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Self:
        """Return a model with empty tables of the saved sizes, for its weights and tables to be loaded into."""
        tables = []
        for side in _SIDES:
            rows, centre = tensors[f"{side}.rows"], tensors.get(f"{side}.centre")
            shape = rows.shape if centre is None else (len(rows), len(centre))
            tables.append(np.ones(shape, dtype=np.uint8 if centre is None else np.float32))
        return cls(*tables, **config)

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``; or the probabilities of the classes, ``(n, n_classes)``."""
        return self.outcome.predict(self._outputs(batch))

    def spread(self, batch: Batch) -> torch.Tensor:
        """Return the standard deviation of the response, ``(n,)``; of classes, that of the members' probabilities."""
        return self.outcome.score(self._outputs(batch)).spread

    def score(self, compounds: ArrayLike, context: int) -> Score:
        """Return the responses of one context to compounds that are in no table, from their features alone, on the CPU.

        `compounds` are features ``(m, f)`` or tokens ``(m, length)`` made as the model's own, `context` is a row of its
        table.
        """
        return self._score(self.compounds.transform(compounds), self.contexts, context, side="compounds")

    def score_contexts(self, compound: int, contexts: ArrayLike) -> Score:
        """Return the responses of contexts that are in no table to the compound of that number; see `score`."""
        return self._score(self.contexts.transform(contexts), self.compounds, compound, side="contexts")

    @torch.no_grad()
    def _score(self, rows: torch.Tensor, known: FeatureTable | TokenTable, number: int, *, side: str) -> Score:
        """Score new rows of one side with the known row `number` of the other, block by block."""
        if not 0 <= number < len(known.rows):
            raise ValueError(f"{known.name} are the rows 0 to {len(known.rows) - 1:,} of their table, got {number}")
        other, rows = known.rows[number : number + 1], rows.to(known.rows.device)
        scores = []
        for block in torch.split(rows, _ROWS_AT_ONCE):
            vectors = [member.encode_new(block, other, number, side=side) for member in self.members]
            outputs = [member.output(x) for member, x in zip(self.members, vectors, strict=True)]
            scores.append(self.outcome.score(torch.stack(outputs)))
        return Score(*(torch.cat(parts).cpu() for parts in zip(*scores, strict=True)))

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the last layer before the outputs, of all members side by side, ``(n, members * hidden)``."""
        tables = (self.compounds.rows, self.contexts.rows)
        return self.members.concat(lambda member: member.hidden(member.encode(*tables, batch)))

    @torch.no_grad()
    def compound_vectors(self) -> torch.Tensor:
        """Return the vector of each compound of the table, ``(n_compounds, members * width)``, on the CPU."""
        return self.members.concat(lambda m: m.compound(self.compounds.rows) + m.compound_embedding.weight).cpu()

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the loss, and the mean squared error of numbers, or the accuracy of classes.

        The loss is the squared error of the standardised response plus the variance's part, or the cross-entropy: of
        each member while it trains, else of the ensemble. With the covariate ``censored``, bounds are missed on one
        side alone.
        """
        return self.outcome.loss(self._outputs(batch), batch, training=self.training)

    def plan(self, dataset: AnnDataset, _total_steps: int) -> str:
        """Check that the data suit the model before it trains, and describe the training in a sentence."""
        pairs = read_pairs(dataset, n_classes=self.config.n_classes)
        check_codes(pairs.compound, self.compounds.rows, "compounds")
        check_codes(pairs.context, self.contexts.rows, "contexts")
        loss = self.outcome.prepare(pairs, dataset)
        sizes = " and ".join(f"{len(np.unique(codes)):,} {side}" for codes, side in zip(pairs[:2], _SIDES, strict=True))
        return f"{loss} over {len(dataset):,} pairs of {sizes}, {self.config.members} networks."

    def calibrate(self, dataset: AnnDataset, *, coverage: float = 0.9) -> float:
        """Scale the spread so that central intervals, of `coverage`, have it on held-out rows; return the factor.

        Of classes: set the temperature by which those rows' classes are the most probable (Guo et al. 2017), and return
        it. Take rows that the model hasn't learned from, and that are not the test set.
        """
        check_share("coverage", coverage, zero=False, one=False)
        dataset = aligned(self, dataset, target=True)
        device = next(self.parameters()).device
        with evaluating(self):
            batches = [batch.to(device) for batch in dataset.batches(_ROWS_AT_ONCE)]
            return self.outcome.calibrate([(self._outputs(batch), batch) for batch in batches], coverage)

    def _outputs(self, batch: Batch) -> torch.Tensor:
        dropout, id_dropout = (self.config.dropout, self.config.id_dropout) if self.training else (0.0, 0.0)
        tables = (self.compounds.rows, self.contexts.rows)
        return self.members.stack(
            lambda member: member.output(member.encode(*tables, batch, id_dropout, dropout), dropout, batch.generator)
        )
