"""The emulator itself: one market, one turnable clock, the platform's manners and the pushes, behind a plain ASGI application."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from zhanggui.emulator import behaviour, events, protocol
from zhanggui.emulator.behaviour import Analytics
from zhanggui.emulator.callbacks import Pusher, Target
from zhanggui.emulator.config import EmulatorConfig
from zhanggui.emulator.faults import Faults, Rule
from zhanggui.emulator.ledger import Ledger
from zhanggui.emulator.market.words import DAY, day_begin, day_number
from zhanggui.emulator.protocol import ApiError, Call, Quotas, Route, Tokens
from zhanggui.emulator.shopworld import World

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_JSON = [(b"content-type", b"application/json; charset=utf-8"), (b"x-simulated", b"zhanggui-emulator")]
PULSE_SLICE = 600.0


class Clock:
    """Two readings turned together: `market` (may run faster) for what happens in the shop, `service` for tokens, limits and retries."""

    def __init__(self, start: float, speed: float) -> None:
        self.speed = speed
        self._market = self._service = start
        self._real = time.monotonic()

    def _rest(self) -> float:
        return time.monotonic() - self._real

    def market(self) -> float:
        """The market's present (epoch seconds)."""
        return self._market + self._rest() * self.speed

    def service(self) -> float:
        """The platform's present: real time since the start plus every turn; stands still when the clock is stopped."""
        return self._service + (self._rest() if self.speed > 0 else 0.0)

    def turn(self, seconds: float) -> None:
        """Moves both readings ahead."""
        self._market += seconds
        self._service += seconds

    def set_speed(self, speed: float) -> None:
        """Changes the speed from here on; 0 stops the clock."""
        market, service = self.market(), self.service()
        self._market, self._service, self._real, self.speed = market, service, time.monotonic(), speed


