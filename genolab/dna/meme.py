"""Motifs in MEME's format, as JASPAR, HOCOMOCO and the MEME suite write them."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genolab.data.faults import reads
from genolab.data.text import open_text

Array = NDArray[np.float64]

_MATRIX: Final = re.compile(r"letter-probability matrix:", re.IGNORECASE)
_STATED: Final = re.compile(r"\b(alength|w)=\s*(\d+)")
_ROUNDED: Final = 0.02  # what probabilities of a position may add up to more or less than 1


@reads("motifs in MEME's format")
def read_meme(path: str | Path) -> dict[str, Array]:
    """Read a file of motifs, packed or not: name to probabilities of A C G T, ``(4, width)``."""
    path = Path(path).expanduser()
    with open_text(path) as opened:
        motifs = _motifs(opened, path)
    if not motifs:
        raise ValueError(
            f"{path} holds no motif: MEME's format has a line 'MOTIF name', then 'letter-probability matrix:', then "
            "a row of four probabilities a position"
        )
    return motifs


def _motifs(lines: Iterable[str], path: Path) -> dict[str, Array]:
    rows: dict[str, list[list[float]]] = {}
    widths: dict[str, int] = {}
    name, is_matrix = "", False
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if line.startswith("MOTIF"):
            name, is_matrix = " ".join(words[1:]), False
        elif _MATRIX.match(line):
            if not name or name in rows:
                what = f"{name!r} occurs twice" if name else "one has none"
                raise ValueError(f"{path}, line {number}: each motif needs a name of its own, and {what}: rename it")
            stated = dict(_STATED.findall(line))
            if stated.get("alength", "4") != "4":
                raise ValueError(
                    f"{path}, line {number}: motifs of DNA have 4 letters, {name!r} has {stated['alength']}"
                )
            rows[name], is_matrix = [], True
            widths |= {name: int(stated["w"])} if "w" in stated else {}
        elif is_matrix and words and (is_matrix := _is_number(words[0])):
            rows[name].append(_probabilities(words, f"{path}, line {number}"))
        elif is_matrix and rows[name]:
            is_matrix = False
    for name, matrix in rows.items():
        if not matrix or len(matrix) != widths.get(name, len(matrix)):
            raise ValueError(
                f"{path}: motif {name!r} has {len(matrix)} rows of probabilities, and should have "
                f"{widths.get(name, 'some')}: the file was cut short or changed; fetch it again"
            )
    return {name: np.array(matrix).T for name, matrix in rows.items()}


def _probabilities(words: list[str], where: str) -> list[float]:
    """Return a row of the matrix, checked."""
    values = [float(word) for word in words if _is_number(word)]
    if len(values) != len(words) or len(values) != 4 or min(values) < 0 or not abs(sum(values) - 1) <= _ROUNDED:
        raise ValueError(
            f"{where}: a position has four probabilities, of A C G T, that add up to 1, got {' '.join(words)[:60]!r}"
        )
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
