"""The emulator on a free port inside a test: `with running(config) as emu:` gives base addresses, a control client and the emulator itself.

A small HTTP/1.1 runner on asyncio serves it from a thread, so tests need no other server and no network beyond the loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.error import HTTPError

from zhanggui.emulator.config import EmulatorConfig
from zhanggui.emulator.engine import Emulator
from zhanggui.emulator.server import App, create_app

T = TypeVar("T")
ANCHOR = datetime(2026, 3, 20, 4, 0, tzinfo=UTC)
_REASONS = {
    200: "OK",
    201: "Created",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    500: "Internal Server Error",
    502: "Bad Gateway",
    504: "Gateway Timeout",
}


def small(**changes: Any) -> EmulatorConfig:
    """A configuration for tests: a small shop of 90 days, a stopped clock, a fixed anchor (2026-03-20 12:00 China time)."""
    return EmulatorConfig(**{"now": ANCHOR, "orders": 1500, "days": 90, "speed": 0.0, "seed": 7, **changes})


class Runner:
    """Serves one ASGI application over HTTP/1.1 from its own thread and event loop."""

    def __init__(self, app: Callable[..., Any], port: int = 0) -> None:
        self.app, self.port = app, port
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="asgi-runner")

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=64 * 1024 * 1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def start(self) -> None:
        """Starts serving."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Stops serving and ends the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the server's loop and gives its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(ConnectionError, RuntimeError):
                writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = [
            (k.strip().lower().encode(), v.strip().encode("latin1"))
            for k, _, v in (line.partition(":") for line in lines[1:] if line)
        ]
        fields = dict(headers)
        body = b""
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        elif b"content-length" in fields:
            body = await reader.readexactly(int(fields[b"content-length"]))
        path, _, query = target.partition("?")
        sent = [{"type": "http.request", "body": body, "more_body": False}]
        status, answer, out = 500, b"", list[tuple[bytes, bytes]]()

        async def receive() -> dict[str, Any]:
            return sent.pop() if sent else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status, answer, out
            if message["type"] == "http.response.start":
                status, out = message["status"], list(message.get("headers", []))
            else:
                answer += message.get("body", b"")

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": urllib.parse.unquote(path), "raw_path": path.encode(),
                 "query_string": query.encode(), "headers": headers, "scheme": "http", "root_path": "", "server": ("127.0.0.1", self.port), "client": ("127.0.0.1", 0)}  # fmt: skip
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            status, answer, out = 500, f"{type(error).__name__}: {error}".encode(), [(b"content-type", b"text/plain")]
        keep = fields.get(b"connection", b"").lower() != b"close"
        out = [h for h in out if h[0].lower() != b"content-length"] + [
            (b"content-length", str(len(answer)).encode()),
            (b"connection", b"keep-alive" if keep else b"close"),
        ]
        writer.write(
            f"HTTP/1.1 {status} {_REASONS.get(status, 'OK')}\r\n".encode()
            + b"".join(k + b": " + v + b"\r\n" for k, v in out)
            + b"\r\n"
            + answer
        )
        await writer.drain()
        return keep


class Running:
    """A served emulator. `api`, `qyapi`, `ads` are the base addresses that clients override theirs with."""

    def __init__(self, app: App, runner: Runner) -> None:
        self.app, self.emulator, self.runner = app, app.emulator, runner
        self.base = f"http://127.0.0.1:{runner.port}"
        self.api, self.qyapi, self.ads = (
            f"{self.base}/{h}" for h in ("api.weixin.qq.com", "qyapi.weixin.qq.com", "api.e.qq.com")
        )
        self.base_urls = {"api.weixin.qq.com": self.api, "qyapi.weixin.qq.com": self.qyapi, "api.e.qq.com": self.ads}
        self.keys = app.emulator.keys

    def request(self, method: str, url: str, body: Any = None) -> tuple[int, bytes]:
        """One plain request; `url` may be a path on this server."""
        target = url if url.startswith("http") else self.base + url
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        ask = urllib.request.Request(target, data=data, method=method, headers={"content-type": "application/json"})  # noqa: S310 - our own server
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(ask, timeout=60) as reply:
                return reply.status, reply.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def control(self, path: str, body: Any = None, *, method: str = "") -> Any:
        """A control call: `control("clock/advance", {"hours": 2})`; without a body a GET."""
        status, raw = self.request(method or ("GET" if body is None else "POST"), f"/emulator/{path}", body)
        if status >= 400:
            raise RuntimeError(f"{status} {raw.decode()}")
        return json.loads(raw)

    def advance(self, **span: float) -> Any:
        """Turns the clock: `advance(hours=2)`, and waits until everything due was pushed."""
        return self.control("clock/advance", span)

    def token(self, account: str = "shop") -> str:
        """A valid token of an account."""
        k = self.keys
        if account == "wecom":
            return str(self.get(f"{self.qyapi}/cgi-bin/gettoken?corpid={k.corp_id}&corpsecret={k.corp_secret}")["access_token"])
        appid, secret = {
            "shop": (k.shop_appid, k.shop_secret),
            "mini": (k.mini_appid, k.mini_secret),
            "official": (k.official_appid, k.official_secret),
        }[account]
        return str(
            self.post(f"{self.api}/cgi-bin/stable_token", {"grant_type": "client_credential", "appid": appid, "secret": secret})[
                "access_token"
            ]
        )

    def get(self, url: str) -> Any:
        """GET as JSON."""
        return json.loads(self.request("GET", url)[1])

    def post(self, url: str, body: Any) -> Any:
        """POST JSON, answer as JSON."""
        return json.loads(self.request("POST", url, body)[1])

    def call(self, path: str, body: Any = None, account: str = "shop", **query: str) -> Any:
        """One platform call with a valid token: `call("/channels/ec/order/get", {"order_id": …})`. GET when there is no body."""
        host = self.qyapi if account == "wecom" else self.api
        extra = "".join(f"&{k}={v}" for k, v in query.items())
        url = f"{host}{path}?access_token={self.token(account)}{extra}"
        return self.get(url) if body is None else self.post(url, body)


@contextlib.contextmanager
def running(config: EmulatorConfig | None = None) -> Iterator[Running]:
    """Serves an emulator on a free port for the length of the block."""
    app = create_app(config or small())
    runner = Runner(app)
    runner.start()
    runner.loop.call_soon_threadsafe(app.emulator.start)
    try:
        yield Running(app, runner)
    finally:
        runner.call(app.emulator.stop())
        runner.stop()
        app.emulator.ledger.close()


@contextlib.contextmanager
def serving(app: Callable[..., Any]) -> Iterator[str]:
    """Serves any ASGI application on a free port; gives its base address. For receivers of pushes in tests."""
    runner = Runner(app)
    runner.start()
    try:
        yield f"http://127.0.0.1:{runner.port}"
    finally:
        runner.stop()


__all__ = ["ANCHOR", "Emulator", "Runner", "Running", "running", "serving", "small"]
