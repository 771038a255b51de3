"""The grammar of a gene as a machine of states: what may follow what, base by base, on either strand.

A gene on the + strand is a start codon, codons that are no stop, introns that begin with GT and end with AG between or
within codons, and a stop codon. A codon that an intron tears apart must be no stop either, so the machine remembers
what came before the intron, as far as that matters: T, TA or TG. A gene on the - strand is the same machine with every
arrow turned round, on the reverse complement. This is the hidden Markov model of GENSCAN (Burge & Karlin 1997) and
Augustus, without lengths; Tiberius (Gabriel et al. 2024) puts the same idea on top of a network.

A state emits one base under one tag, or is silent. An arrow with a lag skips bases, which are tagged like the intron or
tRNA that it leads to or from: so these have a least length.
"""

import itertools
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.sequences.annotation import SWAP, TAGS

# What a state may ask of the sequence; `signals.gains` says where it is there.
FREE, START, STOP, NO_STOP, T_DONOR, OTHER_DONOR, TA_DONOR, TG_DONOR, OTHER_PAIR_DONOR, DONOR = range(10)
ACCEPTED, NO_STOP_AFTER_T, NO_STOP_AFTER_TA, NO_STOP_AFTER_TG, ACCEPTOR = range(10, 15)

SILENT: Final = -1
INTERGENIC: Final = 0


class State(NamedTuple):
    """One state: its name, the tag it emits, what it asks of the sequence, and on which strand."""

    name: str
    tag: int
    asks: int
    strand: int


class Machine(NamedTuple):
    """States and arrows as arrays, for the search.

    Attributes
    ----------
    tag, asks, strand
        One a state, int64: tag number or `SILENT`; what it asks of the sequence; 0 for +, 1 for -.
    first
        ``(n_states + 1,)``: arrows ``first[s]`` to ``first[s + 1]`` lead to state s.
    source, lag, between, cost
        One an arrow: the state it comes from, the bases it moves on (0 into a silent state), the tag of the bases that
        it skips, and the number of the cost that it pays.
    lasting
        One an arrow: of its two ends, the state that has an arrow to itself, whose least length a lag stands for.
    silent
        Numbers of the silent states, each after those that it follows.
    """

    tag: NDArray[np.int64]
    asks: NDArray[np.int64]
    strand: NDArray[np.int64]
    first: NDArray[np.int64]
    source: NDArray[np.int64]
    lag: NDArray[np.int64]
    between: NDArray[np.int64]
    cost: NDArray[np.int64]
    lasting: NDArray[np.int64]
    silent: NDArray[np.int64]


# Costs that arrows pay, by number.
NO_COST, GENE, INTRON, TRNA = range(4)

_KINDS: Final = (
    # What the intron remembers: the name, what the last base before it asks, what the base after it asks.
    ("0T", T_DONOR, ACCEPTED, NO_STOP_AFTER_T),
    ("0", OTHER_DONOR, ACCEPTED, FREE),
    ("1TA", TA_DONOR, NO_STOP_AFTER_TA, FREE),
    ("1TG", TG_DONOR, NO_STOP_AFTER_TG, FREE),
    ("1", OTHER_PAIR_DONOR, ACCEPTED, FREE),
)


class _Arrow(NamedTuple):
    source: str
    target: str
    lag: int = 1
    between: int = SILENT
    cost: int = NO_COST


