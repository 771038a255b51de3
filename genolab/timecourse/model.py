"""A recurrent network over expression profiles: what a gene is by its course, and how its course goes on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, NamedTuple, TypeVar

import torch
from torch import nn
from torch.nn import functional

from genolab.config import check, control, share_control
from genolab.data.dataset import AnnDataset, Batch, aligned
from genolab.models.ensemble import Ensemble, mixture
from genolab.models.layers import covariate_width, drop, encode_covariates, evaluating, seeded, standard_normal

Cell = Literal["gru", "lstm"]

_NORMAL_90: Final = 1.6449  # a normal distribution has 90 % within so many standard deviations
_CUTS: Final = 4  # places at which each profile is cut in a training step, to forecast the rest
_VALIDATION_CUTS: Final = (0.4, 0.6, 0.8)  # shares of a profile after which it is forecast to evaluate a model
_RIDGE: Final = 0.5  # measurements' worth of evidence that there is no wave


@dataclass(frozen=True)
class ExpressionRNNConfig:
    """How an `ExpressionRNN` was built, and what of it may change while it trains."""

    n_classes: int | None = None
    cell: Cell = "gru"
    n_hidden: int = 48
    n_latent: int = 16
    harmonics: int = 2
    period: float = 1.0
    members: int = 1
    covariates: Mapping[str, int] = field(default_factory=dict)
    dropout: float = share_control(0.3, "Share of latent values dropped while training.")
    input_dropout: float = share_control(0.2, "Share of the measurements hidden, as if never made, while training.")
    noise: float = control(
        0.2, low=0, high=2, live=True, help="Standard deviation of what is added to the values while training."
    )
    time_shift: float = control(
        0.03, low=0, high=0.5, live=True, unit="cycles", help="How far a profile is moved in time while training."
    )
    label_smoothing: float = share_control(
        0.05, "Share of a class's certainty spread over all classes while training.", high=0.5
    )
    seed: int = 0

    def __post_init__(self) -> None:
        sizes = (self.n_hidden, self.n_latent, self.harmonics, self.members)
        if min(sizes) < 1 or not self.period > 0:
            raise ValueError(
                "an ExpressionRNN needs sizes of at least 1 and a period above 0, got "
                f"n_hidden={self.n_hidden}, n_latent={self.n_latent}, harmonics={self.harmonics}, "
                f"members={self.members}, period={self.period}"
            )
        if self.cell not in {"gru", "lstm"}:
            raise ValueError(f"cell must be 'gru' or 'lstm', got {self.cell!r}")
        if self.n_classes is not None and self.n_classes < 2:
            raise ValueError(
                f"there must be at least 2 classes, got n_classes={self.n_classes}; None forecasts instead"
            )
        check(self)


# ---- what is read: the measurements that were made ---------------------------------------------------------------
# A value that is missing and a sample that was never taken are the same thing: nothing was measured then. So gaps are
# closed, and each measurement says when it was made and how long after the one before; nothing is imputed.


class Measurements(NamedTuple):
    """Measurements in the order of time, moved together to the front of each row, ``(n, length)`` each.

    `mask` says where there is a measurement; `values` and `times` are 0 elsewhere. `last` is, for each position of the
    profile as it came, the number of the last measurement up to then; -1 before the first.
    """

    values: torch.Tensor
    times: torch.Tensor
    mask: torch.Tensor
    last: torch.Tensor


def pack_measurements(values: torch.Tensor, times: torch.Tensor) -> Measurements:
    """Close the gaps of profiles ``(n, length)``, NaN where nothing was measured."""
    known = torch.isfinite(values) & torch.isfinite(times)
    order = torch.argsort((~known).to(torch.int8), dim=1, stable=True)
    mask = known.gather(1, order)
    packed = [torch.where(mask, part.gather(1, order), 0.0) for part in (values, times)]
    return Measurements(packed[0], packed[1], mask, known.cumsum(dim=1) - 1)


def harmonics_of(times: torch.Tensor, harmonics: int) -> torch.Tensor:
    """Return sine and cosine of time in cycles and of its multiples, ``(..., 2 * harmonics)``."""
    angles = times[..., None] * torch.arange(1, harmonics + 1, device=times.device) * (2 * math.pi)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def running_cosinor(seen: Measurements) -> torch.Tensor:
    """Return sine and cosine of the wave that fits what was measured up to each measurement, ``(n, length, 2)``.

    Least squares about a level of its own, shrunk to no wave while there is little to go by.
    """
    basis = functional.pad(harmonics_of(seen.times, 1), (1, 0), value=1.0) * seen.mask[:, :, None]  # (n, length, 3)
    products = (basis[:, :, :, None] * basis[:, :, None, :]).cumsum(dim=1) + _RIDGE * torch.eye(3, device=basis.device)
    sums = (basis * seen.values[:, :, None]).cumsum(dim=1)
    wave: torch.Tensor = torch.linalg.solve(products, sums[..., None])[..., 1:, 0]
    return wave


def standardised(values: torch.Tensor) -> torch.Tensor:
    """Take out each profile's own mean and standard deviation; NaN stays.

    A tenth is added to the standard deviation, so that a flat profile's noise isn't blown up to a signal.
    """
    mask = torch.isfinite(values)
    count = mask.sum(dim=1, keepdim=True).clamp_min(1)
    centred = values - torch.where(mask, values, 0.0).sum(dim=1, keepdim=True) / count
    std = (torch.where(mask, centred, 0.0).square().sum(dim=1, keepdim=True) / count).sqrt()
    return centred / (std + 0.1)


def check_profiles(batch: Batch) -> None:
    """Refuse a batch that has no values and times of one shape, a row without values, or times that don't increase."""
    if len(batch.inputs) != 2 or batch.x.ndim != 2 or batch.inputs[0].shape != batch.inputs[1].shape:
        raise ValueError(
            "this model reads values and their times, both (n, length), got the shapes "
            f"{[tuple(x.shape) for x in batch.inputs]}: pass inputs=('obsm/values', 'obsm/time') to AnnDataset, as "
            "gl.timecourse.courses makes them"
        )
    values, times = batch.inputs
    known = torch.isfinite(values)
    if not known.any(dim=1).all():
        raise ValueError(
            f"a profile needs at least one value; {int((~known.any(dim=1)).sum()):,} rows have none: leave them out, "
            "as gl.timecourse.courses does"
        )
    if (known & ~torch.isfinite(times)).any():
        raise ValueError("every value needs a time; some have none: give it, or make the value NaN")
    packed = pack_measurements(times, times)
    if (torch.diff(packed.times, dim=1)[packed.mask[:, 1:]] <= 0).any():
        raise ValueError("times increase along a profile and none occurs twice: sort them, and average what repeats")


