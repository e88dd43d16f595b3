"""Platform tokens shared by all processes, in the database: sealed, and fetched by one process at a time.

The lock is one conditional UPDATE (free or expired → mine): nobody reads first and writes afterwards. A process that dies holding it is
waited out. Implements `wechat.tokens.TokenStore` for one shop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import connection
from django.db.models import Q

from zhanggui.facts import bulk
from zhanggui.facts.models import StoredToken
from zhanggui.kernel import vault
from zhanggui.wechat.errors import TransportError
from zhanggui.wechat.tokens import Token

T = TypeVar("T")
HELD = timedelta(seconds=60)
"""Longer than fetching a token can take with its retries; shorter than anybody's patience."""
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="tokens")


async def _in_thread(work: Callable[[], T]) -> T:
    """Runs database work off the event loop, leaving no connection behind."""

    def run() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


class DatabaseTokenStore:
    """Tokens of one shop's accounts."""

    def __init__(self, shop_id: int, *, patience: float = 75.0) -> None:
        self._shop_id, self._patience = shop_id, patience

    def _key(self, key: str) -> str:
        return f"{self._shop_id}:{key}"[:120]

    async def load(self, key: str) -> Token | None:
        """The stored token, or None; one sealed under a lost key counts as none."""
        return await _in_thread(lambda: self.read(key))

    async def save(self, key: str, token: Token) -> None:
        """Stores a token; only the holder of the lock calls this."""
        await _in_thread(lambda: self.write(key, token))

    @contextlib.asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """Held by the one process that may fetch. Raises TransportError (try later) if another holds it for too long."""
        me = secrets.token_hex(16)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        pause = 0.02
        while not await _in_thread(lambda: self.take(key, me)):
            if loop.time() > until:
                raise TransportError("另一个进程正在取接口凭证，一直没有完成", sent=False)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        try:
            yield
        finally:
            await _in_thread(lambda: self.give_back(key, me))

    def read(self, key: str) -> Token | None:
        """As `load`, for code that is not async."""
        row = StoredToken.objects.filter(pk=self._key(key)).first()
        if row is None or row.token_sealed is None:
            return None
        try:
            body = json.loads(vault.unseal(row.token_sealed, shop_id=self._shop_id))
        except vault.Unopenable:
            return None
        return Token(body["value"], body["expires_at"], body["fetched_at"], body["refresh_value"], tuple(body["forced_at"]))

    def write(self, key: str, token: Token) -> None:
        """As `save`, for code that is not async."""
        body = {
            "value": token.value,
            "expires_at": token.expires_at,
            "fetched_at": token.fetched_at,
            "refresh_value": token.refresh_value,
            "forced_at": list(token.forced_at),
        }
        StoredToken.objects.update_or_create(
            pk=self._key(key),
            defaults={
                "token_sealed": vault.seal(json.dumps(body), shop_id=self._shop_id),
                "expires_at": datetime.fromtimestamp(token.expires_at, UTC),
                "forced_at": datetime.fromtimestamp(token.forced_at[-1], UTC) if token.forced_at else None,
                "forced_today": min(len(token.forced_at), 32767),
            },
        )

    def take(self, key: str, me: str) -> bool:
        """Whether the lock is now `me`'s."""
        now = datetime.now(UTC)
        mine = {"lock_owner": me, "lock_until": now + HELD}
        free = Q(lock_until__isnull=True) | Q(lock_until__lt=now)
        if StoredToken.objects.filter(free, pk=self._key(key)).update(**mine):
            return True
        if StoredToken.objects.filter(pk=self._key(key)).exists():
            return False
        bulk.insert(StoredToken, ("key",), [(self._key(key),)], ignore=True)
        return bool(StoredToken.objects.filter(free, pk=self._key(key)).update(**mine))

    def give_back(self, key: str, me: str) -> None:
        """Frees the lock if it still is `me`'s."""
        StoredToken.objects.filter(pk=self._key(key), lock_owner=me).update(lock_owner="", lock_until=None)
