"""Signs and sends what the platform pushes: encrypted, retried on the platform's schedule, and late, twice or lost on request.

The schedule runs on the emulator's own clock, so a turned clock turns the retries too. Shop: a first push and up to nine more, 0 s, 0 s, 10 s, 1 min,
5 min, 30 min, 60 min, 60 min, 60 min after the one before (ten at most, about 3.6 h), answer within 5 s. WeCom and 公众号: three retries.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from zhanggui.emulator.faults import Faults
from zhanggui.wechat import crypto

SHOP_RETRIES = (0, 0, 10, 60, 300, 1800, 3600, 3600, 3600)
OTHER_RETRIES = (5, 5, 5)
ANSWER_WITHIN = 5.0
KINDS = ("shop", "wecom", "official", "mini")


@dataclass
class Target:
    """Where one account's pushes go."""

    kind: str
    url: str
    token: str
    aes_key: str
    receiver: str
    shape: str = "json"
    mode: str = "safe"
    username: str = ""

    def shown(self) -> dict[str, Any]:
        """The target without its keys."""
        return {"kind": self.kind, "url": self.url, "receiver": self.receiver, "format": self.shape, "mode": self.mode}


@dataclass
class Push:
    """One event on its way to one target."""

    number: int
    target: Target
    event: dict[str, Any]
    name: str
    due: float
    attempts: list[dict[str, Any]] = field(default_factory=list)
    state: str = "waiting"
    forged: bool = False

    def shown(self) -> dict[str, Any]:
        """The push as the log shows it."""
        return {
            "id": self.number,
            "kind": self.target.kind,
            "event": self.name,
            "state": self.state,
            "due": self.due,
            "attempts": self.attempts,
            "body": self.event,
        }


def to_xml(event: dict[str, Any]) -> str:
    """The event as WeChat XML: texts in CDATA, numbers bare, lists as repeated Item."""

    def one(value: Any) -> str:
        if isinstance(value, dict):
            return "".join(f"<{k}>{one(v)}</{k}>" for k, v in value.items())
        if isinstance(value, list):
            return "".join(f"<Item>{one(v)}</Item>" for v in value)
        return str(value) if isinstance(value, (int, float)) else f"<![CDATA[{value}]]>"

    return f"<xml>{one(event)}</xml>"


