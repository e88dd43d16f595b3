"""The platform's manners: tokens that expire, quotas, error codes, request ids; and the table of endpoints.

A handler is `fn(emulator, body, call) -> dict | bytes`; what goes wrong is an `ApiError` (HTTP 200 with an errcode, as the platform does).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from zhanggui.emulator.engine import Emulator

API, QYAPI, ADS = "api.weixin.qq.com", "qyapi.weixin.qq.com", "api.e.qq.com"
MESSAGES = {
    -1: "system error", 40001: "invalid credential, access_token is invalid or not latest", 40013: "invalid appid", 40014: "invalid access_token",
    40066: "invalid url", 40097: "invalid args", 40125: "invalid appsecret", 41001: "access_token missing", 41002: "appid missing", 41004: "appsecret missing",
    42001: "access_token expired", 43001: "require GET method", 43002: "require POST method", 44002: "empty post data", 45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute", 47001: "data format error", 48001: "api unauthorized", 100002: "order not exist",
}  # fmt: skip


class ApiError(Exception):
    """A refusal in the platform's own words."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message = code, message or MESSAGES.get(code, "error")


@dataclass
class Call:
    """What a handler may know of the request beside its body."""

    path: str
    query: dict[str, str]
    account: str = ""
    files: bool = False
    replay: bool = False


Handler = Callable[["Emulator", dict[str, Any], Call], Any]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Route:
    """One emulated endpoint. `account` says whose token it takes; '' none. `write` calls are kept in the ledger and replayed."""

    host: str
    path: str
    method: str
    fn: Handler
    account: str
    write: bool
    raw: bool


ROUTES: dict[str, Route] = {}
"""'/host/path' → route."""


def route(
    host: str, path: str, *, method: str = "POST", account: str = "shop", write: bool = False, raw: bool = False
) -> Callable[[F], F]:
    """Declares a handler for an endpoint. `raw` bodies (uploads) are not parsed as JSON."""

    def declare(fn: F) -> F:
        key = f"/{host}{path}"
        if key in ROUTES:
            raise ValueError(f"{key} is declared twice")
        ROUTES[key] = Route(host, path, method, fn, account, write, raw)
        return fn

    return declare


def text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """A text (or number) field as text; 40097 if it is missing without a default."""
    value = body.get(name)
    if value is None or value == "":
        if default is None:
            raise ApiError(40097, f"invalid args, {name} is required")
        return default
    if isinstance(value, (dict, list)):
        raise ApiError(40097, f"invalid args, {name} should be string")
    return str(value)


def whole(body: dict[str, Any], name: str, default: int | None = None, *, low: int | None = None, high: int | None = None) -> int:
    """A whole number field, also if it came quoted; 40097 outside [low, high] or if it is none."""
    value = body.get(name)
    if value is None or value == "":
        if default is None:
            raise ApiError(40097, f"invalid args, {name} is required")
        return default
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise ApiError(40097, f"invalid args, {name} should be integer") from None
    if (low is not None and number < low) or (high is not None and number > high):
        raise ApiError(40097, f"invalid args, {name} out of range")
    return number


def listed(body: dict[str, Any], name: str, *, low: int = 1, high: int = 1000) -> list[Any]:
    """A list field with a length between low and high."""
    value = body.get(name)
    if not isinstance(value, list) or not low <= len(value) <= high:
        raise ApiError(40097, f"invalid args, {name} should be an array of {low} to {high}")
    return value


def inner(body: dict[str, Any], name: str) -> dict[str, Any]:
    """An object field."""
    value = body.get(name)
    if not isinstance(value, dict):
        raise ApiError(40097, f"invalid args, {name} should be an object")
    return value


@dataclass
class Token:
    """One issued token."""

    value: str
    account: str
    expires: float
    kind: str
    dead: bool = False


