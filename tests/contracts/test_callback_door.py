"""The vendor's own known answers, beside the checkout, go through the real door. Skipped, plainly, when they are not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from zhanggui.facts.models import Connection, Inbound, Shop
from zhanggui.kernel import clock, vault

SHARED = Path(__file__).resolve().parents[3] / "shared" / "wechat" / "samples" / "crypto"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not SHARED.is_dir(), reason="no shared/wechat/samples beside the checkout: the vendor's vectors are not checked"
    ),
]


def vector(name: str) -> dict[str, Any]:
    """A known-answer vector."""
    data: dict[str, Any] = json.loads((SHARED / name).read_text("utf-8"))
    return data


def account(kind: str, account_id: str, token: str, aes_key: str = "") -> Connection:
    """An account whose pushes are configured as the vector says."""
    shop = Shop.objects.create(name="小店")

    def sealed(text: str) -> bytes | None:
        return vault.seal(text, shop_id=shop.pk) if text else None

    return Connection.objects.create(
        shop=shop, kind=kind, account_id=account_id, callback_key="k" * 43, callback_token_sealed=sealed(token), aes_key_sealed=sealed(aes_key)
    )  # fmt: skip


def test_the_vendors_push(client: Client) -> None:
    v = vector("callback-decrypt.json")
    row = account("wecom", v["receive_id"], v["token"], v["encoding_aes_key"])
    query = {name: v[name] for name in ("msg_signature", "timestamp", "nonce")}
    with clock.frozen(datetime.fromtimestamp(int(v["timestamp"]), UTC)):  # the vector is from 2014
        path = f"/callbacks/{row.callback_key}"
        answer = client.post(path, v["post_body"], content_type="text/xml", query_params=query)
        forged = client.post(path, v["post_body"], content_type="text/xml", query_params=query | {"nonce": "1"})
    assert (answer.status_code, forged.status_code) == (200, 403)
    kept = Inbound.objects.get()
    assert kept.kind == "message:text"
    assert vault.unseal(kept.body_sealed, shop_id=row.shop_id).decode() == v["plaintext"]
    row.refresh_from_db()
    assert row.refused_pushes == 1


def test_the_vendors_push_of_long_ago_is_stale_today(client: Client) -> None:
    v = vector("callback-decrypt.json")
    row = account("wecom", v["receive_id"], v["token"], v["encoding_aes_key"])
    query = {name: v[name] for name in ("msg_signature", "timestamp", "nonce")}
    answer = client.post(f"/callbacks/{row.callback_key}", v["post_body"], content_type="text/xml", query_params=query)
    assert (answer.status_code, answer.content) == (403, b"stale")
    assert not Inbound.objects.exists()


def test_the_vendors_signature_alone_is_accepted_and_its_content_refused(client: Client) -> None:
    """The key of this vector was never published: the signature fits, the content cannot be opened."""
    v = vector("signature-only.json")
    row = account("store", "wx0123456789abcdef", v["token"], "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
    query = {name: v[name] for name in ("msg_signature", "timestamp", "nonce")} | {"encrypt_type": "aes"}
    with clock.frozen(datetime.fromtimestamp(int(v["timestamp"]), UTC)):
        body = json.dumps({"ToUserName": "gh", "Encrypt": v["encrypt"]})
        answer = client.post(f"/callbacks/{row.callback_key}", body, content_type="application/json", query_params=query)
    assert (answer.status_code, answer.content) == (400, b"undecryptable")
    assert not Inbound.objects.exists()


def test_the_vendors_address_check(client: Client) -> None:
    v = vector("mp-url-check-signature.json")
    row = account("official", "wx0123456789abcdef", v["token"])
    query = {name: v[name] for name in ("signature", "timestamp", "nonce", "echostr")}
    answer = client.get(f"/callbacks/{row.callback_key}", query)
    assert (answer.status_code, answer.content.decode()) == (200, v["answer"])
