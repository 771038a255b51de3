"""A recurrent network over expression profiles: what a gene is by its course, and how its course goes on."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from genolab.data.dataset import AnnDataset, Batch
from genolab.models.ensemble import Ensemble, mixture
from genolab.models.layers import seeded, standard_normal
from genolab.timecourse.member import Cell, ExpressionRNNConfig, Member, picked
from genolab.timecourse.profile import Measured, check_profiles, measured, standardised

_NORMAL_90: Final = 1.6449  # a normal distribution has 90 % within so many standard deviations
_CUTS: Final = 4  # places at which each profile is cut in a training step, to forecast the rest
_JUDGED: Final = (0.4, 0.6, 0.8)  # shares of a profile after which it is forecast to judge a model


class Forecast(NamedTuple):
    """What is expected at given times, and the band in which the value should lie; all ``(n, times)``."""

    mean: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor


class ExpressionRNN(nn.Module):
    """A recurrent network over values and the times at which they were measured.

    It reads one measurement after the other: its value, how long after the one before, and where in the cycle it was
    made. Courses may differ in length and in their time stamps; a missing value is a measurement that wasn't made, and
    leaves no trace. With `n_classes` it tells classes apart, each class counting alike; else it learns to go on: each
    profile is cut at a random place, and what follows is forecast as a normal distribution at any time asked for.

    Parameters
    ----------
    n_classes
        Classes to tell apart; ``None``: forecast.
    cell
        ``"gru"`` (Cho et al. 2014) or ``"lstm"`` (Hochreiter & Schmidhuber 1997).
    n_hidden, n_latent
        Width of the recurrent state, and of the latent space that is made of it.
    harmonics
        Waves by which the place in the cycle is told: once a cycle, twice a cycle ...
    period
        Length of a cycle in the unit of the times; 1 for times in cycles, as `genolab.timecourse.Cycles` gives them.
    members
        Networks side by side from different weights, whose answers are averaged (Lakshminarayanan et al. 2017).
    covariates
        What the model is told beside the profile, as ``dataset.covariate_levels`` gives it (``{"course": 4}``).
    dropout, input_dropout, noise, time_shift, label_smoothing
        What keeps it from learning by heart; see `ExpressionRNNConfig`. All may change while it trains.
    seed
        Draws the initial weights.

    Raises
    ------
    ValueError
        A size or a choice makes no sense.

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
            self.members: Ensemble[Member] = Ensemble(Member(self.config) for _ in range(members))
        self.register_buffer("class_weight", torch.ones(n_classes or 0))  # by the training data, see `plan`
        self.register_buffer("band", torch.tensor(_NORMAL_90))  # standard deviations to either side, see `calibrate`

    # ---- what it makes of profiles ---------------------------------------------------------------------------------

    def hidden(self, batch: Batch) -> torch.Tensor:
        """Return the recurrent state after each time of the profiles, ``(n, length, members * n_hidden)``.

        Where nothing was measured it is that of the measurement before, and 0 before the first.
        """
        found = self._measured(batch)
        states = self.members.concat(lambda member: member.states(found, batch), dim=2)
        return picked(states, found.last)

    def path(self, batch: Batch) -> torch.Tensor:
        """Return where a profile lies in the latent space by what was seen up to each time.

        ``(n, length, members * n_latent)``; the last is what `embed` gives. Before the first measurement it is 0.
        """
        found = self._measured(batch)
        latent = self.members.concat(lambda member: member.latent(found, batch), dim=2)
        return picked(latent, found.last)

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the latent of whole profiles, ``(n, members * n_latent)``."""
        return self.path(batch)[:, -1]

    def logits(self, batch: Batch) -> torch.Tensor:
        """Return the scores of the classes, the mean over the members, ``(n, n_classes)``."""
        return self._each(batch).mean(dim=0)

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the probabilities of the classes, ``(n, n_classes)``.

        A model that forecasts gives what it expects at each time from what came before it, ``(n, length)``, NaN up to
        the first measurement.
        """
        if self.config.n_classes is not None:
            return self._each(batch).softmax(dim=2).mean(dim=0)
        before = functional.pad(self._measured(batch).last[:, :-1], (1, 0), value=-1)
        times = torch.nan_to_num(batch.inputs[1] / self.config.period)
        mean = self.members.stack(lambda member: self._ahead(member, batch, before, times)).mean(dim=0)
        return torch.where(before >= 0, mean, torch.nan)

    def forecast(
        self,
        values: torch.Tensor,
        times: torch.Tensor,
        at: torch.Tensor,
        covariates: Mapping[str, torch.Tensor] | None = None,
    ) -> Forecast:
        """Say how profiles go on.

        Parameters
        ----------
        values, times
            What was measured so far, ``(n, length)``, NaN where nothing was.
        at
            Times asked for, ``(n, k)``, later than those; NaN gives NaN.
        covariates
            Codes or values a row, for a model that was built with covariates.

        Returns
        -------
        Forecast
            Mean, low and high, ``(n, k)`` each. The band is one of 90 %, or what `calibrate` made it.

        Raises
        ------
        ValueError
            The model tells classes apart.
        """
        self._check_forecasts()
        batch = Batch((values, times), None, covariates or {}, torch.arange(len(values), device=values.device))
        found, asked = self._measured(batch), at / self.config.period
        each = []
        for member in self.members:
            state = picked(member.summaries(found, batch), found.last[:, -1:]).expand(-1, at.shape[1], -1)
            each.append(member.ahead(state, *_since(found, found.last[:, -1:], asked)))
        mean, spread = _mixed(torch.stack([mean for mean, _ in each]), torch.stack([scale for _, scale in each]))
        return Forecast(mean, mean - self.band * spread, mean + self.band * spread)

    @torch.no_grad()
    def calibrate(self, dataset: AnnDataset, *, coverage: float = 0.9) -> float:
        """Widen or narrow the band until it holds its promise on profiles that weren't trained on.

        Split conformal prediction (Vovk et al. 2005; Lei et al. 2018): each profile is cut as when a model is judged,
        and the band becomes as many standard deviations as the needed share of the misses had.

        Parameters
        ----------
        dataset
            Validation rows; neither trained on nor tested.
        coverage
            Share of the values that should lie in the band.

        Returns
        -------
        float
            Standard deviations to either side; kept in the model, and saved with it.
        """
        self._check_forecasts()
        self.eval()
        misses = [self._misses(batch.to(self.band.device)) for batch in dataset.batches(1024)]
        found = torch.cat(misses)
        # The finite-sample rank: of n misses the one at (n + 1) * coverage
        rank = min(len(found), int(-(-(len(found) + 1) * coverage // 1)))
        self.band.copy_(found.sort().values[rank - 1])
        return float(self.band)

    # ---- how it learns ---------------------------------------------------------------------------------------------

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean loss over the rows: cross-entropy of classes, or the negative log-likelihood of what follows.

        While it trains, each member is judged apart; else their average is. ``accuracy`` or ``squared_error`` go along.
        """
        batch = self._disturbed(batch) if self.training else batch
        if self.config.n_classes is None:
            return self._loss_of_forecasts(batch)
        if batch.target is None:
            raise ValueError("to tell classes apart a target is needed: pass target='obs/...' to AnnDataset")
        logits = self._each(batch)  # (members, n, n_classes)
        logits = logits if self.training else logits.mean(dim=0, keepdim=True)
        loss = functional.cross_entropy(
            logits.flatten(0, 1),
            batch.target.repeat(len(logits)),
            weight=self.class_weight,
            label_smoothing=self.config.label_smoothing if self.training else 0.0,
        )
        return {"loss": loss, "accuracy": (logits.argmax(dim=2) == batch.target).to(loss.dtype).mean()}

    def _loss_of_forecasts(self, batch: Batch) -> dict[str, torch.Tensor]:
        found = self._measured(batch)
        read = self._noisy(found, batch.generator)
        cuts = self._cuts(found, batch.generator)  # (n, cuts)
        pairs = [self._follow(member, read, batch, cuts) for member in self.members]
        mean, spread = (torch.stack(part) for part in zip(*pairs, strict=True))  # (members, n, cuts, length)
        if not self.training:
            mean, spread = (part[None] for part in _mixed(mean, spread))
        follows = _following(found, cuts).expand_as(mean)
        missed = found.values[:, None] - mean
        surprise = 0.5 * (missed / spread).square() + spread.log()
        return {"loss": surprise[follows].mean(), "squared_error": missed[follows].square().mean()}

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, weigh the classes, and say what will be learned.

        A class counts by the root of how rare it is: a class of a quarter of the rows counts twice as much a row.

        Raises
        ------
        ValueError
            The inputs are no profiles, or the target doesn't fit.
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

    def _measured(self, batch: Batch) -> Measured:
        values, times = batch.inputs
        # The spread of the whole profile tells of its end, so a model that forecasts must not see it
        return measured(values if self.config.n_classes is None else standardised(values), times / self.config.period)

    def _each(self, batch: Batch) -> torch.Tensor:
        """Return every member's scores of the classes, ``(members, n, n_classes)``."""
        if self.config.n_classes is None:
            raise ValueError("this model forecasts and knows no classes: build it with n_classes")
        found = self._noisy(self._measured(batch), batch.generator)
        generator = batch.generator if self.training else None
        return self.members.stack(lambda member: member.scores(found, batch, generator))

    def _check_forecasts(self) -> None:
        if self.config.n_classes is not None:
            raise ValueError("this model tells classes apart: build it with n_classes=None to forecast")

    def _disturbed(self, batch: Batch) -> Batch:
        """Hide measurements, and move the profiles in time."""
        values, times = batch.inputs
        hidden = torch.empty_like(values).bernoulli_(self.config.input_dropout, generator=batch.generator).bool()
        few = torch.isfinite(values).sum(dim=1, keepdim=True) < 4
        values = torch.where(hidden & ~few, torch.nan, values)
        moved = self.config.time_shift * self.config.period * standard_normal(times[:, :1], batch.generator)
        return Batch((values, times + moved), batch.target, batch.covariates, batch.rows, generator=batch.generator)

    def _noisy(self, found: Measured, generator: torch.Generator | None) -> Measured:
        """Add noise, while it trains, to what is read; what is to be forecast stays as it was measured."""
        if not self.training:
            return found
        noise = self.config.noise * standard_normal(found.values, generator)
        return found._replace(values=torch.where(found.there, found.values + noise, 0.0))

    def _cuts(self, found: Measured, generator: torch.Generator | None) -> torch.Tensor:
        """Return the numbers of the measurements behind which profiles are cut, ``(n, cuts)``."""
        most = (found.size - 1).clamp_min(1)[:, None]  # something is left to forecast
        if self.training:
            share = torch.rand(len(most), _CUTS, generator=generator, device=most.device)
        else:
            share = torch.tensor(_JUDGED, device=most.device).expand(len(most), -1)
        return (share * most).long()

    def _follow(
        self, member: "Member", found: Measured, batch: Batch, cuts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and spread of all measurements as seen from the cuts, ``(n, cuts, length)`` each."""
        state = picked(member.summaries(found, batch), cuts)[:, :, None]  # (n, cuts, 1, width)
        asked = found.times[:, None].expand(-1, cuts.shape[1], -1)
        since = asked - found.times.gather(1, cuts)[:, :, None]
        return member.ahead(state.expand(-1, -1, asked.shape[2], -1), asked, since)

    def _ahead(self, member: "Member", batch: Batch, before: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        found = self._measured(batch)
        since = times - found.times.gather(1, before.clamp_min(0))
        return member.ahead(picked(member.summaries(found, batch), before), times, since)[0]

    def _misses(self, batch: Batch) -> torch.Tensor:
        """Return how many standard deviations the forecasts are off, all in one row."""
        found = self._measured(batch)
        cuts = self._cuts(found, None)
        pairs = [self._follow(member, found, batch, cuts) for member in self.members]
        mean, spread = _mixed(*(torch.stack(part) for part in zip(*pairs, strict=True)))
        return ((found.values[:, None] - mean).abs() / spread)[_following(found, cuts)]


def _since(found: Measured, last: torch.Tensor, asked: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the times asked for, and how long each is after the last measurement."""
    return asked, asked - found.times.gather(1, last.clamp_min(0))


def _following(found: Measured, cuts: torch.Tensor) -> torch.Tensor:
    """Say which measurements come behind each cut, ``(n, cuts, length)``."""
    number = torch.arange(found.there.shape[1], device=cuts.device)
    return found.there[:, None] & (number > cuts[:, :, None])


def _mixed(mean: torch.Tensor, spread: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of the members' normal distributions, mixed."""
    middle, variance = mixture(mean, spread.square())
    return middle, variance.sqrt()


def _class_counts(batch: Batch, dataset: AnnDataset, n_classes: int) -> torch.Tensor:
    if batch.target is None or batch.target.dtype != torch.int64:
        raise ValueError("to tell classes apart a column of categories is needed: pass target='obs/...' to AnnDataset")
    if len(dataset.target_names) != n_classes:
        raise ValueError(
            f"this model was built for {n_classes} classes, but the target has {len(dataset.target_names)}: build it "
            f"with n_classes={len(dataset.target_names)}"
        )
    return torch.bincount(batch.target, minlength=n_classes).float().cpu()