def _forward(least_intron: int) -> tuple[list[State], list[_Arrow]]:
    """Return the states and arrows of a gene on the + strand, from and to the state "intergenic"."""
    coding, intron = [TAGS.index(f"coding+{position}") for position in range(3)], TAGS.index("intron+")
    states = [State(f"start{k}", coding[k], START if k == 0 else FREE, 0) for k in range(3)]
    states += [State(f"codon{k}", coding[k], NO_STOP if k == 2 else FREE, 0) for k in range(3)]
    states += [State(f"stop{k}", coding[k], STOP if k == 0 else FREE, 0) for k in range(3)]
    states += [State("intron2", intron, FREE, 0)]
    states += [
        State("donor2", SILENT, DONOR, 0),
        State("acceptor2", SILENT, ACCEPTOR, 0),
        State("whole", SILENT, FREE, 0),
    ]
    arrows = [_Arrow("intergenic", "start0", cost=GENE), _Arrow("stop2", "intergenic")]
    arrows += [_Arrow(f"{part}{k}", f"{part}{k + 1}") for part in ("start", "codon", "stop") for k in range(2)]
    arrows += [_Arrow("whole", "codon0"), _Arrow("whole", "stop0"), _Arrow("acceptor2", "whole", 0)]
    arrows += [_Arrow("donor2", "intron2", least_intron, intron, INTRON), _Arrow("intron2", "intron2")]
    arrows += [_Arrow("intron2", "acceptor2", 0)]
    ends = ["start2", "codon2"]
    for name, before, after, then in _KINDS:
        torn = int(name[0])  # codon position of the last base before the intron
        path = [State(f"torn{name}:{k}", coding[k], before if k == torn else FREE, 0) for k in range(torn + 1)]
        rest = [State(f"rest{name}:{k}", coding[k], after if k == torn + 1 else then, 0) for k in range(torn + 1, 3)]
        states += [*path, State(f"intron{name}", intron, FREE, 0), *rest]
        arrows += [_Arrow("whole", path[0].name), _Arrow(f"intron{name}", f"intron{name}")]
        arrows += [_Arrow(one.name, other.name) for part in (path, rest) for one, other in itertools.pairwise(part)]
        arrows += [_Arrow(path[-1].name, f"intron{name}", least_intron, intron, INTRON)]
        arrows += [_Arrow(f"intron{name}", rest[0].name)]
        ends.append(rest[-1].name)
    arrows += [_Arrow(end, silent, 0) for end in ends for silent in ("whole", "donor2")]
    return states, arrows


def _backward(states: list[State], arrows: list[_Arrow]) -> tuple[list[State], list[_Arrow]]:
    """Turn the machine of the + strand round: every arrow the other way, every tag as the other strand has it."""
    turned = {state.name: f"{state.name}-" for state in states} | {"intergenic": "intergenic"}
    silent = {state.name for state in states if state.tag == SILENT}
    other = [State(turned[s.name], SILENT if s.tag == SILENT else int(SWAP[s.tag]), s.asks, 1) for s in states]
    back = []
    for arrow in arrows:
        # A silent state stands behind the base before it; seen from the other side, before the base behind it.
        lag = arrow.lag
        if arrow.source in silent and arrow.target not in silent:
            lag = arrow.lag - 1
        elif arrow.target in silent and arrow.source not in silent:
            lag = arrow.lag + 1
        between = SILENT if arrow.between == SILENT else int(SWAP[arrow.between])
        back.append(_Arrow(turned[arrow.target], turned[arrow.source], lag, between, arrow.cost))
    return other, back


@cache
def machine(least_intron: int, least_trna: int) -> Machine:
    """Return the machine of both strands, with introns and tRNAs of at least so many bases."""
    plus_states, plus_arrows = _forward(least_intron)
    minus_states, minus_arrows = _backward(plus_states, plus_arrows)
    states = [State("intergenic", INTERGENIC, FREE, 0), *plus_states, *minus_states]
    arrows = [_Arrow("intergenic", "intergenic"), *plus_arrows, *minus_arrows]
    for strand in "+-":
        name, tag = f"tRNA{strand}", TAGS.index(f"tRNA{strand}")
        states.append(State(name, tag, FREE, "+-".index(strand)))
        arrows.append(_Arrow("intergenic", name, least_trna, tag, TRNA))
        arrows += [_Arrow(name, name), _Arrow(name, "intergenic")]
    number = {state.name: at for at, state in enumerate(states)}
    arrows.sort(key=lambda arrow: number[arrow.target])
    looped = {arrow.target for arrow in arrows if arrow.source == arrow.target}
    return Machine(
        tag=_integers(state.tag for state in states),
        asks=_integers(state.asks for state in states),
        strand=_integers(state.strand for state in states),
        first=np.searchsorted([number[arrow.target] for arrow in arrows], np.arange(len(states) + 1)).astype(np.int64),
        source=_integers(number[arrow.source] for arrow in arrows),
        lag=_integers(arrow.lag for arrow in arrows),
        between=_integers(arrow.between for arrow in arrows),
        cost=_integers(arrow.cost for arrow in arrows),
        lasting=_integers(number[a.target if a.target in looped else a.source] for a in arrows),
        silent=_integers(number[name] for name in _SILENT_ORDER),
    )


# On the + strand an accepted intron leads to a whole codon; on the - strand it is the other way round.
_SILENT_ORDER: Final = ("acceptor2", "whole", "donor2", "whole-", "acceptor2-", "donor2-")


def _integers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)
