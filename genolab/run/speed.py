"""How fast a run goes, by its last seconds."""

import time
from collections import deque

_WINDOW_S = 5.0


class Speed:
    """Optimiser steps a second over a sliding window, so that it follows a change of the machine's load."""

    def __init__(self) -> None:
        self._ticks: deque[tuple[float, int]] = deque()

    def reset(self) -> None:
        """Forget the past, after a pause."""
        self._ticks.clear()

    def tick(self, step: int) -> None:
        """Note that `step` steps are done."""
        now = time.perf_counter()
        self._ticks.append((now, step))
        while now - self._ticks[0][0] > _WINDOW_S:
            self._ticks.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """The speed; ``None`` until two steps give one."""
        ticks = tuple(self._ticks)
        if len(ticks) < 2 or ticks[-1][0] <= ticks[0][0]:
            return None
        return (ticks[-1][1] - ticks[0][1]) / (ticks[-1][0] - ticks[0][0])