class Emulator:
    """A WeChat to practise on. `start()` makes the market; the object is an ASGI application for the platform's hosts."""

    def __init__(self, config: EmulatorConfig) -> None:
        from zhanggui.emulator import hosts  # the endpoint modules fill the route table and need this module's types

        hosts.load()
        self.config = config
        self.keys = config.credentials
        self.ledger = Ledger(config.data_dir)
        self.faults = Faults(config.seed, config.faults)
        self.collectors: dict[str, dict[str, Any]] = {}
        self.requests: Counter[str] = Counter()
        self.dice = random.Random(f"{config.seed}:rid")
        self.rids: dict[str, dict[str, Any]] = {}
        self.store: dict[str, Any] = {}
        self.crashes: deque[str] = deque(maxlen=50)
        self.decoded: dict[int, set[int]] = {}
        self.pages: dict[str, tuple[str, list[str]]] = {}
        self.started_in = 0.0
        self._pumping = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._make()

    def _make(self) -> None:
        begun = time.perf_counter()
        config = self.config
        anchor = config.now or datetime.fromtimestamp(int(time.time()), UTC)
        identity = {"seed": config.seed, "orders": config.orders, "days": config.days}
        kept = self.ledger.setting("identity")
        if kept and {k: kept[k] for k in identity} == identity:
            anchor = datetime.fromisoformat(kept["anchor"])
        else:
            self.ledger.clear()
            self.ledger.keep("identity", {**identity, "anchor": anchor.isoformat()})
        self.world = World(
            config.seed,
            anchor,
            orders=config.orders,
            days=config.days,
            auto_restock=config.auto_restock,
            auto_aftersale=config.auto_aftersale,
        )
        self.world.run_history()
        self.analytics = Analytics(self.world)
        self.tokens = Tokens(config.seed, config.token_seconds)
        self.quotas = Quotas(
            config.default_limit,
            {"/cgi-bin/stable_token": (500_000, 10_000), "/channels/ec/product/getauditquota": (1_000_000, 500), **config.limits},
        )
        self.pusher = Pusher(config.seed, self.faults, config.callback_concurrency)
        self.pulse_used: Counter[int] = Counter()
        self._replay()
        start = self.world.now
        if config.speed > 0 and config.now is None:
            start = max(start, time.time())
        self.clock = Clock(start, config.speed)
        self._advance(start)
        for raw in self.ledger.setting("targets", []):
            self.pusher.targets[raw["kind"]] = Target(**raw)
        self.collectors = {c["url"]: c for c in self.ledger.setting("collectors", [])}
        self.pushed_until = self.world.now
        self.started_in = time.perf_counter() - begun

    # --- time ---------------------------------------------------------------------------------------------------------

    def _replay(self) -> None:
        for at, kind, body in self.ledger.entries():
            if kind == "slice":
                self._settle_to(body[0])
                self.world.make_slice(body[0], body[1], body[2])
                if body[2]:
                    self.pulse_used[day_number(body[0])] += int(body[2])
            elif kind == "write":
                self._settle_to(at)
                known = protocol.ROUTES.get(body["key"])
                if known is not None:
                    known.fn(self, body["body"], Call(known.path, body["query"], account=known.account, replay=True))
            elif kind == "place":
                self._settle_to(at)
                self.world.place_orders(int(body))

    def _settle_to(self, until: float) -> list[tuple[float, int, int]]:
        """Lets the market's clock pass to `until`, with the appointments on the way; makes no new slices."""
        world = self.world
        happened: list[tuple[float, int, int]] = []
        while world.due and world.due[0][0] <= until:
            at, _, work = world.due[0]
            happened += world.settle(max(at, world.now))
            heapq.heappop(world.due)
            work()
        return happened + world.settle(max(until, world.now))

    def _advance(self, target: float) -> list[tuple[float, int, int]]:
        """Runs the market up to `target`, drawing slices as time reaches them; gives what happened."""
        world = self.world
        happened: list[tuple[float, int, int]] = []
        while world.simulated <= target:
            start = world.simulated
            happened += self._settle_to(start)
            midnight = day_begin(day_number(start) + 1)
            pulse = 0.0
            if target - start > 2 * DAY:
                end = midnight
            else:
                end = min(float(int(start // 3600 + 1) * 3600), midnight)
                if (
                    self.config.pulse_seconds > 0
                    and self.pulse_used[day_number(start)] < self.config.pulse_budget
                    and target - start < 7200
                ):
                    end = min(start + PULSE_SLICE, end)
                    pulse = (end - start) / self.config.pulse_seconds
                    self.pulse_used[day_number(start)] += int(pulse)
            world.make_slice(start, end, pulse)
            self.ledger.append(start, "slice", [start, end, pulse])
        return happened + self._settle_to(max(target, world.now))

    async def pump(self, *, deliver: bool = True) -> dict[str, int]:
        """Brings market, pushes and collectors up to the clock; gives what was done."""
        async with self._pumping:
            before = self.world.now
            happened = self._advance(self.clock.market())
            queued = self._announce(happened)
            made = await self.pusher.deliver(self.clock.service()) if deliver else 0
            events_sent = await self._collect() if deliver else 0
            return {
                "seconds": round(self.world.now - before),
                "happened": len(happened),
                "queued": queued,
                "pushed": made,
                "events": events_sent,
            }

    async def turn(self, seconds: float, *, deliver: bool = True) -> dict[str, int]:
        """Turns the clock ahead and lets everything due on the way happen."""
        self.clock.turn(seconds)
        return await self.pump(deliver=deliver)

    def _announce(self, happened: list[tuple[float, int, int]]) -> int:
        if not self.pusher.targets:
            self.pusher.counts["without_target"] += len(happened)
            return 0
        shift = self.clock.service() - self.clock.market()
        queued = 0
        for at, kind, row in happened:
            found = events.of(self, at, kind, row)
            if found is not None:
                account, event = found
                queued += self.pusher.enqueue(account, event, max(at + shift, 0.0)) is not None
        return queued

    def announce(self, account: str, event: dict[str, Any]) -> None:
        """Queues an event that a write caused (unless it is being replayed)."""
        if self.config.echo_events and hasattr(self, "clock"):
            self.pusher.enqueue(account, event, self.clock.service())

    async def _collect(self) -> int:
        """Sends what visitors did since the last time to the merchant's own collector, in batches of 500."""
        since, until = self.pushed_until, self.world.now
        self.pushed_until = until
        if not self.collectors or until <= since:
            return 0
        batch = behaviour.between(self.world, since, until)
        rows = list(behaviour.as_rows(self.world, batch))
        session = await self.pusher.session()
        for start in range(0, len(rows), 500):
            body = orjson.dumps({"events": rows[start : start + 500]})
            for target in self.collectors.values():
                headers = {"content-type": "application/json", "x-zhanggui-key": str(target.get("key", ""))}
                try:
                    async with session.post(target["url"], data=body, headers=headers) as reply:
                        target["last_status"] = reply.status
                        if reply.status < 300:
                            target["sent"] = target.get("sent", 0) + len(rows[start : start + 500])
                except Exception as error:
                    target["last_status"], target["last_error"] = 0, type(error).__name__
        return len(rows)

    async def run_clock(self) -> None:
        """Keeps the market running with the clock until cancelled."""
        while True:
            await asyncio.sleep(self.config.tick_seconds)
            if self.clock.speed > 0 or self.pusher.next_due() is not None:
                await self.pump()

    def start(self) -> None:
        """Starts the running clock in the present event loop."""
        if self._task is None and self.config.tick_seconds > 0 and self.clock.speed > 0:
            self._task = asyncio.get_running_loop().create_task(self.run_clock())

    async def stop(self) -> None:
        """Stops the clock and closes what is open."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.pusher.close()

    async def reset(self) -> None:
        """Forgets all writes and makes the market anew from seed and anchor."""
        async with self._pumping:
            self.ledger.clear()
            self.store.clear()
            self.decoded.clear()
            self.pages.clear()
            self.faults.remove()
            await self.pusher.close()
            self._make()

    # --- requests -------------------------------------------------------------------------------------------------------

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request to a platform host."""
        path: str = scope["path"]
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if self.config.latency_ms:
            await asyncio.sleep(self.config.latency_ms / 1000)
        struck: list[Rule] = self.faults.on_request(path[1:]) if self.faults.rules else []
        status, answer, headers = 200, b"", _JSON
        for rule in struck:
            if rule.kind in ("delay", "timeout"):
                await asyncio.sleep(float(rule.detail.get("ms", 60_000 if rule.kind == "timeout" else 1000)) / 1000)
        forced = next((r for r in struck if r.kind not in ("delay", "revoke", "malformed", "truncate")), None)
        if forced is not None:
            self.requests[path] += 1
            if forced.kind == "errcode":
                answer = self._failure(
                    ApiError(int(forced.detail.get("errcode", -1)), str(forced.detail.get("errmsg", ""))), path
                )
            else:
                status = {"http": int(forced.detail.get("status", 500)), "timeout": 504, "drop": 502}[forced.kind]
                answer, headers = (b"" if forced.kind == "drop" else b"Internal Server Error"), [(b"content-type", b"text/plain")]
        else:
            query = dict(parse_qsl(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True))
            if any(r.kind == "revoke" for r in struck):
                token = self.tokens.issued.get(query.get("access_token", ""))
                if token is not None:
                    token.dead = True
            answer = self.answer(scope["method"], path, query, body, scope.get("headers") or ())
            if isinstance(answer, tuple):
                answer, kind = answer
                headers = [(b"content-type", kind.encode()), (b"x-simulated", b"zhanggui-emulator")]
        for rule in struck:
            if rule.kind == "malformed":
                answer = b"<html><body>502 Bad Gateway</body></html>"
            elif rule.kind == "truncate":
                answer = answer[: max(1, len(answer) // 2)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def answer(self, method: str, path: str, query: dict[str, str], raw: bytes, headers: Any = ()) -> Any:
        """The answer to one request as bytes (or bytes and content type)."""
        self.requests[path] += 1
        known = protocol.ROUTES.get(path)
        try:
            if known is None:
                raise ApiError(40066)
            if known.method == "GET" and method != "GET":
                raise ApiError(43001)
            if known.method == "POST" and method != "POST":
                raise ApiError(43002)
            return self._serve(known, query, raw, headers)
        except ApiError as error:
            return self._failure(error, path, query, raw)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # A request of a shape no handler expects; the platform answers such things with "system error", and so do we, keeping the reason.
            self.crashes.append(f"{path}: {type(error).__name__}: {error}")
            return self._failure(ApiError(-1), path, query, raw)

    def _serve(self, known: Route, query: dict[str, str], raw: bytes, headers: Any) -> Any:
        account = ""
        if known.account:
            account = self.tokens.account_of(query.get("access_token", ""), self.clock.service())
            if account not in known.account.split("|") or known.path in self.config.closed_paths:
                raise ApiError(48001)
        self.quotas.spend(known.path, day_number(self.world.now), int(self.clock.service() // 60))
        body: dict[str, Any] = {}
        if known.raw:
            body = {"_raw": raw, "_type": next((v.decode("latin1") for k, v in headers if k.lower() == b"content-type"), "")}
        elif known.method == "POST":
            if not raw:
                raise ApiError(44002)
            try:
                parsed = orjson.loads(raw)
            except orjson.JSONDecodeError:
                raise ApiError(47001) from None
            if not isinstance(parsed, dict):
                raise ApiError(47001)
            body = parsed
        result = known.fn(self, body, Call(known.path, query, account))
        if known.write:
            self.ledger.append(
                self.world.now,
                "write",
                {
                    "key": f"/{known.host}{known.path}",
                    "query": {k: v for k, v in query.items() if k != "access_token"},
                    "body": body if not known.raw else {},
                },
            )
        if isinstance(result, (bytes, tuple)):
            return result
        if known.host == protocol.ADS:
            return orjson.dumps({"code": 0, "message": "", "message_cn": "", "data": result})
        if result.pop("_bare", False):
            return orjson.dumps(result)
        return orjson.dumps({"errcode": 0, "errmsg": "ok", **result})

    def _failure(self, error: ApiError, path: str, query: dict[str, str] | None = None, raw: bytes = b"") -> bytes:
        if path.startswith(f"/{protocol.ADS}"):
            return orjson.dumps({"code": error.code, "message": error.message, "message_cn": error.message, "data": {}})
        number = protocol.rid(self.dice, self.world.now)
        if len(self.rids) > 500:
            self.rids.clear()
        self.rids[number] = {"invoke_time": int(self.world.now), "cost_in_ms": 1, "request_url": path, "request_body": raw[:2000].decode("utf-8", "replace"),
                             "response_body": f'{{"errcode":{error.code}}}', "client_ip": "127.0.0.1"}  # fmt: skip
        return orjson.dumps({"errcode": error.code, "errmsg": f"{error.message} rid: {number}"})
