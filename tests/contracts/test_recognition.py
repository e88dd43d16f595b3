"""Payloads are recognised by content alone, whatever was done to them on the way, and what is no payload is not taken for one.

The captured samples (skipped, plainly, when they are not beside the checkout) are changed in the ways the platform, a proxy or an editor changes
them, and the shares that are still understood are held to what they are.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from zhanggui.wechat.payloads import examine, named

SHARED = Path(__file__).resolve().parents[3] / "shared" / "wechat" / "samples"
Change = Callable[[Any, random.Random], Any]


def on_objects(change: Callable[[dict[str, Any], random.Random], dict[str, Any]]) -> Change:
    """A change applied to every object in a document, the inner ones first."""

    def walk(value: Any, dice: random.Random) -> Any:
        if isinstance(value, dict):
            return change({key: walk(inner, dice) for key, inner in value.items()}, dice)
        return [walk(inner, dice) for inner in value] if isinstance(value, list) else value

    return walk


def other_types(value: Any, dice: random.Random) -> Any:
    """Numbers quoted, quoted numbers bare, flags in all spellings."""
    if isinstance(value, dict):
        return {key: other_types(inner, dice) for key, inner in value.items()}
    if isinstance(value, list):
        return [other_types(inner, dice) for inner in value]
    if isinstance(value, bool):
        return dice.choice([value, int(value), str(value).lower(), str(int(value))])
    if isinstance(value, int | float):
        return dice.choice([value, str(value)])
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,17})", value):
        return dice.choice([value, int(value)])
    return value


def shuffled(value: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The same fields in another order."""
    keys = list(value)
    dice.shuffle(keys)
    return {key: value[key] for key in keys}


