"""The worker's line to the platforms: one event loop in its own thread, one connection pool, one pace per account.

Jobs are plain functions that write to the database; what they read from WeChat comes through here, so that fetching and writing overlap
and no transaction ever waits for the network.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings

from zhanggui.facts.models import Connection
from zhanggui.facts.tokens import DatabaseTokenStore
from zhanggui.kernel import vault
from zhanggui.kernel.errors import Unconfigured
from zhanggui.wechat.ads import AdsClient
from zhanggui.wechat.budget import Budget
from zhanggui.wechat.client import AdsAccount, Caller, Client, ShopAccount, Transport, WecomAccount
from zhanggui.wechat.mini_program import MiniProgramClient
from zhanggui.wechat.official_account import OfficialAccountClient
from zhanggui.wechat.shop import ShopClient
from zhanggui.wechat.tokens import MemoryTokenStore, TokenStore
from zhanggui.wechat.wecom import WecomClient

T = TypeVar("T")
R = TypeVar("R")
PARALLEL = 24
"""Gets in flight per account; the account's budget decides how fast they go."""
CLIENTS: dict[str, type[Client]] = {
    "store": ShopClient,
    "wecom": WecomClient,
    "official": OfficialAccountClient,
    "mini": MiniProgramClient,
    "ads": AdsClient,
}
_Account = ShopAccount | WecomAccount | AdsAccount
store_for: Callable[[int], TokenStore] = DatabaseTokenStore
"""Makes the token store of a shop; tests put a MemoryTokenStore here."""


class _Line:
    """The loop, its thread and what lives on it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="network", daemon=True)
        self.transport: Transport | None = None
        self.callers: dict[tuple[Any, ...], Caller] = {}
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    async def close(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        # A call that is still under way would open the pool again.
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.transport is not None:
            await self.transport.close()
        await self.loop.shutdown_asyncgens()


_line: _Line | None = None
_guard = threading.Lock()


def _open() -> _Line:
    global _line
    with _guard:
        if _line is None or not _line.thread.is_alive():
            _line = _Line()
        return _line


def hang_up() -> None:
    """Closes the pool and ends the thread; the next use opens a new line."""
    global _line
    with _guard:
        line, _line = _line, None
    if line is not None:
        line.submit(line.close()).result(10)
        line.loop.call_soon_threadsafe(line.loop.stop)
        line.thread.join(10)
        line.loop.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that runs on the line."""
    return _open().submit(work).result()


def stream(source: Callable[[], AsyncIterator[T]], *, ahead: int = 4) -> Iterator[T]:
    """The items of an async iterator, fetched up to `ahead` items before they are asked for. Stops fetching when the reader stops."""
    line = _open()
    queue: asyncio.Queue[tuple[bool, Any]] = asyncio.Queue(maxsize=ahead)

    async def pump() -> None:
        try:
            async for item in source():
                await queue.put((True, item))
            await queue.put((False, None))
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            await queue.put((False, error))

    task = line.submit(pump())
    try:
        while True:
            more, item = line.submit(queue.get()).result()
            if not more:
                if item is not None:
                    raise item
                return
            yield item
    finally:
        task.cancel()


async def each(items: Iterable[T], fetch: Callable[[T], Awaitable[R]], *, parallel: int = PARALLEL) -> list[R]:
    """The answers for all items in their order, at most `parallel` in flight. The first error ends the rest."""
    source = iter(enumerate(items))
    answers: dict[int, R] = {}

    async def one() -> None:
        for at, item in source:
            answers[at] = await fetch(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(parallel):
            group.create_task(one())
    return [answers[at] for at in sorted(answers)]


def first_error(error: BaseException) -> BaseException:
    """What really went wrong inside a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def each_plain(items: Iterable[T], fetch: Callable[[T], Awaitable[R]], *, parallel: int = PARALLEL) -> list[R]:
    """As `each`, raising the error itself instead of a group."""
    try:
        return await each(items, fetch, parallel=parallel)
    except BaseExceptionGroup as group:
        raise first_error(group) from None


async def ahead(source: AsyncIterator[T], fetch: Callable[[T], Awaitable[R]], *, depth: int = 3) -> AsyncIterator[R]:
    """What `fetch` gives for each item of `source`, in order, with up to `depth` of them under way at once."""
    waiting: deque[asyncio.Future[R]] = deque()
    try:
        async for item in source:
            waiting.append(asyncio.ensure_future(fetch(item)))
            if len(waiting) >= depth:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


# -- clients -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Secrets:
    """What opens an account; never printed."""

    secret: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    access_token: str = ""
    agent_id: str = ""

    def __repr__(self) -> str:
        return "Secrets(…)"

    @classmethod
    def of(cls, text: str) -> Secrets:
        """From what is kept sealed: JSON, or a bare secret."""
        if text.startswith("{"):
            body = json.loads(text)
            return cls(**{name: str(body.get(name) or "") for name in cls.__dataclass_fields__})
        return cls(secret=text)

    def text(self) -> str:
        """What to keep sealed."""
        return json.dumps({name: getattr(self, name) for name in self.__dataclass_fields__ if getattr(self, name)})


def account_of(kind: str, account_id: str, secrets: Secrets) -> _Account:
    """The account as the client wants it. Raises Unconfigured if its secret is missing."""
    if kind in ("store", "official", "mini"):
        if not secrets.secret:
            raise Unconfigured("没有填写 AppSecret", remedy="请在连接页填写")
        return ShopAccount(account_id, secrets.secret)
    if kind == "wecom":
        if not secrets.secret:
            raise Unconfigured("没有填写应用 Secret", remedy="请在连接页填写")
        return WecomAccount(account_id, secrets.secret, secrets.agent_id)
    if kind == "ads":
        return AdsAccount(
            account_id, secrets.client_id, secrets.client_secret or secrets.secret, secrets.refresh_token, secrets.access_token
        )
    raise Unconfigured("这种连接没有接口可调用")


def secrets_of(connection: Connection) -> Secrets:
    """A connection's secrets, unsealed."""
    return Secrets.of(vault.unseal_text(connection.secret_sealed, shop_id=connection.shop_id))


def client_of(connection: Connection, secrets: Secrets | None = None) -> Any:
    """The reading client of a connection; clients of one account share token, pool and pace within the process."""
    known = secrets or secrets_of(connection)
    line = _open()
    key = (connection.shop_id, connection.kind, connection.account_id, hash(known), tuple(sorted(settings.WECHAT_HOSTS.items())))

    async def make() -> Caller:
        if line.transport is None:
            line.transport = Transport()
        caller = line.callers.get(key)
        if caller is None:
            account = account_of(connection.kind, connection.account_id, known)
            caller = line.callers[key] = Caller(
                account, line.transport, hosts=settings.WECHAT_HOSTS, store=store_for(connection.shop_id), budget=Budget()
            )
        return caller

    return CLIENTS[connection.kind](line.submit(make()).result())


__all__ = [
    "MemoryTokenStore",
    "Secrets",
    "account_of",
    "ahead",
    "client_of",
    "each",
    "each_plain",
    "hang_up",
    "run",
    "secrets_of",
    "stream",
]