@dataclass
class Tokens:
    """All tokens the platform has issued, on its own clock."""

    seed: int
    life: int
    issued: dict[str, Token] = field(default_factory=dict)
    current: dict[tuple[str, str], Token] = field(default_factory=dict)
    forced: dict[str, list[float]] = field(default_factory=dict)
    serial: int = 0

    def _new(self, account: str, kind: str, now: float) -> Token:
        self.serial += 1
        head = {"shop": "98_", "mini": "97_", "official": "96_", "wecom": "wc_", "ads": "ad_"}[account]
        body = hashlib.sha256(f"{self.seed}:{account}:{kind}:{self.serial}:{now}".encode()).hexdigest()
        token = Token(f"{head}{body}{body[:40]}", account, now + self.life, kind)
        self.issued[token.value] = token
        self.current[(account, kind)] = token
        if len(self.issued) > 2000:
            self.issued = {k: t for k, t in self.issued.items() if t.expires > now - 86400}
        return token

    def stable(self, account: str, now: float, *, force: bool, day: int) -> Token:
        """The current token with its remaining life, a new one when under 300 s remain, or a forced one (20 a day, 30 s apart)."""
        old = self.current.get((account, "stable"))
        if force:
            used = [t for t in self.forced.get(account, []) if int((t + 28800) // 86400) == day]
            if used and now - used[-1] < 30:
                raise ApiError(45011, "api minute-quota reach limit, force_refresh too often")
            if len(used) >= 20:
                raise ApiError(45009)
            self.forced[account] = [*used, now]
            if old:
                old.dead = True
            return self._new(account, "stable", now)
        if old and not old.dead and old.expires - now >= 300:
            return old
        return self._new(account, "stable", now)

    def legacy(self, account: str, now: float) -> Token:
        """A new token; the one before lives five minutes longer."""
        old = self.current.get((account, "legacy"))
        if old:
            old.expires = min(old.expires, now + 300)
        return self._new(account, "legacy", now)

    def same(self, account: str, now: float) -> Token:
        """The current token while it is valid (WeCom, ads)."""
        old = self.current.get((account, "same"))
        return old if old and not old.dead and old.expires > now else self._new(account, "same", now)

    def revoke(self, account: str = "") -> int:
        """Kills the living tokens of an account, or all; gives how many."""
        hit = [t for t in self.issued.values() if not t.dead and account in ("", t.account)]
        for token in hit:
            token.dead = True
        return len(hit)

    def account_of(self, value: str, now: float) -> str:
        """Whose token this is. Raises 41001, 40014, 40001 or 42001."""
        token = self.issued.get(value)
        if token is None:
            if not value:
                raise ApiError(41001)
            raise ApiError(40014 if len(value) < 20 else 40001)
        if token.dead:
            raise ApiError(40001)
        if token.expires <= now:
            raise ApiError(42001)
        return token.account


@dataclass
class Quotas:
    """Calls per path: per shop day and per minute of the platform's clock."""

    default: tuple[int, int]
    special: dict[str, tuple[int, int]]
    day: int = -1
    used: dict[str, int] = field(default_factory=dict)
    minute: int = -1
    burst: dict[str, int] = field(default_factory=dict)
    cleared: dict[str, int] = field(default_factory=dict)

    def limit(self, path: str) -> tuple[int, int]:
        """(per day, per minute) of a path."""
        return self.special.get(path, self.default)

    def spend(self, path: str, day: int, minute: int) -> None:
        """Counts one call. Raises 45009 or 45011 when used up."""
        if day != self.day:
            self.day, self.used = day, {}
        if minute != self.minute:
            self.minute, self.burst = minute, {}
        per_day, per_minute = self.special.get(path, self.default)
        burst = self.burst.get(path, 0) + 1
        if burst > per_minute:
            raise ApiError(45011)
        used = self.used.get(path, 0) + 1
        if used > per_day:
            raise ApiError(45009)
        self.burst[path], self.used[path] = burst, used


def rid(dice: random.Random, now: float) -> str:
    """A request id as the platform writes it."""
    return f"{int(now):08x}-{dice.getrandbits(32):08x}-{dice.getrandbits(32):08x}"
