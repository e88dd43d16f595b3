"""Bytes somebody holds in hand → the document in them: encodings, JSON inside text, XML, HTML that is no answer, sealed envelopes.

More forgiving than the callback door, which takes only what the platform sends: a file may have been saved by a log viewer, an editor, a browser.
What was mended on the way is told in `notes`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from zhanggui.wechat.callbacks import parse_xml
from zhanggui.wechat.crypto import CallbackKeys, open_sealed, signature_ok
from zhanggui.wechat.errors import CallbackAnomalous, UnreadableReply
from zhanggui.wechat.schemas.base import loads

_SCIENTIFIC = re.compile(rb"[:\[,]\s*-?\d+(?:\.\d+)?[eE]\+?\d{2,}")
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body|title)\b", re.IGNORECASE)
_NO_REMEDY = ""


class Xml(dict[str, Any]):
    """A document that came as XML, which only pushes do."""


def document(body: bytes, notes: list[str]) -> Any:
    """The JSON value or XML element (`Xml`) in `body`. Raises UnreadableReply or CallbackAnomalous with a reason in Chinese."""
    stripped = to_utf8(body, notes).strip()
    if not stripped:
        raise UnreadableReply("内容是空的", remedy=_NO_REMEDY)
    if _SCIENTIFIC.search(stripped):
        notes.append("有数字写成了科学计数法；若是标识，末几位可能已丢失")
    if stripped[:1] == b"<":
        return _xml(stripped)
    try:
        data = loads(stripped)
    except ValueError:
        data = _second_try(stripped, notes)
    for _ in range(3):
        if not isinstance(data, str):
            break
        try:
            data = loads(data.encode("utf-8", "surrogatepass"))
        except ValueError:
            break
        notes.append("内容是装在字符串里的 JSON，已取出")
    return data


def _xml(text: bytes) -> Xml:
    if _PAGE.match(text):
        raise UnreadableReply("内容是网页（HTML），不是接口的内容；多半是代理或网关的错误页", remedy=_NO_REMEDY)
    return Xml(parse_xml(text))


def _second_try(text: bytes, notes: list[str]) -> Any:
    """What is not JSON as it stands: escaped for HTML, or one object per line."""
    unescaped = html.unescape(text.decode("utf-8", "replace")).encode()
    if unescaped != text:
        if unescaped[:1] == b"<":
            notes.append("内容经过 HTML 转义，已还原")
            return _xml(unescaped)
        try:
            data = loads(unescaped)
        except ValueError:
            pass
        else:
            notes.append("内容经过 HTML 转义，已还原")
            return data
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.strip()[:1] == b"{" for line in lines):
        try:
            rows = [loads(line) for line in lines]
        except ValueError:
            pass
        else:
            notes.append("内容是每行一个 JSON，按列表处理")
            return rows
    if text[:1] in (b"{", b"["):
        raise UnreadableReply("JSON 不完整或有语法错误，可能被截断了", remedy=_NO_REMEDY)
    raise UnreadableReply("内容不是完整的 JSON 也不是 XML", remedy=_NO_REMEDY)


def to_utf8(body: bytes, notes: list[str]) -> bytes:
    """`body` as UTF-8 without a byte-order mark, from UTF-8, UTF-16 or GBK. Raises UnreadableReply."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = body.decode("utf-16")
        except UnicodeDecodeError:
            raise UnreadableReply("内容的编码无法识别", remedy=_NO_REMEDY) from None
        notes.append("内容是 UTF-16 编码，已转换")
        return _without_declaration(text).encode("utf-8", "surrogatepass")
    if body.startswith(b"\xef\xbb\xbf"):
        notes.append("开头有 BOM，已去掉")
        body = body[3:]
    try:
        body.decode()
        return body
    except UnicodeDecodeError:
        pass
    try:
        text = body.decode("gb18030")
    except UnicodeDecodeError:
        raise UnreadableReply("内容的编码无法识别（不是 UTF-8 也不是 GBK）", remedy=_NO_REMEDY) from None
    notes.append("内容是 GBK 编码，已转换")
    return _without_declaration(text).encode()


def _without_declaration(text: str) -> str:
    """An XML declaration names an encoding that is no longer true."""
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)


def unsealed(data: Any, keys: CallbackKeys | None, query: Mapping[str, str], notes: list[str]) -> Any:
    """The decrypted document of an envelope, verified by `query`'s signature, timestamp and nonce; anything else as it is.

    Raises CallbackAnomalous when it must not be believed: forged, unsigned, sealed without a key, for another receiver.
    """
    sealed = data.get("Encrypt") if isinstance(data, dict) else None
    given = query.get("msg_signature") or query.get("signature") or ""
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if isinstance(sealed, str) and sealed:
        if not given and data.get("MsgSignature"):
            # An encrypted reply carries its own signature.
            given, stamp, nonce = (str(data.get(name, "")) for name in ("MsgSignature", "TimeStamp", "Nonce"))
        if keys is None or not keys.aes_key:
            if data.get("MsgType"):
                notes.append("兼容模式：只读了明文部分，没有核对密文")
                return type(data)({key: value for key, value in data.items() if key != "Encrypt"})
            raise CallbackAnomalous(
                "这是加密的推送，要先解密",
                why="undecryptable",
                remedy="请给出 --token --aes-key --app-id --signature --timestamp --nonce",
            )
        if given:
            if not signature_ok(given, keys.token, stamp, nonce, sealed):
                raise CallbackAnomalous("签名不对，内容不可信", why="forged")
            notes.append("签名正确")
        elif keys.token:
            raise CallbackAnomalous("没有给出签名，无法核对", why="forged", remedy="请给出 --signature --timestamp --nonce")
        else:
            notes.append("没有给出 --token，没有验签")
        message, receiver = open_sealed(sealed, keys)
        notes.append(f"已解密，接收方 {receiver or '（空）'}")
        return document(message, notes)
    if keys is not None and given:
        if not signature_ok(given, keys.token, stamp, nonce):
            raise CallbackAnomalous("签名不对，内容不可信", why="forged")
        notes.append("明文推送，签名正确")
    elif keys is not None and (keys.aes_key or keys.token):
        raise CallbackAnomalous("内容没有加密，也没有签名可核对", why="plain")
    return data
