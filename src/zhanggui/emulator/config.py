"""What an emulator is started with: seed, anchor moment, size, credentials, limits and faults, all plain values."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Credentials:
    """The demo accounts. None of them is secret: they open nothing but this emulator."""

    shop_appid: str = "wxdemo5a0e17c2b34d"
    shop_secret: str = "demo-shop-secret-1f0c9d7e55a34b2f"
    shop_username: str = "gh_demo0001shop"
    mini_appid: str = "wxdemomini90c1f7ab2"
    mini_secret: str = "demo-mini-secret-b91a44fe0c7d4e61"
    official_appid: str = "wxdemogzh4471de09c1"
    official_secret: str = "demo-official-secret-77ce0d1a23b9"
    official_username: str = "gh_demo0002news"
    corp_id: str = "wwdemo7c31e9a0b254f6"
    corp_secret: str = "demo-wecom-secret-3de8f5a6b7c80912"
    agent_id: int = 1000002
    ads_client_id: str = "1112223334"
    ads_client_secret: str = "demo-ads-secret-5b6f"
    ads_account_id: str = "25610001"
    ads_refresh_token: str = "demo-ads-refresh-token"


@dataclass(frozen=True)
class EmulatorConfig:
    """Everything that decides what the emulator does; the same values (and the same log of writes) give the same shop.

    `now` is the anchor: the market's history ends there and its clock starts there; None means the moment of the first start.
    `speed` is market seconds per real second: 1 for the demo, 0 for a clock that only the control API turns.
    `pulse_seconds` > 0 keeps a running demo lively: about one order per that many seconds, until `pulse_budget` orders of the day are spent.
    `limits` maps a path to (per day, per minute); `default_limit` covers all others.
    `faults` are rules as the control API takes them, see `faults.py`.
    """

    seed: int = 20260101
    now: datetime | None = None
    orders: int = 20_000
    days: int = 548
    speed: float = 1.0
    pulse_seconds: float = 0.0
    pulse_budget: int = 120
    data_dir: str | None = None
    credentials: Credentials = field(default_factory=Credentials)
    default_limit: tuple[int, int] = (1_000_000, 300_000)
    limits: dict[str, tuple[int, int]] = field(default_factory=dict)
    token_seconds: int = 7200
    decode_per_day: int = 30
    orders_per_window: int = 20_000
    """More orders than this in one list window answer 31042, as the platform does."""
    auto_restock: bool = True
    auto_aftersale: bool = True
    """The simulated staff answers after-sales by itself after a day; False leaves them to the API."""
    echo_events: bool = True
    """Whether changes made through the API raise shop callbacks too."""
    unionid: bool = True
    latency_ms: float = 0.0
    faults: tuple[dict[str, Any], ...] = ()
    closed_paths: tuple[str, ...] = ()
    """Paths that answer 48001, to try feature detection."""
    callback_concurrency: int = 1
    tick_seconds: float = 1.0

    def to_json(self) -> str:
        """The configuration as text for another process."""
        raw = dataclasses.asdict(self)
        raw["now"] = self.now.isoformat() if self.now else None
        return json.dumps(raw)

    @staticmethod
    def from_json(text: str) -> EmulatorConfig:
        """Reads what `to_json` wrote."""
        raw = json.loads(text)
        raw["now"] = datetime.fromisoformat(raw["now"]).astimezone(UTC) if raw["now"] else None
        raw["credentials"] = Credentials(**raw["credentials"])
        raw["limits"] = {k: tuple(v) for k, v in raw["limits"].items()}
        for name in ("default_limit", "faults", "closed_paths"):
            raw[name] = tuple(raw[name])
        return EmulatorConfig(**raw)
