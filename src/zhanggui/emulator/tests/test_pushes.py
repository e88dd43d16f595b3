"""What the platform pushes: encrypted as the fact sheets say, readable by the house's own callbacks, repeated on the platform's schedule."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from zhanggui.emulator.testing import ANCHOR, Running, running, serving, small
from zhanggui.wechat.callbacks import Callback, open_envelope
from zhanggui.wechat.crypto import CallbackKeys, answer_url_check
from zhanggui.wechat.errors import CallbackAnomalous
from zhanggui.wechat.schemas.events import GroupPush

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


class Receiver:
    """A merchant's callback address: verifies, reads, notes, and answers what the test tells it to."""

    def __init__(self, receiver: str) -> None:
        self.keys = CallbackKeys("tok", KEY, receiver)
        self.got: list[Callback] = []
        self.forged = 0
        self.answers: list[tuple[int, bytes]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """ASGI."""
        body = (await receive()).get("body", b"")
        query = dict(parse_qsl(scope["query_string"].decode()))
        status, answer = self.answers.pop(0) if self.answers else (200, b"success")
        if scope["method"] == "GET":
            answer = answer_url_check(query, self.keys).encode()
        else:
            self.bodies.append(body)
            try:
                self.got.append(open_envelope(body, query, self.keys))
            except CallbackAnomalous as error:
                assert error.why == "forged"
                self.forged += 1
                status, answer = 403, b"no"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": answer})


@contextlib.contextmanager
def pushed(kind: str = "shop", **config: Any) -> Iterator[tuple[Running, Receiver]]:
    """A running emulator that pushes to a receiver."""
    with running(small(**{"orders": 400, "days": 40, **config})) as emu:
        own = {"shop": emu.keys.shop_appid, "wecom": emu.keys.corp_id}[kind]
        there = Receiver(own)
        with serving(there) as base:
            target = {"kind": kind, "url": f"{base}/callbacks/k1", "token": "tok", "aes_key": KEY, "verify": True}
            assert emu.control("callbacks/targets", target)["check"]["ok"] is True
            yield emu, there


def test_a_day_of_shop_pushes_is_read_and_tells_what_happened() -> None:
    with pushed() as (emu, there):
        world = emu.emulator.world
        begin = world.now
        emu.advance(hours=24)
        kinds = Counter(one.kind for one in there.got)
        assert {
            "channels_ec_order_new",
            "channels_ec_order_pay",
            "channels_ec_order_deliver",
            "channels_ec_order_confirm",
        } <= kinds.keys()
        assert all(one.supported and one.mode == "safe" and one.source == "shop" for one in there.got)
        created = world.orders["t_create"]
        expected = {str(world.order_id(row)) for row in range(len(created)) if begin < created[row] <= world.now}
        assert {one.entity_id for one in there.got if one.kind == "channels_ec_order_new"} == expected
        assert kinds["channels_ec_order_new"] == len(expected), "each told once"
        assert len({one.dedup_key for one in there.got}) == len(there.got)
        shop_keys = b"channels_ec_order_new"
        assert all(b'"Encrypt"' in body and shop_keys not in body for body in there.bodies), "nothing travels in clear"
        assert emu.control("status")["pushes"]["failed"] == 0


def test_wecom_pushes_are_sealed_xml() -> None:
    with pushed("wecom", orders=3000) as (emu, there):
        emu.advance(hours=36)
        assert {"change_external_contact", "change_external_chat"} <= {one.kind for one in there.got}
        assert all(body.startswith(b"<xml>") and b"<Encrypt>" in body for body in there.bodies)
        joined = next(one for one in there.got if one.kind == "change_external_chat")
        assert isinstance(joined.payload, GroupPush)
        assert joined.payload.changed, "who came or went is told"
        assert all(one.created_at is not None for one in there.got)


def test_the_retry_schedule_is_the_platform_s_and_ends() -> None:
    with pushed() as (emu, there):
        there.answers = [(500, b"oops")] * 40
        event = {
            "ToUserName": "gh",
            "FromUserName": "o",
            "CreateTime": 1,
            "MsgType": "event",
            "Event": "channels_ec_order_new",
            "order_info": {"order_id": 9},
        }
        before = len(there.got)
        emu.control("callbacks/send", {"kind": "shop", "event": event})
        for _ in range(30):
            emu.advance(minutes=10)
        mine = [one for one in there.got[before:] if one.entity_id == "9"]
        assert len(mine) == 10, "a first push and nine retries, then never again"
        log = next(
            row
            for row in emu.control("callbacks/log")["pushes"]
            if row["event"] == "channels_ec_order_new" and row["body"]["order_info"]["order_id"] == 9
        )
        at = [round(attempt["at"] - log["attempts"][0]["at"]) for attempt in log["attempts"]]
        assert at == [0, 0, 0, 10, 70, 370, 2170, 5770, 9370, 12970]
        assert log["state"] == "given_up"
        assert len({one.dedup_key for one in mine}) == 1, "a retry is known as the same push"


@pytest.mark.parametrize("answer", [(200, b"fail"), (200, b'"success"'), (302, b""), (404, b"success")])
def test_any_other_answer_means_again(answer: tuple[int, bytes]) -> None:
    with pushed() as (emu, there):
        there.answers = [answer]
        event = {
            "ToUserName": "gh",
            "FromUserName": "o",
            "CreateTime": 1,
            "MsgType": "event",
            "Event": "channels_ec_order_new",
            "order_info": {"order_id": 9},
        }
        emu.control("callbacks/send", {"kind": "shop", "event": event})
        emu.advance(seconds=1)
        assert [one.entity_id for one in there.got].count("9") == 2


def test_pushes_come_twice_late_out_of_order_forged_or_never() -> None:
    with pushed(orders=4000) as (emu, there):
        emu.control("faults", {"kind": "cb_duplicate", "path": "channels_ec_order_new"})
        emu.control("faults", {"kind": "cb_lost", "path": "channels_ec_order_settle"})
        emu.control("faults", {"kind": "cb_disorder", "path": "channels_ec_order_pay", "seconds": 900, "rate": 0.5})
        emu.control("faults", {"kind": "cb_forged", "path": "channels_ec_order_deliver", "rate": 0.3})
        emu.advance(hours=24)
        kinds = Counter(one.kind for one in there.got)
        new = [one.dedup_key for one in there.got if one.kind == "channels_ec_order_new"]
        assert len(new) == 2 * len(set(new)) > 0, "every new order is told twice, and known as the same"
        assert kinds["channels_ec_order_settle"] == 0
        assert emu.control("status")["pushes"]["lost"] > 0
        assert there.forged > 0
        assert (
            len({one.dedup_key for one in there.got if one.kind == "channels_ec_order_deliver"})
            == kinds["channels_ec_order_deliver"]
        )
        paid = [one.created_at for one in there.got if one.kind == "channels_ec_order_pay"]
        assert paid != sorted(paid), "held back pushes are overtaken"
        assert all(at is not None and at >= ANCHOR for at in paid)
