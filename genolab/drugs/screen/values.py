"""Measured values as people and readers write them -> numbers, bounds, and what is none."""

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

_SIGN: Final = re.compile(r"(?P<sign><<|>>|[<>]=?|=[<>]?|[\u2264\u2265~\u2248])?\s*(?P<rest>.*)", re.DOTALL)
_SIGNS: Final = {"<": "<", ">": ">", "\u2264": "<", "\u2265": ">", "=<": "<", "=>": ">"}
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)

# A decimal comma, thousands with commas, and what may be either: 1,5 or 0,125; 1,234.5 or 1,234,567; 1,500.
_COMMA: Final = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_EITHER: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")

_MISSING: Final = frozenset(
    re.split(
        r"\s*,\s*",
        "na, n/a, n.a., n.a, nan, nd, n.d., n.d, n/d, nt, n.t., n/t, none, null, nil, missing, -, --, ---, ., ?, #n/a, "
        "#value!, #div/0!, not determined, not tested, not available, not measured, no data",
    )
)
# Words of plate readers, and marks that stand for them.
_ABOVE: Final = re.compile(
    r"ov(er|r)?([\s_-]*(fl?o?w?|range|rng|load))?|ofl?|sat(\.|d|urated|uration)?|max\.?|hi(gh)?|[*]+|[+]+|>"
)
_BELOW: Final = re.compile(r"un?de?r?([\s_-]*(fl?o?w?|range|rng))?|lo(w)?|min\.?|<")


class Values(NamedTuple):
    """Numbers, missing where there are none; ``"="``, ``"<"`` or ``">"`` before them; why there is none, else ``""``.

    What is above or below a reader's range, and has no number, has its sign alone.
    """

    number: NDArray[np.float64]
    sign: NDArray[np.object_]
    reason: NDArray[np.object_]


def read_values(column: "pd.Series[Any]") -> Values:
    """Read a column: numbers, bounds, decimal commas where the column shows them, and words for what is no number."""
    import pandas as pd

    if column.dtype.kind in "biuf":
        column = pd.Series(column.to_numpy(dtype=float, na_value=np.nan))
    texts = ["" if missing else str(value).strip() for value, missing in zip(column, column.isna(), strict=True)]
    signs, rests = zip(*map(_parted, texts), strict=True) if texts else ((), ())
    decimal_comma = _decimal_comma(rests)
    if decimal_comma is None and column.attrs.get("separator") == ";":
        decimal_comma = True  # between semicolons a comma is never one of thousands
    number = np.array([_number(rest, decimal_comma) for rest in rests], dtype=np.float64)
    sign = np.array(signs, dtype=object)
    reason = np.array([_reason(*row) for row in zip(texts, signs, rests, number, strict=True)], dtype=object)
    return Values(np.where(np.isfinite(number), number, np.nan), sign, reason)


def within_range(values: Values) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Return numbers, bounds among them, and ``"above range"`` or ``"below range"`` of each that is one, else ``""``.

    A bound without a number is the highest or the lowest number of all.
    """
    number, known = values.number.copy(), values.number[np.isfinite(values.number)]
    beyond = np.array([{">": "above range", "<": "below range"}.get(sign, "") for sign in values.sign], dtype=object)
    if len(known):
        for sign, end in ((">", known.max()), ("<", known.min())):
            number[(values.sign == sign) & np.isnan(number)] = end
    beyond[np.isnan(number)] = ""
    return number, beyond


def _parted(text: str) -> tuple[str, str]:
    """Return the sign and what stands after it; of a reader's words there is but the sign."""
    word = text.lower().strip("#[]()'\" ")
    for sign, words in ((">", _ABOVE), ("<", _BELOW)):
        if words.fullmatch(word) or (word.startswith(sign) and words.fullmatch(word[1:].strip())):
            return sign, ""
    match = _SIGN.fullmatch(text)
    assert match is not None  # it matches any text
    sign = match["sign"] or "="
    rest = match["rest"].strip().replace("\u2212", "-").replace("\u00a0", "").replace("\u202f", "")
    return _SIGNS.get(sign, _SIGNS.get(sign[0], "=")), rest


def _decimal_comma(texts: tuple[str, ...]) -> bool | None:
    """Return whether commas of a column are decimal; ``None`` where nothing shows it."""
    with_comma = [text for text in texts if "," in text]
    decimal = any(_COMMA.fullmatch(text) and not _EITHER.fullmatch(text) for text in with_comma)
    thousands = any(_THOUSANDS.fullmatch(text) and not _EITHER.fullmatch(text) for text in with_comma)
    if decimal != thousands:
        return decimal
    return None if thousands or not any("." in text and _NUMBER.fullmatch(text) for text in texts) else False


def _number(text: str, decimal_comma: bool | None) -> float:
    if _EITHER.fullmatch(text) and decimal_comma is None:
        return np.nan
    if _THOUSANDS.fullmatch(text) and not (decimal_comma and _EITHER.fullmatch(text)):
        text = text.replace(",", "")
    elif _COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    return float(text) if _NUMBER.fullmatch(text) else np.nan


def _reason(text: str, sign: str, rest: str, number: float) -> str:
    if np.isfinite(number):
        return ""
    if not text or text.lower() in _MISSING:
        return "no value" if not text else f"no value ({text!r})"
    if not rest:
        return f"{'above' if sign == '>' else 'below'} range, without a number ({text!r})"
    if _EITHER.fullmatch(rest):
        return f"{text!r} may be {rest.replace(',', '.')} or {rest.replace(',', '')}"
    return f"{text!r} is no number"
