"""Access tokens: fetched once, shared by everyone, renewed before they die, never shown.

One refresher at a time: an asyncio lock inside the process, the store's lock across processes. Source: shop fact sheet 1.1, WeCom 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from zhanggui.wechat.errors import ConfigurationError, WechatError

logger = logging.getLogger(__name__)
RENEW_BELOW = 300.0
"""Seconds of life below which a token is renewed; the platform keeps old and new valid for five minutes."""
FORCE_APART = 30.0
FORCE_PER_DAY = 20
_DAY = 86400.0


@dataclass(frozen=True)
class Token:
    """An access token and until when it lives (epoch seconds). Its value is in no repr."""

    value: str = field(repr=False)
    expires_at: float
    fetched_at: float = 0.0
    refresh_value: str = field(default="", repr=False)
    """Tencent Ads only: the refresh token."""
    forced_at: tuple[float, ...] = ()
    """When renewal was forced in the last day (20 a day, 30 s apart)."""

    def left(self, now: float) -> float:
        """Seconds of life left."""
        return self.expires_at - now

    def fresh(self, now: float) -> bool:
        """Whether it can be used without renewing. One handed out with little life is used for half of it, not refetched at every call."""
        life = self.expires_at - self.fetched_at
        return self.left(now) >= (RENEW_BELOW if life >= RENEW_BELOW else life / 2)


class TokenStore(Protocol):
    """Where tokens are shared between processes."""

    async def load(self, key: str) -> Token | None:
        """The stored token, or None."""

    async def save(self, key: str, token: Token) -> None:
        """Stores a token."""

    def lock(self, key: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Held by the one process that may fetch the token of `key`."""


class MemoryTokenStore:
    """A store for one process."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def load(self, key: str) -> Token | None:
        """The stored token, or None."""
        return self._tokens.get(key)

    async def save(self, key: str, token: Token) -> None:
        """Stores a token."""
        self._tokens[key] = token

    @contextlib.asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """Held by the one task that may fetch."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            yield


Fetch = Callable[[bool, Token | None], Awaitable[Token]]
"""(force, the token before) → a new token."""


class TokenKeeper:
    """Gives out the token of one account and renews it, one refresher at a time.

    `fetch(force, before)` talks to the platform. Raises ConfigurationError when a valid token cannot be had.
    """

    def __init__(self, key: str, fetch: Fetch, store: TokenStore, clock: Callable[[], float], *, can_force: bool = True) -> None:
        self.key, self._fetch, self._store, self._clock, self._can_force = key, fetch, store, clock, can_force
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"TokenKeeper({self.key})"

    def cached(self) -> str | None:
        """The token in hand if it is fresh; no waiting, no lock."""
        token = self._token
        return token.value if token is not None and token.fresh(self._clock()) else None

    async def get(self) -> str:
        """A token with life left."""
        token = self._token
        if token is not None and token.fresh(self._clock()):
            return token.value
        return await self.renew()

    async def renew(self, bad: str | None = None, *, force: bool = False) -> str:
        """A token other than `bad`, which the platform has just refused; fetched in normal mode, or forced.

        If another task or process has renewed meanwhile, its token is given without a call.
        """
        async with self._lock:
            if self._token is not None and self._token.value != bad and self._token.fresh(self._clock()):
                return self._token.value
            async with self._store.lock(self.key):
                stored = await self._store.load(self.key)
                now = self._clock()
                if stored is not None and stored.value != bad and stored.fresh(now):
                    self._token = stored
                    return stored.value
                forced = tuple(at for at in (stored.forced_at if stored else ()) if now - at < _DAY)
                if force:
                    self._refuse_force(forced, now)
                    forced = (*forced, now)
                try:
                    token = await self._fetch(force, stored)
                except ConfigurationError:
                    raise
                except WechatError:
                    if not force and stored is not None and stored.value != bad and stored.left(now) > 10:
                        logger.warning("could not renew the token of %s; the old one lives on for a while", self.key)
                        self._token = stored
                        return stored.value
                    raise
                token = Token(token.value, token.expires_at, now, token.refresh_value, forced)
                await self._store.save(self.key, token)
                self._token = token
                return token.value

    def _refuse_force(self, forced: tuple[float, ...], now: float) -> None:
        if not self._can_force:
            raise ConfigurationError("凭证一直被拒绝", remedy="请检查 AppSecret 是否正确、服务器 IP 是否在白名单")
        if len(forced) >= FORCE_PER_DAY or (forced and now - forced[-1] < FORCE_APART):
            raise ConfigurationError(
                "凭证一直被拒绝，强制刷新已达上限", remedy="请检查 AppSecret / IP 白名单，并确认没有别的系统在取同一凭证"
            )


def key_of(kind: str, account: str, secret: str) -> str:
    """The key under which an account's token is shared: kind, id and a fingerprint of the secret, so a new secret means a new token."""
    return f"{kind}:{account}:{hashlib.sha256(secret.encode()).hexdigest()[:12]}"
