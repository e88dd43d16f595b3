"""Who is still a customer? Probability of buying again, expected purchases and value per customer, from nothing but (customer, day, amount).

Three layers, each corrected by what the shop's own past says:

1. `fit` — purchases at a rate that differs between customers (gamma), until a customer silently leaves at a rate that also differs (gamma): the
   Pareto/NBD model (Schmittlein, Morrison & Colombo 1987). Customers come down to (repeat purchases, recency, age), equal ones are counted once,
   the integral over the day of leaving is an 8-point Gauss-Legendre sum that is exact in its sharp factor. A weak prior on the four parameters
   makes every shop converge and pulls small ones towards an ordinary shop.
2. `forecast` — rolling origins in the shop's own past: at each, layer 1 is refitted on what was known then, and a ridge regression (logistic for
   "buys again", Poisson for how often) learns what it got wrong from regularity, recent pace, spend, basket and the same season last year.
   Only relative corrections are taken over as they are; the level is taken over in so far as the past windows were as long as the horizon.
3. Intervals — a zero-modified negative binomial around the two forecasts whose spread is chosen on the same past windows.

`judge` adds the backtest beside the fixed rule "30 days silent = lost" and says *undecided* where the history cannot carry an answer.
All days are integers, durations in days; the model's own unit is the week.
"""

from __future__ import annotations

from zhanggui.stats.lifetime.forecasting import LEVEL, MIN_CUSTOMERS, Forecast, Window, forecast
from zhanggui.stats.lifetime.judgement import (
    MIN_BACKTEST_OUTCOMES,
    MIN_HISTORY_DAYS,
    MIN_REPEAT_BUYERS,
    RULE_DAYS,
    Accuracy,
    Flagging,
    Lifetime,
    VerdictWord,
    default_horizon,
    judge,
    measure,
)
from zhanggui.stats.lifetime.model import Base, Params, fit, log_likelihood, predict
from zhanggui.stats.lifetime.purchases import WEEK, Purchases, Refunds, Summary, gather, outcome, summarise

__all__ = [
    "LEVEL", "MIN_BACKTEST_OUTCOMES", "MIN_CUSTOMERS", "MIN_HISTORY_DAYS", "MIN_REPEAT_BUYERS", "RULE_DAYS", "WEEK", "Accuracy", "Base", "Flagging",
    "Forecast", "Lifetime", "Params", "Purchases", "Refunds", "Summary", "VerdictWord", "Window", "default_horizon", "fit", "forecast", "gather", "judge",
    "log_likelihood", "measure", "outcome", "predict", "summarise",
]  # fmt: skip
