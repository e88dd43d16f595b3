"""Behaviour events from the shop's mini-program or H5 pages: checked, counted once each, answered with what became of them.

    POST /collect           {"events": [{"event_id", "ts", "kind", "openid" …}]}; the key in the header X-Zhanggui-Key
    POST /collect/<key>     the same for senders that set no header; a header that does not fit the address is refused
    200  {"accepted", "repeated", "refused": [{"at", "reason"}]}
    400 unreadable · 403 wrong key · 413 too much at once · 429 too often · 503 busy, send again

A beacon, sent while a page closes, can set no header either and carries "key" beside "events". Any page of the shop may call this (CORS,
no cookies). Fields we do not know are ignored: a newer page must not lose its events here.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Any

import orjson
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from zhanggui.doors.middleware import Throttle, client_ip
from zhanggui.facts import commands
from zhanggui.facts.models import Connection
from zhanggui.kernel import clock

MAX_BYTES = 1 << 20
MOST_EVENTS = 1000
"""Events in one call; a page sends a handful, a server that forwards them some hundreds."""
SHOWN_REFUSALS = 50
per_collector = Throttle(6000, 60)
"""Calls per collector and minute: a shop with a hundred visitors a second."""
per_visitor = Throttle(240, 60)
"""Calls per address and minute: one phone sends every few seconds; an office behind one address still fits."""
_OWN = {"127.0.0.1", "::1", ""}
_SEEN_APART = timedelta(minutes=1)
_WRONG_KEY = "钥匙不对，请从平台连接页重新复制"


@csrf_exempt
def collect(request: HttpRequest, key: str = "") -> HttpResponse:
    """The answer to one call of the shop's pages."""
    if request.method == "OPTIONS":
        return _open(HttpResponse(status=204))
    if request.method != "POST":
        response = _say(405, "请用 POST 发送")
        response["Allow"] = "POST, OPTIONS"
        return response
    ip = client_ip(request)
    wait = 0 if ip in _OWN else per_visitor.hit(ip)
    if wait:
        return _later(429, wait, "发送太频繁，请稍后再发")
    body = _body(request)
    if body is None:
        return _say(413, f"一次最多 {MAX_BYTES >> 10} KB")
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        sent = None
    told = request.headers.get("X-Zhanggui-Key") or (sent.get("key") if isinstance(sent, dict) else "") or key
    connection = _collector(key or str(told))
    if connection is None:
        return _say(403, _WRONG_KEY)
    if key and not hmac.compare_digest(key.encode(), str(told).encode("utf-8", "surrogatepass")):
        commands.refuse(connection)
        return _say(403, _WRONG_KEY)
    wait = per_collector.hit(connection.callback_key)
    if wait:
        return _later(429, wait, "发送太频繁，请稍后再发")
    if not isinstance(sent, dict) or not isinstance(sent.get("events"), list):
        return _say(400, '内容应是 {"events": […]} 形式的 JSON')
    if len(sent["events"]) > MOST_EVENTS:
        return _say(413, f"一次最多 {MOST_EVENTS} 条")
    return _record(connection, sent["events"])


def _collector(key: str) -> Connection | None:
    """The collector that the key opens; None if it opens none, or one that was closed."""
    if not 16 <= len(key) <= 64:
        return None
    found = Connection.objects.select_related("shop").filter(callback_key=key, kind=Connection.Kind.COLLECTOR)
    return found.filter(shop__closed_at=None).exclude(state="off").first()


def _record(connection: Connection, events: list[Any]) -> HttpResponse:
    try:
        done = commands.record_events(connection.shop, events)
    except OperationalError:
        return _later(503, 5, "正忙，请过几秒再发一次；重复的不会多算")
    now = clock.now()
    if done.accepted and (connection.last_push_at is None or now - connection.last_push_at > _SEEN_APART):
        Connection.objects.filter(pk=connection.pk).update(last_push_at=now)
    refused = [{"at": at, "reason": reason} for at, reason in done.refused[:SHOWN_REFUSALS]]
    return _open(JsonResponse({"accepted": done.accepted + done.hints, "repeated": done.repeated, "refused": refused}))


def _body(request: HttpRequest) -> bytes | None:
    """The body; None if it is too large. What was cut off on the way is whatever of it arrived, which is no JSON."""
    told = str(request.META.get("CONTENT_LENGTH") or "0")
    if told.isdigit() and int(told) > MAX_BYTES:
        return None
    try:
        body = bytes(request.read(MAX_BYTES + 1))
    except (UnreadablePostError, OSError):
        return b""
    return None if len(body) > MAX_BYTES else body


def _say(status: int, message: str) -> HttpResponse:
    response = JsonResponse({"message": message}, status=status, json_dumps_params={"ensure_ascii": False})
    response._has_been_logged = True  # type: ignore[attr-defined] # the path holds the key
    return _open(response)


def _later(status: int, seconds: int, message: str) -> HttpResponse:
    response = _say(status, message)
    response["Retry-After"] = str(seconds)
    return response


def _open(response: HttpResponse) -> HttpResponse:
    """With the headers that let any page read it; no cookie is ever looked at."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
    response["Access-Control-Allow-Headers"] = "Content-Type, X-Zhanggui-Key"
    response["Access-Control-Max-Age"] = "86400"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Cache-Control"] = "no-store"
    return response
