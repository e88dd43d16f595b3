"""A small load generator over keep-alive connections on the loopback: requests are made ready before the clock starts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    """What a run came to; times in seconds."""

    seconds: float
    times: tuple[float, ...]
    statuses: dict[int, int]

    def quantile(self, q: float) -> float:
        """The q-quantile of the answer times, in milliseconds."""
        ordered = sorted(self.times)
        return round(ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000, 2)


def request(url: str, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """One request as bytes."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: keep-alive",
        *(f"{k}: {v}" for k, v in (headers or {}).items()),
    ]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(host: str, port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Sends all requests over so many connections, each waiting for its answer before the next."""
    return asyncio.run(_run(host, port, requests, connections))


async def _run(host: str, port: int, requests: Sequence[bytes], connections: int) -> Load:
    waiting = iter(requests)
    times: list[float] = []
    statuses: dict[int, int] = {}

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for ready in waiting:
            began = time.perf_counter()
            writer.write(ready)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None)
            if length is None:
                while size := int((await reader.readline()).split(b";")[0], 16):
                    await reader.readexactly(size + 2)
                await reader.readline()
            else:
                await reader.readexactly(length)
            times.append(time.perf_counter() - began)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return Load(time.perf_counter() - began, tuple(times), statuses)