# ---- one network -------------------------------------------------------------------------------------------------


class MemberNetwork(nn.Module):
    """One member of the ensemble: a recurrent cell, a latent space, and what is predicted from it."""

    def __init__(self, config: ExpressionRNNConfig) -> None:
        super().__init__()
        self.config = config
        width = 2 + 2 * config.harmonics + covariate_width(config.covariates)
        self.cell = {"gru": nn.GRU, "lstm": nn.LSTM}[config.cell](width, config.n_hidden, batch_first=True)
        self.to_latent = nn.Linear(2 * config.n_hidden + 2, config.n_latent)
        if config.n_classes is None:
            n_waves = 1 + 2 * config.harmonics
            self.to_waves = nn.Linear(config.n_latent + config.n_hidden, n_waves)
            self.to_residual = nn.Sequential(
                nn.Linear(config.n_latent + config.n_hidden + n_waves, config.n_hidden),
                nn.ReLU(),
                nn.Linear(config.n_hidden, 2),
            )
        else:
            self.to_logits = nn.Linear(config.n_latent + 2, config.n_classes)

    def states(self, seen: Measurements, batch: Batch) -> torch.Tensor:
        """Return the recurrent state after each measurement, ``(n, length, n_hidden)``.

        What is read of one: its value, the time since the one before, where in the cycle it was made, the covariates.
        """
        since = torch.diff(seen.times, dim=1, prepend=seen.times[:, :1])
        cycle = harmonics_of(seen.times, self.config.harmonics)
        features = torch.cat([seen.values[:, :, None], since[:, :, None], cycle], dim=2)
        if self.config.covariates:
            own = encode_covariates(batch.covariates, dict(self.config.covariates), seen.values[:, :0])
            features = torch.cat([features, own[:, None].expand(-1, features.shape[1], -1)], dim=2)
        states: torch.Tensor = self.cell(features * seen.mask[:, :, None])[0]
        return states

    def latent(self, seen: Measurements, batch: Batch) -> torch.Tensor:
        """Return the latent of what was seen up to each measurement, ``(n, length, n_latent)``."""
        return self._latent_of(self.states(seen, batch), running_cosinor(seen))

    def _latent_of(self, states: torch.Tensor, wave: torch.Tensor) -> torch.Tensor:
        number = torch.arange(1, states.shape[1] + 1, device=states.device)
        so_far = [states.cumsum(dim=1) / number[:, None], states.cummax(dim=1).values, wave]
        return torch.tanh(self.to_latent(torch.cat(so_far, dim=2)))

    def context(self, seen: Measurements, batch: Batch) -> torch.Tensor:
        """Return latent and state side by side, ``(n, length, n_latent + n_hidden)``: what a forecast starts from."""
        states = self.states(seen, batch)
        return torch.cat([self._latent_of(states, running_cosinor(seen)), states], dim=2)

    def logits(self, seen: Measurements, batch: Batch, generator: torch.Generator | None) -> torch.Tensor:
        """Return the logits of the classes, ``(n, n_classes)``: from the latent, and from the wave that fits."""
        last, wave = seen.last[:, -1:], running_cosinor(seen)
        latent = take(self._latent_of(self.states(seen, batch), wave), last)[:, 0]
        share = self.config.dropout if self.training else 0.0
        logits: torch.Tensor = self.to_logits(
            torch.cat([drop(latent, share, generator), take(wave, last)[:, 0]], dim=1)
        )
        return logits

    def ahead(
        self, context: torch.Tensor, times: torch.Tensor, since: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation at `times`, from contexts ``(..., n_latent + n_hidden)``.

        The mean is a wave, which goes on for ever, and a residual that knows the time `since` the last measurement.
        """
        cycle = harmonics_of(times, self.config.harmonics)
        wave = (self.to_waves(context) * torch.cat([torch.ones_like(cycle[..., :1]), cycle], dim=-1)).sum(dim=-1)
        residual = self.to_residual(torch.cat([context, since[..., None], cycle], dim=-1))
        return wave + residual[..., 0], functional.softplus(residual[..., 1]) + 1e-3


def take(rows: torch.Tensor, number: torch.Tensor) -> torch.Tensor:
    """Return ``rows[i, number[i, j]]``, ``(n, k, width)``, and 0 where the number is below 0."""
    taken = rows.gather(1, number.clamp_min(0)[:, :, None].expand(-1, -1, rows.shape[2]))
    return taken * (number >= 0)[:, :, None]


# ---- the model ---------------------------------------------------------------------------------------------------


Values = TypeVar("Values")


class Forecast(NamedTuple, Generic[Values]):
    """What is expected at given times, and the band in which the value should lie; all ``(n, times)``."""

    mean: Values
    low: Values
    high: Values


class ExpressionRNN(nn.Module):
    """A recurrent network over values and the times at which they were measured.

    It reads one measurement after the other: its value, how long after the one before, and where in the cycle it was
    made. Courses may differ in length and in their time stamps; a missing value is a measurement that wasn't made, and
    leaves no trace. With `n_classes` it predicts classes; else it forecasts: each profile is cut at a random place, and
    what follows is predicted as a normal distribution at any time asked for.

    Parameters
    ----------
    cell
        ``"gru"`` (Cho et al. 2014) or ``"lstm"`` (Hochreiter & Schmidhuber 1997).
    n_hidden, n_latent
        Width of the recurrent state, and of the latent space that is made of it.
    harmonics
        Waves that encode the place in the cycle: once a cycle, twice a cycle ...
    period
        Length of a cycle in the unit of the times; 1 for times in cycles, as `genolab.timecourse.Cycles` gives them.
    members
        Networks from different initial weights, whose outputs are averaged (see `genolab.models.ensemble`).
    covariates
        Further inputs, as ``dataset.covariate_levels`` gives them (``{"course": 4}``).
    dropout, input_dropout, noise, time_shift, label_smoothing
        Against overfitting; see `ExpressionRNNConfig`. All may change while it trains.

    Examples
    --------
    >>> dataset = gl.data.AnnDataset(profiles, ("obsm/values", "obsm/cycles"), target="obs/phase")
    >>> run = gl.Run(ExpressionRNN(5), dataset).fit()
    """

    class_weight: torch.Tensor
    band: torch.Tensor

    def __init__(
        self,
        n_classes: int | None = None,
        *,
        cell: Cell = "gru",
        n_hidden: int = 48,
        n_latent: int = 16,
        harmonics: int = 2,
        period: float = 1.0,
        members: int = 1,
        covariates: Mapping[str, int] | None = None,
        dropout: float = 0.3,
        input_dropout: float = 0.2,
        noise: float = 0.2,
        time_shift: float = 0.03,
        label_smoothing: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__()
        levels = dict(covariates or {})
        sizes = (n_classes, cell, n_hidden, n_latent, harmonics, period, members, levels)
        self.config = ExpressionRNNConfig(*sizes, dropout, input_dropout, noise, time_shift, label_smoothing, seed)
        with seeded(seed):
            self.members: Ensemble[MemberNetwork] = Ensemble(MemberNetwork(self.config) for _ in range(members))
        self.register_buffer("class_weight", torch.ones(n_classes or 0))  # by the training data, see `plan`
        self.register_buffer("band", torch.tensor(_NORMAL_90))  # standard deviations to either side, see `calibrate`

    # ---- predict ---------------------------------------------------------------------------------------------------

    def hidden(self, batch: Batch) -> torch.Tensor:
        """Return the recurrent state after each time of the profiles, ``(n, length, members * n_hidden)``.

        Where nothing was measured it is that of the measurement before, and 0 before the first.
        """
        seen = self._measurements(batch)
        return take(self.members.concat(lambda member: member.states(seen, batch), dim=2), seen.last)

    def path(self, batch: Batch) -> torch.Tensor:
        """Return where a profile lies in the latent space by what was seen up to each time.

        ``(n, length, members * n_latent)``; the last is what `embed` gives. Before the first measurement it is 0.
        """
        seen = self._measurements(batch)
        return take(self.members.concat(lambda member: member.latent(seen, batch), dim=2), seen.last)

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the latent of whole profiles, ``(n, members * n_latent)``."""
        return self.path(batch)[:, -1]

    def logits(self, batch: Batch) -> torch.Tensor:
        """Return the logits of the classes, the mean over the members, ``(n, n_classes)``."""
        return self._each(batch).mean(dim=0)

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the classes, ``(n, n_classes)``.

        A model that forecasts gives what it expects at each time from what came before it, ``(n, length)``, NaN up to
        the first measurement.
        """
        if self.config.n_classes is not None:
            return self._each(batch).softmax(dim=2).mean(dim=0)
        seen = self._measurements(batch)
        before = functional.pad(seen.last[:, :-1], (1, 0), value=-1)
        times = torch.nan_to_num(batch.inputs[1] / self.config.period)
        mean = self.members.stack(lambda member: self._after(member, seen, batch, before, times)[0]).mean(dim=0)
        return torch.where(before >= 0, mean, torch.nan)

    def forecast(
        self,
        values: torch.Tensor,
        times: torch.Tensor,
        at: torch.Tensor,
        covariates: Mapping[str, torch.Tensor] | None = None,
    ) -> Forecast[torch.Tensor]:
        """Forecast profiles: mean, low and high, ``(n, k)`` each, with a band of 90 % or of what `calibrate` made it.

        `values` and `times` are of what was measured so far, ``(n, length)``, NaN where nothing was; `at`, ``(n, k)``,
        are later times, where NaN gives NaN. `covariates` are codes or values a row, for a model that was built with
        some.
        """
        self._check_forecasts()
        batch = Batch((values, times), None, covariates or {}, torch.arange(len(values), device=values.device))
        seen, asked = self._measurements(batch), at / self.config.period
        last = seen.last[:, -1:].expand(-1, at.shape[1])
        mean, std = _mixed([self._after(member, seen, batch, last, asked) for member in self.members])
        return Forecast(mean, mean - self.band * std, mean + self.band * std)

    def calibrate(self, dataset: AnnDataset, *, coverage: float = 0.9) -> float:
        """Widen or narrow the band until it has its coverage on profiles that were neither trained on nor tested.

        Split conformal prediction (Vovk et al. 2005; Lei et al. 2018): each profile is cut as in validation, and the
        band becomes as many standard deviations as the needed share of the errors had. That number is kept in the
        model, and returned.
        """
        self._check_forecasts()
        dataset = aligned(self, dataset)
        with evaluating(self):
            errors = torch.cat([self._errors(batch.to(self.band.device)) for batch in dataset.batches(1024)])
        # The finite-sample rank: of n errors the one at (n + 1) * coverage
        rank = min(len(errors), int(-(-(len(errors) + 1) * coverage // 1)))
        self.band.copy_(errors.sort().values[rank - 1])
        return float(self.band)

    # ---- learn -----------------------------------------------------------------------------------------------------

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean loss over the rows: cross-entropy of classes, or the negative log-likelihood of what follows.

        In training it is the mean of the members' losses, else that of their mean prediction. ``accuracy`` or
        ``squared_error`` go along.
        """
        batch = self._augmented(batch) if self.training else batch
        if self.config.n_classes is None:
            return self._forecast_loss(batch)
        if batch.target is None:
            raise ValueError("to predict classes a target is needed: pass target='obs/...' to AnnDataset")
        logits = self._each(batch)  # (members, n, n_classes)
        logits = logits if self.training else logits.mean(dim=0, keepdim=True)
        loss = functional.cross_entropy(
            logits.flatten(0, 1),
            batch.target.repeat(len(logits)),
            weight=self.class_weight,
            label_smoothing=self.config.label_smoothing if self.training else 0.0,
        )
        return {"loss": loss, "accuracy": (logits.argmax(dim=2) == batch.target).to(loss.dtype).mean()}

    def _forecast_loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        seen = self._measurements(batch)
        noisy, cuts = self._noisy(seen, batch.generator), self._cuts(seen, batch.generator)  # cuts (n, cuts)
        pairs = [self._after_cuts(member, noisy, batch, cuts) for member in self.members]  # (n, cuts, length) each
        mean, std = map(torch.stack, zip(*pairs, strict=True)) if self.training else (x[None] for x in _mixed(pairs))
        follows = _following(seen, cuts).expand_as(mean)
        error = seen.values[:, None] - mean
        nll = 0.5 * (error / std).square() + std.log()
        return {"loss": nll[follows].mean(), "squared_error": error[follows].square().mean()}

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, weight the classes, and say what will be learned.

        A class is weighted by the root of how rare it is: one of a quarter of the rows counts twice as much a row.
        """
        del total_steps
        counts = torch.zeros(self.config.n_classes or 0)
        for batch in dataset.batches(8192):
            check_profiles(batch)
            if self.config.n_classes is not None:
                counts += _class_counts(batch, dataset, self.config.n_classes)
        rows = f"{len(dataset):,} profiles of up to {dataset.n_features:,} times"
        several = f", {self.config.members} networks side by side" if self.config.members > 1 else ""
        if self.config.n_classes is None:
            return f"Forecast what follows in {rows}{several}."
        self.class_weight.copy_((counts.sum() / self.config.n_classes / counts.clamp_min(1)).sqrt())
        return f"Cross-entropy over {self.config.n_classes} classes, {rows}{several}."

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _measurements(self, batch: Batch) -> Measurements:
        values, times = batch.inputs
        # The spread of a whole profile holds its end, so a model that forecasts must not see it
        values = values if self.config.n_classes is None else standardised(values)
        return pack_measurements(values, times / self.config.period)

    def _each(self, batch: Batch) -> torch.Tensor:
        """Return every member's logits, ``(members, n, n_classes)``."""
        if self.config.n_classes is None:
            raise ValueError("this model forecasts and knows no classes: build it with n_classes")
        seen = self._noisy(self._measurements(batch), batch.generator)
        generator = batch.generator if self.training else None
        return self.members.stack(lambda member: member.logits(seen, batch, generator))

    def _check_forecasts(self) -> None:
        if self.config.n_classes is not None:
            raise ValueError("this model predicts classes: build it with n_classes=None to forecast")

    def _augmented(self, batch: Batch) -> Batch:
        """Hide measurements, and move the profiles in time."""
        values, times = batch.inputs
        hidden = torch.empty_like(values).bernoulli_(self.config.input_dropout, generator=batch.generator).bool()
        few = torch.isfinite(values).sum(dim=1, keepdim=True) < 4
        values = torch.where(hidden & ~few, torch.nan, values)
        moved = self.config.time_shift * self.config.period * standard_normal(times[:, :1], batch.generator)
        return Batch((values, times + moved), batch.target, batch.covariates, batch.rows, generator=batch.generator)

    def _noisy(self, seen: Measurements, generator: torch.Generator | None) -> Measurements:
        """Add noise in training."""
        if not self.training:
            return seen
        noise = self.config.noise * standard_normal(seen.values, generator)
        return seen._replace(values=torch.where(seen.mask, seen.values + noise, 0.0))

    def _cuts(self, seen: Measurements, generator: torch.Generator | None) -> torch.Tensor:
        """Return the numbers of the measurements after which profiles are cut, ``(n, cuts)``."""
        most = (seen.mask.sum(dim=1) - 1).clamp_min(1)[:, None]  # something is left to forecast
        if self.training:
            share = torch.rand(len(most), _CUTS, generator=generator, device=most.device)
        else:
            share = torch.tensor(_VALIDATION_CUTS, device=most.device).expand(len(most), -1)
        return (share * most).long()

    def _after(
        self, member: MemberNetwork, seen: Measurements, batch: Batch, last: torch.Tensor, times: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation at each of `times`, as seen from the measurement `last`, ``(n, k)``."""
        since = times - seen.times.gather(1, last.clamp_min(0))
        return member.ahead(take(member.context(seen, batch), last), times, since)

    def _after_cuts(
        self, member: MemberNetwork, seen: Measurements, batch: Batch, cuts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of all measurements as seen from the cuts, ``(n, cuts, length)`` each."""
        context = take(member.context(seen, batch), cuts)[:, :, None]  # (n, cuts, 1, width)
        times = seen.times[:, None].expand(-1, cuts.shape[1], -1)
        since = times - seen.times.gather(1, cuts)[:, :, None]
        return member.ahead(context.expand(-1, -1, times.shape[2], -1), times, since)

    def _errors(self, batch: Batch) -> torch.Tensor:
        """Return how many standard deviations the forecasts are off, all in one row."""
        seen = self._measurements(batch)
        cuts = self._cuts(seen, None)
        mean, std = _mixed([self._after_cuts(member, seen, batch, cuts) for member in self.members])
        return ((seen.values[:, None] - mean).abs() / std)[_following(seen, cuts)]


def _following(seen: Measurements, cuts: torch.Tensor) -> torch.Tensor:
    """Return which measurements come after each cut, ``(n, cuts, length)``."""
    number = torch.arange(seen.mask.shape[1], device=cuts.device)
    return seen.mask[:, None] & (number > cuts[:, :, None])


def _mixed(members: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of the mixture of the members' normal distributions."""
    means, stds = (torch.stack(part) for part in zip(*members, strict=True))
    mean, variance = mixture(means, stds.square())
    return mean, variance.sqrt()


def _class_counts(batch: Batch, dataset: AnnDataset, n_classes: int) -> torch.Tensor:
    if batch.target is None or batch.target.dtype != torch.int64:
        raise ValueError("to predict classes a column of categories is needed: pass target='obs/...' to AnnDataset")
    if len(dataset.target_names) != n_classes:
        raise ValueError(
            f"this model was built for {n_classes} classes, but the target has {len(dataset.target_names)}: build it "
            f"with n_classes={len(dataset.target_names)}"
        )
    return torch.bincount(batch.target, minlength=n_classes).float().cpu()
