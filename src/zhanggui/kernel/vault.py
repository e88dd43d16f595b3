"""Sealing of personal data and platform secrets: AES-256-GCM under a key that is not in the database.

    blob = version (1 byte) | key id (1) | nonce (12) | ciphertext and tag

Version 1 holds the bytes themselves, version 2 holds them compressed. The shop's id is authenticated with the content, so a
blob moved to another shop does not open. Keys are derived from `settings.VAULT_KEY`; `settings.PREVIOUS_VAULT_KEYS` still open
what they sealed. `fingerprint` is a keyed hash: equal texts of one shop are equal, and without the key nothing can be tried out.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import zlib
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from zhanggui.kernel.errors import Unconfigured, ZhangguiError

_PLAIN, _PACKED = 1, 2
_NONCE = 12
_WORTH_PACKING = 256


class Unopenable(ZhangguiError):
    """A sealed value that no known key opens: wrong key, wrong shop, or damaged."""

    code = "unopenable"


@lru_cache(maxsize=16)
def _derived(secret: str, use: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"zhanggui.vault.1", info=use.encode()).derive(secret.encode())


@lru_cache(maxsize=16)
def _cipher(secret: str) -> tuple[int, AESGCM]:
    key = _derived(secret, "seal")
    return hashlib.sha256(b"id" + key).digest()[0], AESGCM(key)


def _secrets() -> tuple[str, ...]:
    if not settings.VAULT_KEY:
        raise Unconfigured("没有设置数据加密密钥", remedy="请设置 ZHANGGUI_VAULT_KEY")
    return (settings.VAULT_KEY, *settings.PREVIOUS_VAULT_KEYS)


def _bound_to(shop_id: int) -> bytes:
    return b"shop:%d" % shop_id


def seal(text: str | bytes, *, shop_id: int) -> bytes:
    """`text` encrypted for `shop_id`; longer content is compressed first."""
    plain = text.encode() if isinstance(text, str) else bytes(text)
    version = _PLAIN
    if len(plain) >= _WORTH_PACKING:
        packed = zlib.compress(plain, 3)
        if len(packed) < len(plain):
            plain, version = packed, _PACKED
    key_id, cipher = _cipher(_secrets()[0])
    nonce = os.urandom(_NONCE)
    return bytes((version, key_id)) + nonce + cipher.encrypt(nonce, plain, _bound_to(shop_id))


def unseal(blob: bytes | memoryview, *, shop_id: int) -> bytes:
    """The bytes inside `blob`. Raises Unopenable if no key opens it for this shop."""
    data = bytes(blob)
    if len(data) < 2 + _NONCE + 16 or data[0] not in (_PLAIN, _PACKED):
        raise Unopenable("加密数据已损坏")
    nonce, sealed = data[2 : 2 + _NONCE], data[2 + _NONCE :]
    for secret in _secrets():
        key_id, cipher = _cipher(secret)
        if key_id != data[1]:
            continue
        try:
            plain = cipher.decrypt(nonce, sealed, _bound_to(shop_id))
        except InvalidTag:
            continue
        return zlib.decompress(plain) if data[0] == _PACKED else plain
    raise Unopenable("加密数据无法打开", remedy="请检查 ZHANGGUI_VAULT_KEY；换过密钥时把旧密钥放进 ZHANGGUI_PREVIOUS_VAULT_KEYS")


def unseal_text(blob: bytes | memoryview | None, *, shop_id: int) -> str:
    """The text inside `blob`; empty for None. Raises Unopenable."""
    return "" if blob is None else unseal(blob, shop_id=shop_id).decode()


def is_current(blob: bytes | memoryview) -> bool:
    """Whether `blob` was sealed with today's key, so that it need not be sealed again after a rotation."""
    return bytes(blob[1:2]) == bytes((_cipher(_secrets()[0])[0],))


def _fingerprint(text: str, shop_id: int, secret: str) -> str:
    return hmac.new(_derived(secret, "fingerprint"), b"%d|" % shop_id + text.encode(), hashlib.sha256).hexdigest()


def fingerprint(text: str, *, shop_id: int) -> str:
    """A keyed hash (64 hex digits) of `text` within the shop. Normalise first; equal texts give equal fingerprints."""
    return _fingerprint(text, shop_id, _secrets()[0])


def fingerprints(text: str, *, shop_id: int) -> list[str]:
    """The fingerprints of `text` under every known key, today's first: what to search for after a key rotation."""
    return [_fingerprint(text, shop_id, secret) for secret in _secrets()]


def normalise_phone(phone: str) -> str:
    """Digits only, without the country code of China; empty for a masked or hopeless number.

    "+86 138-0013-8000" → "13800138000"; "138****8000" → "".
    """
    if "*" in phone:
        return ""
    digits = re.sub(r"\D", "", phone)
    digits = digits.removeprefix("00")
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    return digits if 5 <= len(digits) <= 15 else ""


def mask_phone(phone: str) -> str:
    """ "138****8000"; shorter numbers keep less."""
    text = phone.strip()
    if "*" in text or len(text) <= 4:
        return text if "*" in text else "*" * len(text)
    head, tail = (3, 4) if len(text) >= 11 else (1, 2)
    return f"{text[:head]}****{text[-tail:]}"


def mask_name(name: str) -> str:
    """The first character and stars: 张三 → 张*."""
    text = name.strip()
    return text if "*" in text or not text else text[0] + "*" * min(max(len(text) - 1, 1), 3)


def mask_address(address: str) -> str:
    """The first six characters (province and city as written) and stars."""
    text = address.strip()
    return text if "*" in text or not text else text[: min(6, len(text) // 2)] + "****"
