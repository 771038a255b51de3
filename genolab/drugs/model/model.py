"""How a context, a target or a cell line, responds to a compound: two towers, a trunk over both, and how sure it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from genolab.config import check, control
from genolab.data.dataset import AnnDataset, Batch
from genolab.drugs.model.network import Member
from genolab.drugs.model.outcome import Classes, Numbers, Score
from genolab.drugs.model.towers import Features, Kind, Letters, blank
from genolab.drugs.pairs import check_codes, read_pairs
from genolab.models.ensemble import Ensemble
from genolab.models.layers import seeded

_MANY: Final = 8192  # rows at a time
_SIDES: Final = ("compounds", "contexts")


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
    name_dropout: float = control(
        0.1,
        low=0,
        high=1,
        live=True,
        help="Share of pairs whose compound, or context, is read from its features alone while training.",
    )
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("compound_kind", "context_kind"):
            if getattr(self, name) not in ("features", "letters", "recurrent"):
                raise ValueError(f"{name} must be 'features', 'letters' or 'recurrent', got {getattr(self, name)!r}")
        sizes = {name: getattr(self, name) for name in ("width", "hidden", "members")} | {"n_axes": self.n_axes or 1}
        if small := {name: size for name, size in sizes.items() if size < 1}:
            raise ValueError(f"a ResponseModel needs sizes of at least 1, got {small}")
        if self.n_classes is not None and self.n_classes < 2:
            raise ValueError(f"n_classes is at least 2, or None for a response that is a number, got {self.n_classes}")
        check(self)


class ResponseModel(nn.Module):
    """A network over pairs of a compound and a context that predicts the response, and how far it may be off.

    Each distinct compound and context of a step is read once, by a tower of its own, and then handed to its pairs. To
    what its features tell, each gets a vector of its own, as in matrix factorisation; it is zero for what wasn't
    trained on, and hidden for some of the pairs while training (Volkovs et al. 2017, DropoutNet), so that compounds
    and contexts never seen are read from their features. Several networks side by side (Lakshminarayanan et al. 2017)
    each give a mean, learned by squared error, and a variance, learned beside it without moving the mean (Stirn et al.
    2023); the spread is that of their mixture. Where the response is a class, each gives its probabilities.

    Parameters
    ----------
    compounds, contexts
        One row for each of ``adata.uns["compounds"]`` and ``adata.uns["contexts"]``: features ``(n, f)``, such as
        fingerprints or k-mers, where unsigned whole numbers are read as log1p; or letters ``(n, length)`` uint8.
    compound_kind, context_kind
        ``"features"`` (two linear layers); or, for SMILES or proteins, ``"letters"`` (a convolutional network) or
        ``"recurrent"`` (a GRU in both directions).
    n_axes
        Of features, as many principal axes are kept: thousands of k-mers of a few hundred proteins are mostly noise.
        ``None``: all features, as they are.
    width
        Of the vector that stands for a compound or context.
    hidden
        Width of the layers over both; the towers' are half as wide.
    members
        Networks side by side: one is quick, five are more accurate and know better what they don't know.
    n_classes
        ``None``: the response is a number, or a bound of one. 2 or more: it is a class, such as inactive and active, a
        column of as many categories in their order; the networks then say probabilities, `calibrate` sets their
        temperature (Guo et al. 2017), and `score` gives the probability of the second of two classes.
    dropout, name_dropout
        See `ResponseModelConfig`; both may change while it trains. Raise `name_dropout` for compounds never seen.
    seed
        Draws the initial weights.

    Raises
    ------
    ValueError
        A size or a choice makes no sense, or a table isn't finite.

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
        name_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = ResponseModelConfig(
            compound_kind, context_kind, n_axes, width, hidden, members, n_classes, dropout, name_dropout, seed
        )
        self.compounds = _table(compounds, compound_kind, n_axes, "compounds")
        self.contexts = _table(contexts, context_kind, n_axes, "contexts")
        self.outcome = Numbers() if n_classes is None else Classes(n_classes)
        tables, head = (self.compounds, self.contexts), self.outcome.head
        with seeded(seed):
            self.members: Ensemble[Member] = Ensemble(Member(*tables, width, hidden, head) for _ in range(members))

    @classmethod
    def rebuild(cls, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Self:
        """Return a model as it was saved, with its tables: its weights are then loaded into it."""
        return cls(*(blank(tensors, side) for side in _SIDES), **config)

    def predict(self, batch: Batch) -> torch.Tensor:
        """Return the responses, ``(n,)``; or the probabilities of the classes, ``(n, n_classes)``."""
        return self.outcome.predict(self._said(batch))

    def spread(self, batch: Batch) -> torch.Tensor:
        """Return how far the responses may be off, ``(n,)``: the standard deviation of what all members expect.

        Of classes: by how much the members' probabilities differ.
        """
        return self.outcome.score(self._said(batch)).spread

    def score(self, compounds: ArrayLike, context: int) -> Score:
        """Return the responses of one context to compounds that are in no table, read from their features alone.

        Parameters
        ----------
        compounds
            ``(m, f)`` features or ``(m, length)`` letters, made as the model's own.
        context
            Number of the context, a row of the table of contexts.

        Raises
        ------
        ValueError
            The features are others, or there is no such context.
        """
        known = self._row_of(self.contexts, context, "contexts")
        return self._score(self.compounds.of(compounds), known, new="compounds", number=context)

    def score_contexts(self, compound: int, contexts: ArrayLike) -> Score:
        """Return the responses of contexts that are in no table to one compound, read from their features alone.

        Parameters
        ----------
        compound
            Number of the compound, a row of the table of compounds.
        contexts
            ``(m, g)`` features or ``(m, length)`` letters, made as the model's own.

        Raises
        ------
        ValueError
            The features are others, or there is no such compound.
        """
        known = self._row_of(self.compounds, compound, "compounds")
        return self._score(self.contexts.of(contexts), known, new="contexts", number=compound)

    @staticmethod
    def _row_of(table: Features | Letters, number: int, name: str) -> torch.Tensor:
        if not 0 <= number < len(table.rows):
            raise ValueError(f"{name} are the rows 0 to {len(table.rows) - 1:,} of their table, got {number}")
        return table.rows[number : number + 1]

    @torch.no_grad()
    def _score(self, rows: torch.Tensor, known: torch.Tensor, *, new: str, number: int) -> Score:
        """Score new rows of one side beside the known one of the other, block by block."""
        parts = []
        for at in range(0, len(rows), _MANY):
            block = rows[at : at + _MANY]
            said = [member.judge(member.beside(block, known, number, new=new)) for member in self.members]
            parts.append(self.outcome.score(torch.stack(said)))
        return Score(torch.cat([part.mean for part in parts]), torch.cat([part.spread for part in parts]))

    def embed(self, batch: Batch) -> torch.Tensor:
        """Return the last layer before the outputs, of all members side by side, ``(n, members * hidden)``."""
        tables = (self.compounds.rows, self.contexts.rows)
        return self.members.concat(lambda member: member.think(member.join(*tables, batch)))

    @torch.no_grad()
    def compound_vectors(self) -> torch.Tensor:
        """Return what stands for each compound of the table, ``(n_compounds, members * width)``: a latent space."""
        return self.members.concat(lambda member: member.all_compounds(self.compounds.rows))

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the loss, and the mean squared error of numbers, or the accuracy of classes.

        The loss is the squared error of the standardised response plus the variance's part, or the cross-entropy. While
        it trains the members are judged apart, else their mean is. Where the batch has the covariate ``censored``, a
        bound is missed on its other side alone.
        """
        return self.outcome.loss(self._said(batch), batch, training=self.training)

    def plan(self, dataset: AnnDataset, total_steps: int) -> str:
        """Check that the data suit the model before it trains, learn the response's mean and size, and say the plan.

        Raises
        ------
        ValueError
            The input holds no pairs, or pairs of other tables; or the response isn't known, or constant.
        """
        del total_steps
        seen = read_pairs(dataset, n_classes=self.config.n_classes)
        check_codes(seen.compound, self.compounds.rows, "compounds")
        check_codes(seen.context, self.contexts.rows, "contexts")
        what = self.outcome.learn(seen, dataset)
        sizes = " and ".join(f"{len(np.unique(c)):,} {w}" for c, w in zip(seen[:2], _SIDES, strict=True))
        return f"{what} over {len(dataset):,} pairs of {sizes}, {self.config.members} networks."

    def calibrate(self, dataset: AnnDataset, *, coverage: float = 0.9) -> float:
        """Widen or narrow the spread so that central intervals hold what they promise on held-out rows.

        Of classes: make the probabilities less or more extreme until those rows' classes are as probable as can be.

        Parameters
        ----------
        dataset
            Rows that the model hasn't learned from, and that are not the test set.
        coverage
            The share of rows that ``mean +- z * spread`` is to hold, with the normal distribution's z; not of classes.

        Returns
        -------
        By how much the spread is now multiplied; of classes, the temperature that logits are divided by.
        """
        if not 0 < coverage < 1:
            raise ValueError(f"coverage is a share above 0 and below 1, got {coverage}")
        was_training = self.training
        self.eval()
        device = next(self.parameters()).device
        with torch.no_grad():
            batches = [rows.to(device) for rows in dataset.batches(_MANY)]
            found = self.outcome.calibrate([(self._said(batch), batch) for batch in batches], coverage)
        self.train(was_training)
        return found

    def _said(self, batch: Batch) -> torch.Tensor:
        """Return what every member says, ``(members, n, outputs)``."""
        hidden, nameless = (self.config.dropout, self.config.name_dropout) if self.training else (0.0, 0.0)
        tables = (self.compounds.rows, self.contexts.rows)
        return self.members.stack(
            lambda member: member.judge(member.join(*tables, batch, nameless, hidden), hidden, batch.generator)
        )


def _table(values: Any, kind: Kind, n_axes: int | None, name: str) -> Features | Letters:
    return (
        Features(values, n_axes, name) if kind == "features" else Letters(values, name, recurrent=kind == "recurrent")
    )
