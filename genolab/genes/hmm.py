"""The hidden Markov model of genes on both strands, and the Viterbi algorithm that finds the best path through it.

A gene on the + strand is a start codon, codons that are no stop, introns that begin with GT and end with AG between or
within codons, and a stop codon. A codon that an intron splits must be no stop either, so the states of an intron
remember what came before it, as far as that matters: T, TA or TG. A gene on the - strand is the same model with every
transition reversed, on the reverse complement. The model is that of GENSCAN (Burge & Karlin 1997) and Augustus, but
with least durations in place of length distributions; Tiberius (Gabriel et al. 2024) puts the same on top of a network.

A state emits one base under one tag, or is silent. A transition with a duration above 1 skips bases, which are tagged
like the intron or tRNA that it leads to or from: so these have a least length.
"""

import itertools
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genolab.compiled import compiled
from genolab.sequences.annotation import SWAP, TAGS

# What a state may require of the sequence; `Signals.constraint_scores` says where it holds.
FREE, START, STOP, NO_STOP, T_DONOR, OTHER_DONOR, TA_DONOR, TG_DONOR, OTHER_PAIR_DONOR, DONOR = range(10)
ACCEPTED, NO_STOP_AFTER_T, NO_STOP_AFTER_TA, NO_STOP_AFTER_TG, ACCEPTOR = range(10, 15)

NO_PENALTY, GENE, INTRON, TRNA = range(4)  # penalties of transitions, by number

SILENT: Final = -1
INTERGENIC: Final = 0

# States of split codons, by what the intron remembers: the number of the last codon position before it and the bases
# there; the constraints of the last base before it, of the first base after it, and of the base after that.
_SPLITS: Final = (
    ("0T", T_DONOR, ACCEPTED, NO_STOP_AFTER_T),
    ("0", OTHER_DONOR, ACCEPTED, FREE),
    ("1TA", TA_DONOR, NO_STOP_AFTER_TA, FREE),
    ("1TG", TG_DONOR, NO_STOP_AFTER_TG, FREE),
    ("1", OTHER_PAIR_DONOR, ACCEPTED, FREE),
)
# On the + strand an acceptor leads to a whole codon; on the - strand it is the other way round.
_SILENT_ORDER: Final = ("acceptor2", "whole", "donor2", "whole-", "acceptor2-", "donor2-")

_Integers = NDArray[np.int64]


class _State(NamedTuple):
    name: str
    tag: int
    constraint: int
    strand: int


class _Transition(NamedTuple):
    source: str
    target: str
    duration: int = 1
    skipped: int = SILENT
    penalty: int = NO_PENALTY


class GeneModel(NamedTuple):
    """States and transitions as arrays, for the search."""

    tag: _Integers  # of each state, or SILENT
    constraint: _Integers  # what each state requires of the sequence
    strand: _Integers  # 0 for +, 1 for -
    first: _Integers  # (n_states + 1,): transitions first[s] to first[s + 1] lead to state s
    source: _Integers  # the state that each transition comes from
    duration: _Integers  # the bases it moves on, 0 into a silent state
    skipped: _Integers  # the tag of the bases that it skips, or SILENT
    penalty: _Integers  # the number of its penalty
    holder: _Integers  # of its two ends, the state with a transition to itself, which the skipped bases are in
    silent: _Integers  # the silent states, each after those that it follows


