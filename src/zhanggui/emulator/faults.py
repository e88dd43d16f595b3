"""Faults on demand: which request or push goes wrong, decided by seeded rules so that a run can be repeated.

A rule is a dictionary: `kind`, `path` (glob over "host/path", default every path), `rate` (0..1, default 1), `count` (how often at most), and
    http       → `status` (default 500), plain-text body          errcode   → `errcode`, `errmsg` (e.g. -1, 45009, 45011)
    timeout    → no answer for `ms` (default 60000), then 504      delay     → `ms` later
    revoke     → the caller's token is revoked first               malformed → the answer is no JSON
    truncate   → the answer stops halfway                          drop      → the connection's answer is empty with status 502
    cb_duplicate, cb_lost → a callback is pushed twice, or never   cb_disorder → held back by `seconds` (default 30), so later ones overtake it
    cb_forged  → pushed with a wrong signature first               cb_delay  → pushed `seconds` late
"""

from __future__ import annotations

import fnmatch
import random
from dataclasses import dataclass, field
from typing import Any

KINDS = ("http", "errcode", "timeout", "delay", "revoke", "malformed", "truncate", "drop",
         "cb_duplicate", "cb_lost", "cb_disorder", "cb_forged", "cb_delay")  # fmt: skip


@dataclass
class Rule:
    """One fault rule with its own random stream."""

    number: int
    kind: str
    path: str = "*"
    rate: float = 1.0
    count: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    hits: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def strikes(self, path: str) -> bool:
        """Whether this rule hits a request for `path` now (counts it)."""
        if self.count is not None and self.hits >= self.count:
            return False
        if not fnmatch.fnmatchcase(path, self.path) or (self.rate < 1.0 and self.dice.random() >= self.rate):
            return False
        self.hits += 1
        return True

    def shown(self) -> dict[str, Any]:
        """The rule as the control API shows it."""
        return {
            "id": self.number,
            "kind": self.kind,
            "path": self.path,
            "rate": self.rate,
            "count": self.count,
            "hits": self.hits,
            **self.detail,
        }


class Faults:
    """All fault rules in force."""

    def __init__(self, seed: int, rules: tuple[dict[str, Any], ...] = ()) -> None:
        self.seed, self.rules, self._serial = seed, list[Rule](), 0
        for rule in rules:
            self.add(rule)

    def add(self, raw: dict[str, Any]) -> Rule:
        """Adds a rule. Raises ValueError if it is not understood."""
        kind = raw.get("kind")
        if kind not in KINDS:
            raise ValueError(f"unknown fault kind {kind!r}; one of {', '.join(KINDS)}")
        rate = float(raw.get("rate", 1.0))
        if not 0.0 <= rate <= 1.0:
            raise ValueError("rate must lie between 0 and 1")
        self._serial += 1
        detail = {k: v for k, v in raw.items() if k not in ("kind", "path", "rate", "count", "id")}
        count = raw.get("count")
        rule = Rule(self._serial, str(kind), str(raw.get("path", "*")), rate, None if count is None else int(count), detail)
        rule.dice = random.Random(f"{self.seed}:{self._serial}:{rule.kind}:{rule.path}")
        self.rules.append(rule)
        return rule

    def remove(self, number: int | None = None) -> int:
        """Removes one rule, or all; gives how many were removed."""
        before = len(self.rules)
        self.rules = [r for r in self.rules if number is not None and r.number != number]
        return before - len(self.rules)

    def on_request(self, path: str) -> list[Rule]:
        """The rules that strike a request, in the order they were given."""
        return [r for r in self.rules if not r.kind.startswith("cb_") and r.strikes(path)]

    def on_push(self, event: str) -> list[Rule]:
        """The rules that strike a callback push, matched by event name."""
        return [r for r in self.rules if r.kind.startswith("cb_") and r.strikes(event)]
