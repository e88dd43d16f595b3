"""Money as integer 分 and shares as 0..1; 元 and percent exist only at the edges."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NewType

Fen = NewType("Fen", int)
"""An amount in CNY cents."""
Rate = NewType("Rate", float)
"""A share between 0 and 1."""

_NOISE = re.compile(r"[\s,，_￥¥元圆]|RMB|CNY", re.IGNORECASE)


def fen_from_yuan(text: str | int | float | Decimal) -> Fen:
    """The 分 of an amount written in 元 ("1,234.50", "￥12", "(3.00)" = -3.00), rounded half up to a whole 分.

    Raises ValueError on text that is no finite amount.
    """
    raw = _NOISE.sub("", str(text))
    negative = raw.startswith(("(", "（")) and raw.endswith((")", "）"))
    if negative:
        raw = raw[1:-1]
    try:
        value = Decimal(raw)
    except InvalidOperation as error:
        raise ValueError(f"not an amount: {text!r}") from error
    if not value.is_finite():
        raise ValueError(f"not an amount: {text!r}")
    fen = int((value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return Fen(-fen if negative else fen)


def yuan(fen: int) -> str:
    """`fen` as 元 text with two decimals and thousands separators: 123456 → "1,234.56"."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(int(fen)), 100)
    return f"{sign}{whole:,}.{cents:02d}"


def split(total: int, weights: list[int]) -> list[Fen]:
    """`total` 分 split in proportion to `weights` by largest remainder, so that the parts sum to it exactly.

    All-zero weights split evenly. An empty list of weights with a non-zero total raises ValueError.
    """
    if not weights:
        if total:
            raise ValueError("nothing to split over")
        return []
    if any(w < 0 for w in weights):
        raise ValueError("weights must not be negative")
    weights = weights if sum(weights) else [1] * len(weights)
    sign, amount, whole = (-1 if total < 0 else 1), abs(total), sum(weights)
    parts = [amount * w // whole for w in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return [Fen(sign * p) for p in parts]