@cache
def gene_model(min_intron: int, min_trna: int) -> GeneModel:
    """Return the model of both strands, with introns and tRNAs of at least so many bases."""
    forward_states, forward = _forward(min_intron)
    reverse_states, reverse = _reverse(forward_states, forward)
    states = [_State("intergenic", INTERGENIC, FREE, 0), *forward_states, *reverse_states]
    transitions = [_Transition("intergenic", "intergenic"), *forward, *reverse]
    for strand in "+-":
        name, tag = f"tRNA{strand}", TAGS.index(f"tRNA{strand}")
        states.append(_State(name, tag, FREE, "+-".index(strand)))
        transitions.append(_Transition("intergenic", name, min_trna, tag, TRNA))
        transitions += [_Transition(name, name), _Transition(name, "intergenic")]
    number = {state.name: at for at, state in enumerate(states)}
    transitions.sort(key=lambda one: number[one.target])
    repeating = {one.target for one in transitions if one.source == one.target}
    targets = [number[one.target] for one in transitions]
    return GeneModel(
        tag=_integers(state.tag for state in states),
        constraint=_integers(state.constraint for state in states),
        strand=_integers(state.strand for state in states),
        first=np.searchsorted(targets, np.arange(len(states) + 1)).astype(np.int64),
        source=_integers(number[one.source] for one in transitions),
        duration=_integers(one.duration for one in transitions),
        skipped=_integers(one.skipped for one in transitions),
        penalty=_integers(one.penalty for one in transitions),
        holder=_integers(number[one.target if one.target in repeating else one.source] for one in transitions),
        silent=_integers(number[name] for name in _SILENT_ORDER),
    )


def _forward(min_intron: int) -> tuple[list[_State], list[_Transition]]:
    """Return the states and transitions of a gene on the + strand, from and to the state "intergenic"."""
    coding, intron = [TAGS.index(f"coding+{position}") for position in range(3)], TAGS.index("intron+")
    states = [_State(f"start{k}", coding[k], START if k == 0 else FREE, 0) for k in range(3)]
    states += [_State(f"codon{k}", coding[k], NO_STOP if k == 2 else FREE, 0) for k in range(3)]
    states += [_State(f"stop{k}", coding[k], STOP if k == 0 else FREE, 0) for k in range(3)]
    states += [_State("intron2", intron, FREE, 0), _State("donor2", SILENT, DONOR, 0)]
    states += [_State("acceptor2", SILENT, ACCEPTOR, 0), _State("whole", SILENT, FREE, 0)]
    transitions = [_Transition("intergenic", "start0", penalty=GENE), _Transition("stop2", "intergenic")]
    transitions += [
        _Transition(f"{part}{k}", f"{part}{k + 1}") for part in ("start", "codon", "stop") for k in range(2)
    ]
    transitions += [_Transition("whole", "codon0"), _Transition("whole", "stop0")]
    transitions += [_Transition("acceptor2", "whole", 0), _Transition("intron2", "acceptor2", 0)]
    transitions += [_Transition("donor2", "intron2", min_intron, intron, INTRON), _Transition("intron2", "intron2")]
    ends = ["start2", "codon2"]
    for name, before, after, then in _SPLITS:
        last = int(name[0])  # codon position of the last base before the intron
        path = [_State(f"before{name}:{k}", coding[k], before if k == last else FREE, 0) for k in range(last + 1)]
        rest = [_State(f"after{name}:{k}", coding[k], after if k == last + 1 else then, 0) for k in range(last + 1, 3)]
        states += [*path, _State(f"intron{name}", intron, FREE, 0), *rest]
        transitions += [_Transition("whole", path[0].name), _Transition(f"intron{name}", f"intron{name}")]
        steps = itertools.chain(itertools.pairwise(path), itertools.pairwise(rest))
        transitions += [_Transition(one.name, other.name) for one, other in steps]
        transitions += [_Transition(path[-1].name, f"intron{name}", min_intron, intron, INTRON)]
        transitions += [_Transition(f"intron{name}", rest[0].name)]
        ends.append(rest[-1].name)
    transitions += [_Transition(end, silent, 0) for end in ends for silent in ("whole", "donor2")]
    return states, transitions


def _reverse(states: list[_State], transitions: list[_Transition]) -> tuple[list[_State], list[_Transition]]:
    """Return the model of the - strand: every transition reversed, every tag that of the other strand."""
    renamed = {state.name: f"{state.name}-" for state in states} | {"intergenic": "intergenic"}
    silent = {state.name for state in states if state.tag == SILENT}
    swapped = {SILENT: SILENT} | {tag: int(other) for tag, other in enumerate(SWAP)}
    # A silent state stands after the base before it; seen from the other side, before the base after it.
    reverse = [
        _Transition(
            renamed[one.target],
            renamed[one.source],
            one.duration + (one.target in silent) - (one.source in silent),
            swapped[one.skipped],
            one.penalty,
        )
        for one in transitions
    ]
    return [_State(renamed[s.name], swapped[s.tag], s.constraint, 1) for s in states], reverse


