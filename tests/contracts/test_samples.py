"""Every captured WeChat payload beside the checkout is understood, by content alone and by name. Skipped, plainly, when they are not there.

The samples (MIT, provenance in their READMEs) are not copied into this repository; `test_variations.py` holds our own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zhanggui.wechat import crypto
from zhanggui.wechat.callbacks import open_envelope, understand
from zhanggui.wechat.callbacks import parse_body as parse
from zhanggui.wechat.payloads import Report, examine

SHARED = Path(__file__).resolve().parents[3] / "shared" / "wechat" / "samples"
FILES = (
    sorted(path for path in SHARED.rglob("*") if path.suffix in (".json", ".xml") and "crypto" not in path.parts)
    if SHARED.is_dir()
    else []
)
PAYLOADS = [path for path in FILES if not path.name.endswith(".worked.json")]
pytestmark = pytest.mark.skipif(
    not FILES, reason="no shared/wechat/samples beside the checkout: captured payloads are not checked"
)


def ids_are_text(value: Any, path: str = "") -> list[str]:
    """Paths of ids that are not text."""
    wrong: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith(("_id", "openid", "unionid")) and isinstance(inner, int | float) and not isinstance(inner, bool):
                wrong.append(f"{path}.{key}")
            wrong += ids_are_text(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            wrong += ids_are_text(inner, f"{path}[]")
    return wrong


def name_of(path: Path) -> str:
    """A sample's short name for test ids."""
    return str(path.relative_to(SHARED))


@pytest.mark.parametrize("path", PAYLOADS, ids=name_of)
def test_a_sample_is_understood_by_content_alone(path: Path) -> None:
    report = examine(path.read_bytes())
    assert report.understood, report.as_dict()
    assert report.problems == []
    known = report.values if not report.unknown else {}
    assert ids_are_text(known) == []


SHOP = [path for path in PAYLOADS if path.parent.parent.name == "shop" and path.name.count(".") >= 3]


@pytest.mark.parametrize("path", SHOP, ids=name_of)
def test_a_shop_sample_is_what_its_name_says(path: Path) -> None:
    """The file name gives the endpoint and the side; old paths count as the endpoint they became."""
    kind, side = path.name.removesuffix(".json").rsplit(".", 1)
    report = examine(path.read_bytes(), as_kind=f"{kind}.{side}")
    assert report.understood, report.as_dict()
    if "错误码" not in "".join(report.notes):
        assert report.side == side
        assert report.kind in (kind, f"product.{kind}")
    assert report.unknown == [] or kind == "voucher.codes.upload"


def vector(name: str) -> dict[str, Any]:
    """A known-answer vector."""
    data: dict[str, Any] = json.loads((SHARED / "crypto" / name).read_text())
    return data


def test_decryption_vector() -> None:
    v = vector("callback-decrypt.json")
    keys = crypto.CallbackKeys(token=v["token"], aes_key=v["encoding_aes_key"], receiver=v["receive_id"])
    assert crypto.signature(v["token"], v["timestamp"], v["nonce"], v["encrypt"]) == v["msg_signature"]
    message, receiver = crypto.decrypt(v["encrypt"], v["encoding_aes_key"])
    assert (message.decode(), receiver) == (v["plaintext"], v["receive_id"])
    again = crypto.encrypt(message, v["encoding_aes_key"], receiver, random16=v["random_16"].encode())
    assert again == v["encrypt"]
    query = {"msg_signature": v["msg_signature"], "timestamp": v["timestamp"], "nonce": v["nonce"]}
    found = open_envelope(v["post_body"].encode(), query, keys)
    assert (found.kind, found.raw["Content"], found.sender) == ("message:text", "hello", "mycreate")


def test_signature_vectors() -> None:
    v = vector("signature-only.json")
    assert crypto.signature(v["token"], v["timestamp"], v["nonce"], v["encrypt"]) == v["msg_signature"]
    v = vector("mp-url-check-signature.json")
    assert crypto.answer_url_check(v, crypto.CallbackKeys(token=v["token"])) == v["answer"]
    v = vector("jssdk-signature.json")
    assert crypto.jssdk_signature(v["jsapi_ticket"], v["noncestr"], v["timestamp"], v["url"]) == v["signature"]


EVENTS = [path for path in PAYLOADS if any(part.startswith("events") for part in path.parts)]


@pytest.mark.parametrize("path", EVENTS, ids=name_of)
def test_a_pushed_sample_survives_sealing(path: Path) -> None:
    """Each event, encrypted as the platform would and opened again, is the same event."""
    keys = crypto.CallbackKeys(token="t", aes_key="abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", receiver="wx1")
    body = path.read_bytes()
    box = crypto.seal(body, keys, timestamp="1767225600", nonce="7")
    query = {"msg_signature": box["MsgSignature"], "timestamp": "1767225600", "nonce": "7", "encrypt_type": "aes"}
    found = open_envelope(json.dumps({"ToUserName": "x", "Encrypt": box["Encrypt"]}).encode(), query, keys)
    direct = understand(parse(body), body)
    assert (found.kind, found.entity_id, found.dedup_key) == (direct.kind, direct.entity_id, direct.dedup_key)
    assert found.supported


def test_reports_are_plain_data() -> None:
    assert set(Report().as_dict()) >= {"understood", "kind", "values", "unknown_fields", "problems"}
