"""Signatures and AES of WeChat and WeCom callbacks, and the JS-SDK signature.

The cipher is AES-256-CBC with the first 16 key bytes as IV; the plain text is random(16) + length(4, big-endian) + message + receiver, padded
by PKCS#7 to blocks of **32** bytes, which common libraries do not undo. Source: fact sheets, callbacks 3.3 and 16.1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from zhanggui.wechat.errors import CallbackAnomalous, ConfigurationError

BLOCK = 32


@dataclass(frozen=True)
class CallbackKeys:
    """What one callback address is configured with: token, AES key, receiver (app id or corp id), and the key used before."""

    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)
    receiver: str = ""
    previous_aes_key: str = field(default="", repr=False)
    other_receivers: tuple[str, ...] = ()
    """Further accepted receivers, e.g. a suite id."""

    @property
    def aes_keys(self) -> tuple[str, ...]:
        """The keys to try, newest first."""
        return tuple(key for key in (self.aes_key, self.previous_aes_key) if key)


def signature(*parts: str) -> str:
    """sha1 over the byte-wise sorted parts: (token, timestamp, nonce) or (token, timestamp, nonce, encrypt)."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def signature_ok(given: str, *parts: str) -> bool:
    """Whether `given` is the signature of the parts, compared in constant time."""
    return hmac.compare_digest(signature(*parts).encode(), given.strip().lower().encode("utf-8", "surrogatepass"))


def decode_aes_key(encoding_aes_key: str) -> bytes:
    """The 32 key bytes of a 43-character EncodingAESKey. Raises ConfigurationError if it is none."""
    try:
        key = base64.b64decode(encoding_aes_key.strip() + "=", validate=False)
    except (binascii.Error, ValueError):
        key = b""
    if len(encoding_aes_key.strip()) != 43 or len(key) != 32:
        raise ConfigurationError("消息加密密钥 EncodingAESKey 不正确", remedy="请从后台重新复制 43 位的 EncodingAESKey")
    return key


def decrypt(encrypt: str, aes_key: str) -> tuple[bytes, str]:
    """The message and its receiver inside one base64 `Encrypt` text. Raises CallbackAnomalous(why="undecryptable")."""
    key = decode_aes_key(aes_key)
    try:
        sealed = base64.b64decode(encrypt.encode(), validate=True)
    except (binascii.Error, ValueError):
        raise CallbackAnomalous("加密内容不是 base64", why="undecryptable") from None
    if not sealed or len(sealed) % 16:
        raise CallbackAnomalous("加密内容长度不对", why="undecryptable")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    pad = padded[-1]
    if not 1 <= pad <= BLOCK or pad > len(padded) or padded[-pad:] != bytes([pad]) * pad:
        raise CallbackAnomalous("解密失败：密钥不对或内容被改动", why="undecryptable")
    plain = padded[:-pad]
    size = int.from_bytes(plain[16:20], "big")
    if len(plain) < 20 or 20 + size > len(plain):
        raise CallbackAnomalous("解密失败：内容长度不符", why="undecryptable")
    try:
        receiver = plain[20 + size :].decode()
    except UnicodeDecodeError:
        raise CallbackAnomalous("解密失败：接收方无法识别", why="undecryptable") from None
    return plain[20 : 20 + size], receiver


def open_sealed(encrypt: str, keys: CallbackKeys) -> tuple[bytes, str]:
    """The message inside `Encrypt`, by the current key or the one before; the receiver must be ours.

    An empty receiver in the message is accepted only if none is configured. Raises CallbackAnomalous or ConfigurationError.
    """
    if not keys.aes_keys:
        raise ConfigurationError("收到加密消息，但没有配置 EncodingAESKey", remedy="请在连接页填写消息推送的 EncodingAESKey")
    failure: CallbackAnomalous | None = None
    for aes_key in keys.aes_keys:
        try:
            message, receiver = decrypt(encrypt, aes_key)
        except CallbackAnomalous as error:
            failure = failure or error
            continue
        allowed = {keys.receiver, *keys.other_receivers} - {""}
        if allowed and receiver not in allowed:
            raise CallbackAnomalous("消息不是发给本店的", why="wrong_receiver", remedy="请检查 AppID 或 CorpID 是否填对")
        return message, receiver
    assert failure is not None
    raise failure


def encrypt(message: bytes, aes_key: str, receiver: str, *, random16: bytes | None = None) -> str:
    """The base64 `Encrypt` text of a message, as the platform would send it. `random16` only for known-answer tests."""
    key = decode_aes_key(aes_key)
    head = secrets.token_bytes(16) if random16 is None else random16
    if len(head) != 16:
        raise ValueError("random16 must hold 16 bytes")
    plain = head + len(message).to_bytes(4, "big") + message + receiver.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()


def seal(message: bytes, keys: CallbackKeys, *, timestamp: str, nonce: str, random16: bytes | None = None) -> dict[str, str]:
    """Encrypt, MsgSignature, TimeStamp and Nonce of a message: what an encrypted push or reply carries."""
    sealed = encrypt(message, keys.aes_key, keys.receiver, random16=random16)
    return {
        "Encrypt": sealed,
        "MsgSignature": signature(keys.token, timestamp, nonce, sealed),
        "TimeStamp": timestamp,
        "Nonce": nonce,
    }


def answer_url_check(query: dict[str, str], keys: CallbackKeys) -> str:
    """The text to answer a GET check with: `echostr` itself (shop, 公众号, 小程序) or decrypted (企业微信).

    Raises CallbackAnomalous(why="forged") when the signature does not fit.
    """
    stamp, nonce, echo = (query.get(name, "") for name in ("timestamp", "nonce", "echostr"))
    if query.get("msg_signature"):
        if not signature_ok(query["msg_signature"], keys.token, stamp, nonce, echo):
            raise CallbackAnomalous("地址校验的签名不对", why="forged", remedy="请检查 Token 是否与后台一致")
        message, _ = open_sealed(echo, keys)
        try:
            return message.decode()
        except UnicodeDecodeError:
            raise CallbackAnomalous("地址校验的内容无法识别", why="undecryptable") from None
    if not signature_ok(query.get("signature", ""), keys.token, stamp, nonce):
        raise CallbackAnomalous("地址校验的签名不对", why="forged", remedy="请检查 Token 是否与后台一致")
    return echo


def jssdk_signature(ticket: str, noncestr: str, timestamp: int | str, url: str) -> str:
    """The JS-SDK signature of a page; the part of `url` after # is left out."""
    text = f"jsapi_ticket={ticket}&noncestr={noncestr}&timestamp={timestamp}&url={url.split('#', 1)[0]}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