class Pusher:
    """Queue, schedule and log of all pushes."""

    def __init__(self, seed: int, faults: Faults, concurrency: int = 1) -> None:
        self.targets: dict[str, Target] = {}
        self.faults, self.concurrency = faults, max(1, concurrency)
        self.dice = random.Random(f"{seed}:push")
        self.queue: list[tuple[float, int, int, Push]] = []
        self.log: list[Push] = []
        self.counts = {"sent": 0, "delivered": 0, "failed": 0, "given_up": 0, "lost": 0, "without_target": 0}
        self._serial = 0
        self._turn = 0
        self._session: aiohttp.ClientSession | None = None
        self._busy = asyncio.Lock()

    def enqueue(self, kind: str, event: dict[str, Any], due: float) -> Push | None:
        """Queues an event for the target of its kind; counts it if nobody listens. Faults may lose, double or delay it."""
        target = self.targets.get(kind)
        if target is None:
            self.counts["without_target"] += 1
            return None
        name = str(event.get("Event", ""))
        copies, forged = 1, False
        for rule in self.faults.on_push(name) if self.faults.rules else ():
            if rule.kind == "cb_lost":
                copies = 0
            elif rule.kind == "cb_duplicate":
                copies += 1
            elif rule.kind in ("cb_disorder", "cb_delay"):
                due += float(rule.detail.get("seconds", 30))
            elif rule.kind == "cb_forged":
                forged = True
        if copies == 0:
            self.counts["lost"] += 1
            return None
        push = None
        for i in range(copies):
            self._serial += 1
            push = Push(self._serial, target, event, name, due, forged=forged and i == 0)
            self._keep(push)
            self._schedule(push)
        return push

    def _keep(self, push: Push) -> None:
        self.log.append(push)
        if len(self.log) > 4000:
            del self.log[:1000]

    def _schedule(self, push: Push) -> None:
        self._turn += 1
        heapq.heappush(self.queue, (push.due, push.number, self._turn, push))

    def next_due(self) -> float | None:
        """When the next push is due, if any."""
        return self.queue[0][0] if self.queue else None

    async def deliver(self, until: float) -> int:
        """Pushes everything due up to `until` in order of time, retries included; gives how many pushes were made."""
        made = 0
        async with self._busy:
            while self.queue and self.queue[0][0] <= until:
                batch: list[Push] = []
                while self.queue and self.queue[0][0] <= until and len(batch) < self.concurrency:
                    batch.append(heapq.heappop(self.queue)[3])
                await asyncio.gather(*(self._attempt(push) for push in batch))
                made += len(batch)
        return made

    def envelope(self, push: Push, at: float) -> tuple[str, bytes, str]:
        """URL, body and content type of one push, signed and (in safe mode) encrypted."""
        target = push.target
        stamp, nonce = str(int(at)), str(self.dice.randrange(10**8, 10**10))
        plain = to_xml(push.event).encode() if target.shape == "xml" else orjson.dumps(push.event)
        query = {"signature": crypto.signature(target.token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
        if target.mode == "safe":
            sealed = crypto.encrypt(plain, target.aes_key, target.receiver)
            signed = crypto.signature(target.token, stamp, nonce, sealed)
            if push.forged:
                signed = "0" * 40
            to = str(push.event.get("ToUserName", target.username))
            if target.kind == "wecom":
                query = {"msg_signature": signed, "timestamp": stamp, "nonce": nonce}
            else:
                query |= {"openid": str(push.event.get("FromUserName", "")), "encrypt_type": "aes", "msg_signature": signed}
            if target.shape == "xml":
                agent = f"<AgentID><![CDATA[{push.event.get('AgentID', '')}]]></AgentID>" if target.kind == "wecom" else ""
                plain = (
                    f"<xml><ToUserName><![CDATA[{to}]]></ToUserName>{agent}<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
                )
            else:
                plain = orjson.dumps({"ToUserName": to, "Encrypt": sealed})
        elif push.forged:
            query["signature"] = "0" * 40
        joiner = "&" if "?" in target.url else "?"
        return f"{target.url}{joiner}{urlencode(query)}", plain, "text/xml" if target.shape == "xml" else "application/json"

    async def session(self) -> aiohttp.ClientSession:
        """The HTTP client for pushes."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN), trust_env=False)
        return self._session

    async def _attempt(self, push: Push) -> None:
        at = push.due
        url, body, kind = self.envelope(push, at)
        status, answer = 0, ""
        self.counts["sent"] += 1
        try:
            session = await self.session()
            async with session.post(
                url, data=body, headers={"content-type": kind, "user-agent": "Mozilla/4.0 (emulator)"}
            ) as reply:
                status, answer = reply.status, (await reply.text(errors="replace"))[:200]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            answer = type(error).__name__
        good = status == 200 and (answer.strip() in ("success", "") or push.target.kind == "wecom")
        push.attempts.append({"at": at, "status": status, "answer": answer, "ok": good, "forged": push.forged})
        if push.forged:
            push.forged = False
            self._schedule(push)
            return
        if good:
            push.state = "delivered"
            self.counts["delivered"] += 1
            return
        self.counts["failed"] += 1
        retries = SHOP_RETRIES if push.target.kind == "shop" else OTHER_RETRIES
        tried = sum(1 for a in push.attempts if not a["forged"])
        if tried > len(retries):
            push.state = "given_up"
            self.counts["given_up"] += 1
            return
        push.due = at + retries[tried - 1]
        push.state = "retrying"
        self._schedule(push)

    async def check_url(self, target: Target, at: float) -> dict[str, Any]:
        """Asks the target as the platform does when an address is saved (GET with echostr); says whether it answered rightly."""
        stamp, nonce, echo = str(int(at)), str(self.dice.randrange(10**8, 10**10)), str(self.dice.randrange(10**15, 10**18))
        query = {"signature": crypto.signature(target.token, stamp, nonce), "timestamp": stamp, "nonce": nonce, "echostr": echo}
        if target.kind == "wecom":
            sealed = crypto.encrypt(echo.encode(), target.aes_key, target.receiver)
            query = {
                "msg_signature": crypto.signature(target.token, stamp, nonce, sealed),
                "timestamp": stamp,
                "nonce": nonce,
                "echostr": sealed,
            }
        joiner = "&" if "?" in target.url else "?"
        try:
            session = await self.session()
            async with session.get(f"{target.url}{joiner}{urlencode(query)}") as reply:
                answer = await reply.text(errors="replace")
                return {"ok": reply.status == 200 and answer == echo, "status": reply.status, "answer": answer[:200]}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return {"ok": False, "status": 0, "answer": type(error).__name__}

    async def close(self) -> None:
        """Closes the HTTP client."""
        if self._session is not None:
            await self._session.close()
            self._session = None
