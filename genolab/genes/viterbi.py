"""The best path through a machine of states: Viterbi's algorithm, with arrows that skip bases, compiled by numba."""

import numba
import numpy as np
from numpy.typing import NDArray

from genolab.genes.hmm import FREE, SILENT, Machine


def best_path(
    machine: Machine, scores: NDArray[np.float32], gains: NDArray[np.float32], costs: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return the state of every base on the best path, which begins and ends between genes.

    Parameters
    ----------
    machine
        See `genolab.genes.hmm`.
    scores
        ``(length, n_tags)``: what a base gains under each tag, such as log probabilities.
    gains
        ``(n_asks, 2, length)``: what a state gains for what it asks of the sequence, by the strand, at each base as
        that strand is read; minus infinity where what it asks isn't there. See `genolab.genes.signals`.
    costs
        What arrows pay, by number.
    """
    chosen = _fill(machine, scores, gains, costs)
    path: NDArray[np.uint8] = _trace(machine, chosen)
    return path


@numba.njit(cache=True)
def _fill(machine, scores, gains, costs):  # type: ignore[no-untyped-def]
    """Return the arrow, counted from a state's first, by which each state is best reached at each base."""
    length, n_tags = scores.shape
    depth = machine.lag.max() + 1
    best = np.full((depth, len(machine.tag)), -np.inf)  # of the last bases, in turn
    summed = np.zeros((depth, n_tags))  # scores added up until each of them
    chosen = np.zeros((length, len(machine.tag)), dtype=np.uint8)
    states = np.concatenate((np.flatnonzero(machine.tag != SILENT), machine.silent))
    for at in range(length):
        row = at % depth
        summed[row] = summed[(at - 1) % depth] + scores[at]
        best[row] = -np.inf
        if at == 0:
            best[0, 0] = scores[0, 0]  # every path begins between genes
            continue
        for state in states:
            gain = _gain(machine, gains, at, state)
            if gain > -np.inf:
                value, chosen[at, state] = _reach(machine, best, summed, costs, at, state)
                best[row, state] = (
                    value + gain + (0 if machine.tag[state] == SILENT else scores[at, machine.tag[state]])
                )
    return chosen


@numba.njit(cache=True)
def _gain(machine, gains, at, state):  # type: ignore[no-untyped-def]
    """Return what a state gains at a base for what it asks of the sequence."""
    if machine.asks[state] == FREE:
        return np.float32(0)
    # A silent state stands behind a base: read from the other side, behind the next one.
    place = at if machine.strand[state] == 0 else gains.shape[2] - 1 - at - (machine.tag[state] == SILENT)
    return gains[machine.asks[state], machine.strand[state], place] if place >= 0 else np.float32(-np.inf)


@numba.njit(cache=True)
def _reach(machine, best, summed, costs, at, state):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - numba's
    """Return the value of the best arrow to a state, and its number counted from the state's first."""
    depth = len(best)
    last = at if machine.tag[state] == SILENT else at - 1  # the last base that an arrow skips
    top, arrow = -np.inf, 0
    for number in range(machine.first[state], machine.first[state + 1]):
        before = at - machine.lag[number]
        if before < 0:
            continue
        value = best[before % depth, machine.source[number]] - costs[machine.cost[number]]
        if machine.between[number] != SILENT:
            tag = machine.between[number]
            value += summed[last % depth, tag] - summed[before % depth, tag]
        if value > top:
            top, arrow = value, number - machine.first[state]
    return top, arrow


@numba.njit(cache=True)
def _trace(machine, chosen):  # type: ignore[no-untyped-def]
    """Walk the arrows back from the last base. Bases that an arrow skips get the state that it lasts in."""
    path = np.zeros(len(chosen), dtype=np.uint8)
    at, state = len(chosen) - 1, 0
    while at >= 0:
        if machine.tag[state] != SILENT:
            path[at] = state
        number = machine.first[state] + chosen[at, state]
        skipping = machine.between[number] != SILENT
        before, last = at - machine.lag[number], at if machine.tag[state] == SILENT else at - 1
        if skipping:
            path[before + 1 : last + 1] = machine.lasting[number]
        at, state = before, machine.source[number]
        if at == 0 and state == 0:
            break
    return path