def _integers(values: Iterable[int]) -> _Integers:
    return np.fromiter(values, dtype=np.int64)


# ---- the Viterbi algorithm ----


def best_path(
    model: GeneModel, emissions: NDArray[np.float32], constraints: NDArray[np.float32], penalties: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the state of every base on the best path, which begins and ends between genes.

    `emissions` ``(length, n_tags)`` are the scores of a base under each tag. `constraints` ``(n_constraints, 2,
    length)``, from `Signals.constraint_scores`, are those of a state for its constraint, by the strand, at each base as
    that strand is read; minus infinity where it doesn't hold. `penalties` are those of transitions, by number.
    """
    path: NDArray[np.uint8] = _trace(model, _fill(model, emissions, constraints, penalties))
    return path


@compiled
def _fill(model, emissions, constraints, penalties):
    """Return the transition, counted from a state's first, by which each state is best reached at each base."""
    length, n_tags = emissions.shape
    depth = model.duration.max() + 1
    best = np.full((depth, len(model.tag)), -np.inf)  # of the last bases, in turn
    summed = np.zeros((depth, n_tags))  # emissions added up until each of them
    chosen = np.zeros((length, len(model.tag)), dtype=np.uint8)
    states = np.concatenate((np.flatnonzero(model.tag != SILENT), model.silent))
    for at in range(length):
        row = at % depth
        summed[row] = summed[(at - 1) % depth] + emissions[at]
        best[row] = -np.inf
        if at == 0:
            best[0, 0] = emissions[0, 0]  # every path begins between genes
            continue
        for state in states:
            score = _constraint(model, constraints, at, state)
            if score > -np.inf:
                value, chosen[at, state] = _reach(model, best, summed, penalties, at, state)
                emission = 0 if model.tag[state] == SILENT else emissions[at, model.tag[state]]
                best[row, state] = value + score + emission
    return chosen


@compiled
def _constraint(model, constraints, at, state):
    """Return the score of a state at a base for what it requires of the sequence."""
    if model.constraint[state] == FREE:
        return np.float32(0)
    # A silent state stands after a base: read from the other side, after the next one.
    place = at if model.strand[state] == 0 else constraints.shape[2] - 1 - at - (model.tag[state] == SILENT)
    return constraints[model.constraint[state], model.strand[state], place] if place >= 0 else np.float32(-np.inf)


@compiled
def _reach(model, best, summed, penalties, at, state):  # noqa: PLR0917 - numba's
    """Return the value of the best transition to a state, and its number counted from the state's first."""
    depth = len(best)
    last = at if model.tag[state] == SILENT else at - 1  # the last base that a transition skips
    top, transition = -np.inf, 0
    for number in range(model.first[state], model.first[state + 1]):
        before = at - model.duration[number]
        if before < 0:
            continue
        value = best[before % depth, model.source[number]] - penalties[model.penalty[number]]
        if model.skipped[number] != SILENT:
            tag = model.skipped[number]
            value += summed[last % depth, tag] - summed[before % depth, tag]
        if value > top:
            top, transition = value, number - model.first[state]
    return top, transition


@compiled
def _trace(model, chosen):
    """Follow the transitions back from the last base. Bases that one skips get the state that holds them."""
    path = np.zeros(len(chosen), dtype=np.uint8)
    at, state = len(chosen) - 1, 0
    while at >= 0:
        if model.tag[state] != SILENT:
            path[at] = state
        number = model.first[state] + chosen[at, state]
        before, last = at - model.duration[number], at if model.tag[state] == SILENT else at - 1
        if model.skipped[number] != SILENT:
            path[before + 1 : last + 1] = model.holder[number]
        at, state = before, model.source[number]
        if at == 0 and state == 0:
            break
    return path
