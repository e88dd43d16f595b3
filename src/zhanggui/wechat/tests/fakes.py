"""A WeChat that answers from a script, a clock that stands still until told, and chance that is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zhanggui.wechat.client import AdsAccount, Caller, Raw, ShopAccount, WecomAccount
from zhanggui.wechat.errors import TransportError

Answer = dict[str, Any] | Raw | TransportError | Callable[["Sent"], Any]


@dataclass
class Sent:
    """One request as the carrier saw it."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def token(self) -> str:
        """The access token in the query."""
        return self.query.get("access_token", "")


@dataclass
class FakeCarrier:
    """Answers token calls by counting up, everything else from `answers` by path (a list is used up, its last item stays)."""

    answers: dict[str, Any] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    tokens: int = 0
    life: int = 7200

    async def send(self, method: str, url: str, body: Any, headers: Mapping[str, str], timeout: float) -> Raw:
        """Gives the next answer for the path."""
        parts = urlsplit(url)
        query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        sent = Sent(method, parts.netloc, parts.path, query, json.loads(body) if isinstance(body, bytes) else body)
        self.sent.append(sent)
        answer = self.answers.get(parts.path)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(sent)
        if answer is None and parts.path in ("/cgi-bin/stable_token", "/cgi-bin/gettoken"):
            self.tokens += 1
            answer = {"access_token": f"T{self.tokens}", "expires_in": self.life}
        if answer is None:
            answer = {"errcode": 0, "errmsg": "ok"}
        if isinstance(answer, TransportError):
            raise answer
        if isinstance(answer, Raw):
            return answer
        return Raw(200, "application/json", json.dumps(answer).encode())

    def to(self, path: str) -> list[Sent]:
        """The requests to a path."""
        return [one for one in self.sent if one.path == path]


class Clock:
    """Seconds that pass only by sleeping or by `tick`."""

    def __init__(self, now: float = 1_767_240_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Passes the time at once."""
        self.slept.append(seconds)
        self.now += seconds

    def tick(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds


class Dice:
    """Chance that always throws its highest."""

    def uniform(self, low: float, high: float) -> float:
        """The upper end."""
        return high

    def getrandbits(self, bits: int) -> int:
        """A fixed number."""
        return 7


SECRET = "s3cr3t-never-shown"


def caller(carrier: FakeCarrier, clock: Clock, **options: Any) -> Caller:
    """A shop's caller over the fake."""
    account = options.pop("account", None) or ShopAccount("wx0123", SECRET)
    return Caller(account, carrier, clock=clock, sleep=clock.sleep, rng=Dice(), **options)


def wecom_account() -> WecomAccount:
    """A corp's account."""
    return WecomAccount("ww01", SECRET)


def ads_account(**more: Any) -> AdsAccount:
    """An advertiser's account."""
    return AdsAccount("25610", client_id="c", client_secret=SECRET, **{"refresh_token": "R0", **more})
