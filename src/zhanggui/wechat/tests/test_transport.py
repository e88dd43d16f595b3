"""The real transport against a real socket: what arrives, what is lost, and that no URL leaks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from zhanggui.wechat.client import Caller, ShopAccount, Transport
from zhanggui.wechat.endpoints import endpoint
from zhanggui.wechat.errors import IpNotAllowed, TransportError
from zhanggui.wechat.shop import ShopClient
from zhanggui.wechat.writes.shop import ShopWrites

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A small HTTP server that records requests and lets a handler answer."""

    def __init__(self, handler: Handler) -> None:
        self.handler, self.requests = handler, list[bytes]()
        self.url = ""
        self.tasks: list[asyncio.Task[None]] = []

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection in a task that the fixture waits for."""
        self.tasks.append(asyncio.ensure_future(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        body = await reader.readexactly(size) if size else b""
        self.requests.append(head + body)
        await self.handler(head, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def reply(body: bytes, status: str = "200 OK", length: int | None = None, kind: str = "application/json") -> bytes:
    """An HTTP answer."""
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[Server]]]:
    """Starts servers and stops them."""
    running: list[asyncio.Server] = []
    servers: list[Server] = []

    async def start(handler: Handler) -> Server:
        server = Server(handler)
        servers.append(server)
        listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
        running.append(listening)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        return server

    yield start
    for server in servers:
        await asyncio.gather(*server.tasks)
    for one in running:
        one.close()
        await one.wait_closed()


def by_path(answers: dict[bytes, bytes]) -> Handler:
    """Answers by a piece of the request line; the token call always works."""

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        line = head.split(b"\r\n", 1)[0]
        found = next((answer for piece, answer in answers.items() if piece in line), None)
        writer.write(found or reply(b'{"access_token":"TOK+/=","expires_in":7200}'))
        await writer.drain()

    return handler


async def no_sleep(seconds: float) -> None:
    """Waits not at all."""


async def test_a_call_over_a_socket(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    server = await serve(
        by_path({b"order/get": reply('{"errcode":0,"order":{"order_id":3705115058471208928,"note":"茶"}}'.encode())})
    )
    async with Transport() as transport:
        one = Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": server.url + "/api.weixin.qq.com"})
        data = await one.call(endpoint("order.get"), {"order_id": "3705115058471208928", "note": "茶"})
    assert data["order"]["order_id"] == 3705115058471208928
    line = server.requests[1].split(b"\r\n")[0]
    assert line == b"POST /api.weixin.qq.com/channels/ec/order/get?access_token=TOK%2B%2F%3D HTTP/1.1"
    assert server.requests[1].endswith('{"order_id":"3705115058471208928","note":"茶"}'.encode())


async def test_a_truncated_answer_is_a_transport_error_without_the_url(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    server = await serve(by_path({b"order/get": reply(b'{"errcode":0,', length=500)}))
    async with Transport() as transport:
        one = Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": server.url}, sleep=no_sleep, attempts=2)
        with pytest.raises(TransportError) as caught:
            await one.call(endpoint("order.get"), {"order_id": "1"})
    assert caught.value.sent is True
    assert caught.value.__context__ is None
    assert "TOK" not in f"{caught.value!r}{caught.value}"
    assert len(server.requests) == 3


async def test_a_slow_answer_times_out(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    over = asyncio.Event()

    async def silent(head: bytes, writer: asyncio.StreamWriter) -> None:
        await over.wait()

    server = await serve(silent)
    async with Transport() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send("GET", server.url + "/x?access_token=TOK", None, {}, 0.05)
        assert caught.value.sent is True
        assert "TOK" not in repr(caught.value)
    over.set()


async def test_a_connection_that_drops_in_the_middle_of_a_chunked_answer_is_asked_again(
    serve: Callable[[Handler], Awaitable[Server]],
) -> None:
    whole = b'{"errcode":0,"order":{"order_id":"1"}}'
    turns = iter([whole[:20], whole[:20], whole])

    async def chunked(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"stable_token" in head:
            writer.write(reply(b'{"access_token":"TOK","expires_in":7200}'))
            return
        body = next(turns)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        writer.write(b"%x\r\n%s\r\n" % (len(body), body))
        if body is whole:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    server = await serve(chunked)
    async with Transport() as transport:
        one = Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": server.url}, sleep=no_sleep)
        data = await one.call(endpoint("order.get"), {"order_id": "1"})
    assert data["order"] == {"order_id": "1"}
    assert len(server.requests) == 4, "the token, and the call three times"


async def test_a_write_whose_answer_was_lost_is_not_sent_again(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    server = await serve(by_path({b"delivery/send": reply(b'{"errcode":0', length=400)}))
    async with Transport() as transport:
        writes = ShopWrites(Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": server.url}, sleep=no_sleep))
        with pytest.raises(TransportError) as caught:
            await writes.ship("1", [{"delivery_id": "SF", "waybill_id": "7"}])
    assert caught.value.sent is True
    assert sum(b"delivery/send" in request for request in server.requests) == 1


async def test_an_address_of_version_six_and_a_long_answer() -> None:
    """The host may be overridden by any base URL; numbers of any length keep every digit on the way."""
    long = 3705115058471208928901234567890

    async def one_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        body = b'{"access_token":"T","expires_in":7200}'
        if b"order/get" in head:
            body = b'{"errcode":0,"order":{"order_id":%d,"openid":"o","blob":"%s"}}' % (long, b"x" * 3_000_000)
        writer.write(reply(body))
        await writer.drain()
        writer.close()

    try:
        listening = await asyncio.start_server(one_connection, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    async with listening, Transport() as transport:
        base = f"http://[::1]:{listening.sockets[0].getsockname()[1]}"
        client = ShopClient(Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": base}))
        order = await client.order("1")
    assert order.order_id == str(long)
    assert len((order.model_extra or {})["blob"]) == 3_000_000


async def test_nobody_listening_means_not_sent() -> None:
    async with Transport() as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send("POST", "http://127.0.0.1:9/x?access_token=TOK", b"{}", {}, 2.0)
    assert caught.value.sent is False
    assert caught.value.__context__ is None


async def test_forbidden_without_json_is_the_allow_list(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    server = await serve(by_path({b"order/get": reply(b"", "403 Forbidden", kind="text/html")}))
    async with Transport() as transport:
        with pytest.raises(IpNotAllowed):
            await Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": server.url}).call(
                endpoint("order.get"), {"order_id": "1"}
            )


async def test_redirects_are_not_followed(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    server = await serve(by_path({b"/x": elsewhere}))
    async with Transport() as transport:
        assert (await transport.send("GET", server.url + "/x", None, {}, 2.0)).status == 302


async def test_an_upload_is_multipart(serve: Callable[[Handler], Awaitable[Server]]) -> None:
    server = await serve(by_path({b"img/upload": reply(b'{"errcode":0,"pic_file":{"img_url":"https://mmecimage.cn/p/1"}}')}))
    async with Transport() as transport:
        writes = ShopWrites(Caller(ShopAccount("wx", "sec"), transport, hosts={"api.weixin.qq.com": server.url}))
        assert await writes.upload_image(b"\xff\xd8", "a.jpg") == "https://mmecimage.cn/p/1"
    request = server.requests[-1]
    assert b"/shop/ec/basics/img/upload?access_token=TOK%2B%2F%3D&resp_type=1&upload_type=0 " in request
    assert b'name="media"; filename="a.jpg"' in request
