"""One of the networks of a `ResponseModel`: a tower for each side, and layers over both."""

from collections.abc import Callable

import torch
from torch import nn

from genolab.data.dataset import Batch
from genolab.drugs.model.towers import Features, Letters
from genolab.drugs.pairs import pair_codes
from genolab.models.layers import drop


class Member(nn.Module):
    """One network: a tower for each side, their own vectors, layers over both, and a head that says the response.

    `head` makes the last, from the widths of what it reads: the vectors of both sides, and the last hidden layer.
    """

    def __init__(
        self,
        compounds: Features | Letters,
        contexts: Features | Letters,
        width: int,
        hidden: int,
        head: Callable[[int, int], nn.Module],
    ) -> None:
        super().__init__()
        self.compound = compounds.reader(max(1, hidden // 2), width)
        self.context = contexts.reader(max(1, hidden // 2), width)
        self.own_compound = nn.Embedding(len(compounds.rows), width)
        self.own_context = nn.Embedding(len(contexts.rows), width)
        for own in (self.own_compound, self.own_context):
            nn.init.zeros_(own.weight)  # and zero it stays where no training row speaks of it
        self.first = nn.Linear(3 * width, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.head = head(3 * width, hidden)

    def join(
        self,
        compounds: torch.Tensor,
        contexts: torch.Tensor,
        batch: Batch,
        name_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> torch.Tensor:
        """Return the vectors of both sides of each pair and their product, ``(n, 3 width)``.

        Each distinct compound and context of the tables is read once, whatever the number of its pairs.
        """
        compound, context = pair_codes(batch.x)
        sides = (
            (compound, compounds, self.compound, self.own_compound),
            (context, contexts, self.context, self.own_context),
        )
        found = []
        for numbers, rows, tower, own in sides:
            distinct, place = torch.unique(numbers, return_inverse=True)
            named = own(numbers)
            if name_dropout:
                named = named * torch.empty_like(named[:, :1]).bernoulli_(1 - name_dropout, generator=batch.generator)
            found.append(tower(rows[distinct], dropout, batch.generator)[place] + named)
        return joined(found[0], found[1])

    def beside(self, rows: torch.Tensor, known: torch.Tensor, number: int, *, new: str) -> torch.Tensor:
        """Return the vectors of new rows of one side and of one that is known of the other, ``(n, 3 width)``.

        `new` is ``"compounds"`` or ``"contexts"``; `number` is that of the known one, for its own vector.
        """
        if new == "compounds":
            fresh = self.compound(rows, 0.0, None)
            other = self.context(known, 0.0, None) + self.own_context.weight[number]
            return joined(fresh, other.expand_as(fresh))
        fresh = self.context(rows, 0.0, None)
        other = self.compound(known, 0.0, None) + self.own_compound.weight[number]
        return joined(other.expand_as(fresh), fresh)

    def think(
        self, vectors: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return the last hidden layer, ``(n, hidden)``."""
        x = drop(self.first(drop(vectors, dropout, generator)).relu(), dropout, generator)
        return drop(self.second(x).relu(), dropout, generator)

    def judge(
        self, vectors: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return what this network says of the response, ``(n, outputs)``."""
        said: torch.Tensor = self.head(vectors, self.think(vectors, dropout, generator))
        return said

    def all_compounds(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the vectors of all compounds of the table, ``(n_compounds, width)``."""
        found: torch.Tensor = self.compound(rows, 0.0, None) + self.own_compound.weight
        return found


def joined(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return vectors of compounds and contexts side by side, and their product: ``(n, 3 width)``."""
    return torch.cat([one, other, one * other], dim=1)
