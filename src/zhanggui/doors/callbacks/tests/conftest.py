"""A shop with accounts whose pushes can be signed and sealed as the platform would."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from zhanggui.facts import network
from zhanggui.facts.commands import connections
from zhanggui.facts.models import Connection, Shop
from zhanggui.wechat import crypto

TOKEN = "zhangguitoken"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OLD_KEY = "Zyxwvutsrqponmlkjihgfedcba9876543210GFEDCBA"
APP = "wx0123456789abcdef"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))


def keys(aes_key: str = KEY, *, token: str = TOKEN, receiver: str = APP) -> crypto.CallbackKeys:
    """What a push is sealed with."""
    return crypto.CallbackKeys(token=token, aes_key=aes_key, receiver=receiver)


def event(name: str = "channels_ec_order_pay", **more: Any) -> dict[str, Any]:
    """A shop push."""
    body = {"order_info": {"order_id": "3705115058471208928", "pay_time": "1767225500"}} | more
    return {"ToUserName": "gh_1", "FromUserName": "oABC", "CreateTime": 1767225600, "MsgType": "event", "Event": name, **body}


def seal(
    content: Any, *, stamp: str = STAMP, shape: str = "json", by: crypto.CallbackKeys | None = None
) -> tuple[bytes, dict[str, str]]:
    """Body and query of an encrypted push."""
    message = content if isinstance(content, bytes) else json.dumps(content).encode()
    by = by or keys()
    box = crypto.seal(message, by, timestamp=stamp, nonce="99")
    query = {
        "msg_signature": box["MsgSignature"],
        "timestamp": stamp,
        "nonce": "99",
        "encrypt_type": "aes",
        "signature": crypto.signature(by.token, stamp, "99"),
    }
    if shape == "xml":
        return (
            f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{box['Encrypt']}]]></Encrypt></xml>".encode(),
            query,
        )
    return json.dumps({"ToUserName": "gh_1", "Encrypt": box["Encrypt"]}).encode(), query


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(name="小店")


@pytest.fixture
def store(shop: Shop) -> Connection:
    """The shop's store account, its pushes configured."""
    return connections.connect(shop, "store", APP, network.Secrets(secret="s" * 32), callback_token=TOKEN, aes_key=KEY, by="王")


@pytest.fixture
def push(store: Connection, client: Client) -> Callable[..., Any]:
    """Posts to an account's address (the store's)."""

    def send(body: bytes, query: dict[str, str], to: Connection = store, **headers: str) -> Any:
        path = connections.callback_path(to)
        return client.post(path, body, content_type="application/json", query_params=query, headers=headers)

    return send