def thinned(value: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Some fields missing, ids and the code kept."""
    return {key: inner for key, inner in value.items() if key.endswith(("id", "code", "token")) or dice.random() > 0.3} or value


def nulled(value: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Some scalars and lists null, ids kept."""
    return {
        key: None if not key.endswith(("id", "code", "token")) and not isinstance(inner, dict) and dice.random() < 0.3 else inner
        for key, inner in value.items()
    }


def grown(value: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """A field nobody knows in every object."""
    return {**value, "brand_new_field": dice.choice([1, "x", None, {"a": 1}, [1], True])}


def emptied(value: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Every list empty."""
    return {key: [] if isinstance(inner, list) else inner for key, inner in value.items()}


def wrapped(value: dict[str, Any]) -> dict[str, Any]:
    """The content put into a `data` it does not have."""
    return {key: value[key] for key in value if key.startswith("err")} | {
        "data": {key: value[key] for key in value if not key.startswith("err")}
    }


def unwrapped(value: dict[str, Any]) -> dict[str, Any] | None:
    """The content taken out of its one object; None if it has none."""
    rest = {key: inner for key, inner in value.items() if not key.startswith("err")}
    inner = next(iter(rest.values()), None)
    return (
        {**{key: value[key] for key in value if key not in rest}, **inner} if len(rest) == 1 and isinstance(inner, dict) else None
    )


def without_code(value: dict[str, Any]) -> dict[str, Any]:
    """Without errcode and errmsg, as some old calls answer."""
    return {key: inner for key, inner in value.items() if key not in ("errcode", "errmsg")}


CHANGES: dict[str, tuple[Change, float, float, frozenset[str]]] = {
    "as it is": (lambda value, dice: value, 1.0, 0.95, frozenset({"request", "response", "event"})),
    "other types": (other_types, 1.0, 0.95, frozenset({"request", "response", "event"})),
    "reordered": (on_objects(shuffled), 1.0, 0.95, frozenset({"request", "response", "event"})),
    "fields missing": (on_objects(thinned), 0.97, 0.85, frozenset({"request", "response"})),
    "nulls": (on_objects(nulled), 0.98, 0.94, frozenset({"request", "response"})),
    "lists empty": (on_objects(emptied), 0.995, 0.94, frozenset({"request", "response"})),
    "a new field everywhere": (on_objects(grown), 0.95, 0.94, frozenset({"request", "response", "event"})),
    "without errcode": (lambda value, dice: without_code(value), 0.995, 0.89, frozenset({"response"})),
    "wrapped in data": (lambda value, dice: wrapped(value), 1.0, 0.94, frozenset({"response"})),
    "taken out of its wrapper": (lambda value, dice: unwrapped(value), 0.99, 0.9, frozenset({"response"})),
    "all at once": (
        lambda value, dice: on_objects(grown)(other_types(on_objects(shuffled)(value, dice), dice), dice),
        0.95,
        0.93,
        frozenset({"request", "response", "event"}),
    ),
}
"""How → the change, and the least shares understood and named (first, or among what fits as well), and for which sides."""


@cache
def samples() -> tuple[tuple[dict[str, Any], str, str], ...]:
    """Every captured JSON document with the kind and side its file name says."""
    found = []
    for path in sorted(SHARED.rglob("*.json")):
        value = None if "crypto" in path.parts or path.name.endswith(".worked.json") else json.loads(path.read_bytes())
        if not isinstance(value, dict) or not value.keys() - {"errcode", "errmsg"}:
            continue
        stem = path.name.removesuffix(".json")
        report = examine(path.read_bytes(), as_kind="" if "events" in str(path) else stem)
        if not report.understood:
            report = examine(path.read_bytes(), name_hint=path.name)
        if not report.title.startswith("错误回复"):
            found.append((value, report.kind, report.side))
    return tuple(found)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared/wechat/samples beside the checkout: captured payloads are not checked")
@pytest.mark.parametrize("how", CHANGES)
def test_changed_samples_are_still_understood(how: str) -> None:
    change, least, least_named, sides = CHANGES[how]
    dice = random.Random(how)
    asked, lost, misnamed, lost_named = 0, [], [], []
    for value, kind, side in samples():
        changed = change(copy.deepcopy(value), dice) if side in sides else None
        if changed is None or not changed.keys() - {"errcode", "errmsg"}:
            continue
        asked += 1
        body = json.dumps(changed).encode()
        report = examine(body)
        if not report.understood:
            lost.append((kind, side, report.problems))
        elif kind != report.kind and not any(other.startswith(f"{kind}.") for other in report.others):
            misnamed.append((kind, side, report.kind))
        told = examine(body, as_kind=f"{kind}.request" if side == "request" else kind)
        if not told.understood or told.kind != kind:
            lost_named.append((kind, side, told.problems))
    assert asked > 60
    assert 1 - len(lost) / asked >= least, (len(lost), asked, lost[:20])
    assert 1 - len(misnamed) / asked >= least_named, (len(misnamed), asked, misnamed[:20])
    assert len(lost_named) / asked <= 0.015, (len(lost_named), asked, lost_named[:20])


NONSENSE: dict[str, Any] = {
    "package.json": {"name": "x", "version": "1.0.0", "description": "a thing", "scripts": {"test": "jest"}, "license": "MIT"},
    "a short package.json": {"name": "x", "version": "1.0.0", "description": "d"},
    "a map": {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}]},
    "a person": {"id": 1, "name": "Bob", "email": "b@example.com", "age": 3},
    "an address": {"name": "Bob", "address": {"street": "x", "city": "y", "zip": "1"}, "phone": "1"},
    "an issue": {"id": 1, "number": 3, "title": "t", "user": {"login": "a", "id": 2}, "state": "open", "created_at": "2020-01-01T00:00:00Z"},
    "a foreign charge": {"id": "ch_1", "object": "charge", "amount": 100, "currency": "usd", "status": "succeeded", "created": 1},
    "another market's order": {"order": {"id": 4, "email": "a@b", "total_price": "199.00", "line_items": [{"id": 1, "title": "x", "quantity": 1}]}},
    "a sealed payment notice": {"id": "EV-1", "create_time": "2018-06-08T10:34:56+08:00", "resource_type": "encrypt-resource", "event_type": "TRANSACTION.SUCCESS", "resource": {"ciphertext": "x", "nonce": "n"}},
    "a payment error": {"code": "PARAM_ERROR", "message": "参数错误"},
    "not found": {"code": 404, "message": "Not Found"},
    "a foreign success": {"code": 200, "message": "success", "data": {"id": 1, "name": "a"}},
    "another foreign success": {"code": 0, "msg": "ok", "data": {"list": [{"id": 1, "name": "a"}], "total": 1}},
    "an error": {"error": "not found"},
    "a call": {"jsonrpc": "2.0", "id": 1, "result": {"a": 1}},
    "an event of somebody": {"event": "order.created", "data": {"id": 1}},
    "a chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0},
    "a setting": {"host": "localhost", "port": 5432, "user": "a", "password": "b", "database": "c"},
    "a table row": {"订单号": "1", "金额": "2"},
    "figures": {"date": "2024-01-01", "orders": 10, "sales": 100.5, "visitors": 30},
    "foo": {"foo": {"bar": [1, 2, 3]}},
    "numbers": [1, 2, 3],
    "rows": [{"userId": 1, "id": 1, "title": "t", "completed": False}],
    "an odd code": {"errcode": "abc"},
    "a cut answer": '{"errcode":0,"order":{"order_id":"37',
    "a page": "<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad Gateway</h1></body></html>",
    "a small page": "<html><body>nginx</body></html>",
    "a feed": "<rss><channel><title>a</title></channel></rss>",
    "XML that is no push": "<order><order_id>1</order_id></order>",
    "XML with a DTD": '<!DOCTYPE x [<!ENTITY a "b">]><xml><Event>&a;</Event></xml>',
    "a form": "a=1&b=2",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("what", NONSENSE)
def test_what_is_no_payload_is_not_taken_for_one(what: str) -> None:
    value = NONSENSE[what]
    report = examine(value.encode() if isinstance(value, str) else json.dumps(value).encode())
    assert not report.understood, report.as_dict()
    assert report.problems
    assert not report.problems[0].isascii(), "the reason is said in Chinese"


ORDER_LIST = {"errcode": 0, "errmsg": "ok", "order_id_list": ["1"], "next_key": "k", "has_more": False}
AFTERSALES = {"errcode": 0, "errmsg": "ok", "after_sale_order_id_list": ["1"], "next_key": "k", "has_more": False}


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (AFTERSALES, "order.list.get"),
        (ORDER_LIST, "aftersale.getaftersalelist"),
        (ORDER_LIST, "coupon.get_list"),
        (ORDER_LIST, "channels_ec_order_pay"),
        ({"errcode": 0, "product": {"product_id": "1", "title": "茶", "skus": []}}, "order.get"),
        ({"ToUserName": "g", "FromUserName": "o", "CreateTime": 1, "MsgType": "event", "Event": "channels_ec_order_pay", "order_info": {"order_id": 1}}, "channels_ec_order_new"),
        ({"ToUserName": "g", "FromUserName": "o", "CreateTime": 1, "MsgType": "event", "Event": "channels_ec_order_pay", "order_info": {"order_id": 1}}, "order.get"),
    ],
)  # fmt: skip
def test_the_wrong_kind_is_refused_even_where_fields_are_shared(content: dict[str, Any], wrong: str) -> None:
    report = examine(json.dumps(content).encode(), as_kind=wrong)
    assert not report.understood
    assert report.problems
    assert report.sure == "given"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("channels_ec_order_pay", "channels_ec_order_pay"),
        ("ChannelsECOrderPayEvent", "channels_ec_order_pay"),
        ("change_external_contact", "change_external_contact"),
        ("ChangeExternalContactEvent.AddExternalContact.xml", "change_external_contact"),
        ("change_external_contact/add_external_contact", "change_external_contact"),
        ("message:text", "text"),
    ],
)
def test_events_can_be_named_in_many_ways(word: str, kind: str) -> None:
    meant = named(word)
    assert meant.event is not None
    assert meant.event.name == kind


def test_a_change_of_another_type_is_refused() -> None:
    push = b"<xml><ToUserName>ww</ToUserName><FromUserName>sys</FromUserName><CreateTime>1</CreateTime><MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>del_follow_user</ChangeType><UserID>u</UserID><ExternalUserID>wm</ExternalUserID></xml>"
    assert examine(push, as_kind="change_external_contact.del_follow_user").understood
    assert examine(push, as_kind="del_follow_user").understood
    assert not examine(push, as_kind="change_external_contact.add_external_contact").understood


def test_an_empty_answer_that_grew_a_field_is_understood_when_named() -> None:
    report = examine(b'{"errcode":0,"errmsg":"ok","brand_new":{"a":1}}', as_kind="product.listing")
    assert report.understood
    assert report.unknown == ["brand_new"]
    assert report.values["brand_new"] == {"a": 1}
    assert not examine(b'{"errcode":0,"errmsg":"ok","brand_new":{"a":1}}').understood


def test_an_error_answer_with_content_is_read_as_far_as_it_goes() -> None:
    body = {"errcode": 10020051, "errmsg": "bad", "data": {"product_id": 123, "create_time": "2022-07-20 20:00:00"}}
    report = examine(json.dumps(body).encode(), as_kind="product.add")
    assert report.understood
    assert report.values["errcode"] == 10020051
    assert report.values["content"]["data"] == {"product_id": "123", "create_time": "2022-07-20T20:00:00+08:00"}


def test_lines_and_mixed_lists_are_read_one_by_one() -> None:
    lines = (
        b'{"errcode":0,"order_id_list":["1"],"next_key":"","has_more":false}\n{"errcode":0,"order_id_list":[2],"has_more":0}\n'
    )
    report = examine(lines)
    assert report.understood
    assert [row["order_id_list"] for row in report.values] == [["1"], ["2"]]
    report = examine(json.dumps([ORDER_LIST, AFTERSALES]).encode())
    assert (report.understood, report.kind) == (True, "mixed")
    report = examine(json.dumps([ORDER_LIST, {"foo": 1}]).encode())
    assert not report.understood
    assert report.problems[0].startswith("[1] ")


def test_times_are_shown_with_their_zone_whatever_they_came_as() -> None:
    for written in (1767225600, "1767225600", 1767225600000, "2026-01-01 08:00:00"):
        report = examine(
            json.dumps({"errcode": 0, "order": {"order_id": 1, "create_time": written}}).encode(), as_kind="order.get"
        )
        assert report.values["order"]["create_time"] == "2026-01-01T08:00:00+08:00"
