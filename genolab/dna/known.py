"""What one network of a `SequenceCNN` sees of sequences before they are changed, and of a change on top of that."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from genolab.dna.saturation import Member

_NOTHING: Final = -1e30  # a score that no change lifts above zero, for places beyond the ends


class Window(NamedTuple):
    """By how much positions ``low`` to ``high`` differ from what is known, ``(n, high - low, filters)``."""

    change: torch.Tensor
    low: int
    high: int


def take(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return some rows; it takes half the time of ``values[rows]``."""
    return values.index_select(0, rows)


@dataclass(frozen=True)
class Known:
    """What a member sees of the sequences as they are, all with the filters as the last axis.

    Attributes
    ----------
    scores
        Of each layer, before its activation, ``(n, length, filters)``.
    passed
        Of each layer, what comes from the activation (and the pooling, for the first).
    found
        The sum that the outputs are read from, ``(n, places, filters)``.
    before, after
        The strongest response before each place, and from it on, ``(n, places + 1, filters)``; none is below zero.
    average
        The mean response over all places, ``(n, filters)``.
    n_places
        Of a whole sequence.
    profiles
        The places' weights as `Member.profiles` gives them, ``(profiles, filters, places)``, for windows
        ``(n, profiles, filters, places)``; empty where places don't count.
    anywhere
        Whether the strongest and the mean response are read too.
    placed
        The sums of what was found by these weights, ``(n, profiles, filters)`` each.
    reach, pool
        As of the member.
    """

    scores: tuple[torch.Tensor, ...]
    passed: tuple[torch.Tensor, ...]
    found: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    average: torch.Tensor
    n_places: int
    profiles: tuple[torch.Tensor, ...]
    anywhere: bool
    placed: tuple[torch.Tensor, ...]
    reach: int
    pool: int

    @classmethod
    def of(cls, member: "Member", x: torch.Tensor) -> "Known":
        """Look at one-hot sequences ``(n, 4, length)``."""
        first = member.layers[0].scores(x)
        n_places = first.shape[1] // member.pool
        found = first[:, : n_places * member.pool].relu().view(len(x), n_places, member.pool, -1).amax(dim=2)
        scores, passed = [first], [found]
        for layer in member.layers[1:]:
            scores.append(layer.scores(found.transpose(1, 2)))
            passed.append(scores[-1].relu())
            found = found + passed[-1]
        none = torch.zeros_like(found[:, :1])
        return cls(
            tuple(scores),
            tuple(passed),
            found,
            before=torch.cat([none, found.cummax(dim=1).values], dim=1),
            after=torch.cat([found.flip(1).cummax(dim=1).values.flip(1), none], dim=1),
            average=found.mean(dim=1),
            n_places=n_places,
            profiles=member.profiles(n_places),
            anywhere=member.reader.profiles is None,
            placed=tuple(torch.einsum("nlc,pcl->npc", found, weight) for weight in member.profiles(n_places)),
            reach=member.reach,
            pool=member.pool,
        )

    def around(self, rows: torch.Tensor, places: torch.Tensor) -> "Known":
        """Cut a window round one place of each of some rows; beyond the ends is nothing that a change could lift."""
        wide, at = 2 * self.reach + 1, (rows, places)
        used = self.scores[0][:, : self.n_places * self.pool]  # what the pooling leaves over does nothing
        last = self.before[:, -1:].expand(-1, self.reach + 1, -1)
        weights = (functional.pad(weight, (self.reach, self.reach + 1)) for weight in self.profiles)
        return Known(
            (
                self._cut(used, at, wide * self.pool, beyond=_NOTHING, step=self.pool),
                *(self._cut(layer, at, wide, beyond=_NOTHING) for layer in self.scores[1:]),
            ),
            tuple(self._cut(layer, at, wide) for layer in self.passed),
            self._cut(self.found, at, wide),
            before=self._cut(torch.cat([self.before, last], dim=1), at, wide + 1),
            after=self._cut(self.after, at, wide + 1),
            average=self.average[rows],
            n_places=self.n_places,
            anywhere=self.anywhere,
            profiles=tuple(weight.unfold(2, wide, 1)[:, :, places].permute(2, 0, 1, 3) for weight in weights),
            placed=tuple(sums[rows] for sums in self.placed),
            reach=self.reach,
            pool=self.pool,
        )

    def _cut(
        self,
        values: torch.Tensor,
        at: tuple[torch.Tensor, torch.Tensor],
        wide: int,
        *,
        beyond: float = 0,
        step: int = 1,
    ) -> torch.Tensor:
        """Return `wide` positions of each row of ``(n, length, filters)``, from `reach` places before the given on."""
        rows, places = at
        edged = functional.pad(values, (0, 0, self.reach * step, (self.reach + 1) * step), value=beyond)
        start = rows * edged.shape[1] + places * step
        index = (start[:, None] + torch.arange(wide, device=rows.device)).ravel()
        return edged.flatten(0, 1).index_select(0, index).view(len(rows), wide, -1)

    def responses(self, window: Window | None, rows: torch.Tensor, *, turned: bool) -> torch.Tensor:
        """Return what the hidden layer reads of each filter, ``(n, numbers, filters)``."""
        parts = []
        if self.anywhere:
            parts.append(torch.stack([self._strongest(window, rows), self._mean(window, rows)], dim=1))
        if self.profiles:
            placed = take(self.placed[turned], rows)
            parts.append(placed if window is None else placed + self._by_place(window, rows, self.profiles[turned]))
        both = torch.cat(parts, dim=1)
        return both.flip(2) if turned else both

    def _by_place(self, window: Window, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        weights = weights[..., window.low : window.high]
        if weights.ndim == 3:
            return torch.einsum("nlc,pcl->npc", window.change, weights)
        return torch.einsum("nlc,npcl->npc", window.change, take(weights, rows))

    def _strongest(self, window: Window | None, rows: torch.Tensor) -> torch.Tensor:
        if window is None:
            return self.before[:, -1][rows]
        outside = torch.maximum(self.before[:, window.low], self.after[:, window.high])[rows]
        inside = take(self.found[:, window.low : window.high], rows).add_(window.change).amax(dim=1)
        return torch.maximum(outside, inside)

    def _mean(self, window: Window | None, rows: torch.Tensor) -> torch.Tensor:
        mean = self.average[rows]
        return mean if window is None else mean + window.change.sum(dim=1) / self.n_places
