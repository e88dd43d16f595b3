"""One token for all processes: two real ones over one database fetch it once, and once again when the platform has revoked it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from zhanggui.kernel.tests.processes import environment

ROUNDS = 3


class Platform:
    """Counts tokens and calls; only the newest token is good, and `revoke` makes even that one bad."""

    def __init__(self) -> None:
        self.url, self.fetched, self.calls, self.refused = "", 0, 0, 0
        self.good = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with any number of requests."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
                await reader.readexactly(size)
                body = json.dumps(self.answer(head.split(b"\r\n", 1)[0].decode())).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, line: str) -> dict[str, object]:
        """The answer to a request line."""
        if "stable_token" in line:
            self.fetched += 1
            self.good = f"T{self.fetched}"
            return {"access_token": self.good, "expires_in": 7200}
        self.calls += 1
        if not self.good or f"access_token={self.good} " not in line:
            self.refused += 1
            return {"errcode": 40001, "errmsg": "invalid credential"}
        return {"errcode": 0, "order": {"order_id": "1"}}


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    """A platform on a free port."""
    found = Platform()
    listening = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield found


CALLER = f"""
import asyncio, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
import django
django.setup()
from zhanggui.facts.tokens import DatabaseTokenStore
from zhanggui.wechat.client import Caller, ShopAccount, Transport
from zhanggui.wechat.shop import ShopClient

async def main(url):
    async with Transport() as transport:
        store = DatabaseTokenStore(7)
        client = ShopClient(Caller(ShopAccount("wx", "secret"), transport, hosts={{"api.weixin.qq.com": url}}, store=store))
        for _ in range({ROUNDS}):
            print("ready", flush=True)
            sys.stdin.readline()
            orders = await asyncio.gather(*(client.order("1") for _ in range(20)))
            print("done", len(orders), flush=True)

asyncio.run(main(sys.argv[1]))
"""


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


@pytest.mark.django_db(transaction=True)
async def test_two_processes_fetch_one_token(platform: Platform, tmp_path: Path) -> None:
    env = await asyncio.to_thread(environment, tmp_path / "home")
    command = (sys.executable, "-c", CALLER, platform.url)
    pair = [
        await asyncio.create_subprocess_exec(*command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for number in range(ROUNDS):
            assert [await _line(one) for one in pair] == ["ready", "ready"]
            if number == 2:
                platform.good = ""  # what the platform does when an administrator resets the secret of a token
            for one in pair:
                assert one.stdin is not None
                one.stdin.write(b"go\n")
            assert [await _line(one) for one in pair] == ["done 20", "done 20"]
            assert platform.fetched == (2 if number == 2 else 1), f"round {number}"
        assert [await asyncio.wait_for(one.wait(), 60) for one in pair] == [0, 0]
    finally:
        for one in pair:
            if one.returncode is None:
                one.kill()
                await one.wait()
    assert platform.calls - platform.refused == 2 * 20 * ROUNDS
