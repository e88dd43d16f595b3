"""How the simulated customers answer to what the shop does: the one place where cause and effect are written (演示数据).

Ground truth for measuring, so kept small and explicit. Nothing here reads the world; arrays of traits in, arrays out.

- **Price** moves the chance that a visit becomes an order, by each person's own elasticity, against the product's first list price.
- **A coupon** the visitor can use adds to that chance and is taken by those who care about price.
- **Reach** (a broadcast or a moment that was really delivered) brings *additional* visits that fade over about a day and a half. Who is not
  delivered to gets exactly none, so a hold-out group is a true control. Persons differ: a third hardly react, a few
  are put off and leave sooner.
- **Fatigue**: each further reach within a week brings less than the one before.

Base visits and arrivals are untouched by reach, and stock that is gone simply cannot be bought.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
REACH_FADES_AFTER = 1.5 * 86400.0
"""Seconds over which the extra visits fade (time constant of an exponential)."""
REACH_VISITS = {"group": 0.30, "chat": 0.42, "moments": 0.10, "official": 0.14}
"""Expected extra visits per reach, by channel, for a person of average answer."""
PUT_OFF_BELOW = 0.03
"""Persons whose `answer` trait is below this get no extra visit and leave a little sooner."""
REACH_CONVERSION_LOGIT = 0.10
COUPON_LOGIT = 0.22
FLASH_LOGIT = 0.35


def price_logit(elasticity: Any, price: Any, reference: Any) -> Any:
    """The change of the order logit when a product costs `price` instead of `reference` (分), for persons of this `elasticity`."""
    return -elasticity * np.log(np.maximum(price, 1) / np.maximum(reference, 1))


def coupon_take(elasticity: Any) -> Any:
    """The chance that a buyer uses a coupon within reach: 0.15 for the careless, up to 0.75 for the thrifty."""
    return np.clip(0.15 + 0.18 * elasticity, 0.0, 0.75)


def reach_strength(answer: Any, reaches_last_week: Any, channel: str) -> Any:
    """Expected extra visits that one delivered reach brings to persons of trait `answer` (mean 1), after fatigue."""
    fresh = 0.6 ** np.asarray(reaches_last_week, dtype=np.float64)
    return np.where(answer < PUT_OFF_BELOW, 0.0, REACH_VISITS[channel] * answer * fresh)


def reach_visits(strength: Any, reached_at: Any, start: float, end: float) -> Any:
    """Expected extra visits between `start` and `end` (s) of a reach of `strength` delivered at `reached_at`."""
    a = np.maximum(start - reached_at, 0.0)
    b = np.maximum(end - reached_at, 0.0)
    return strength * (np.exp(-a / REACH_FADES_AFTER) - np.exp(-b / REACH_FADES_AFTER))
