"""Pushes from WeChat: verify, decrypt, parse; one `Callback` value out, or an error that says whether to acknowledge or to refuse.

    open_envelope(body, query, keys)  → Callback
    CallbackAnomalous                 refuse and count: forged, oversized, stale, unreadable, undecryptable, plain, wrong_receiver
    CallbackUnsupported               genuine, but not even recognisable as an event or a message: acknowledge, keep, note
    Callback.supported is False       a kind we do not know: acknowledge, keep, note

Any bytes may arrive here; nothing but WechatError comes out. Acknowledge by the text "success" within five seconds, without encryption.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from zhanggui.wechat.crypto import CallbackKeys, open_sealed, signature_ok
from zhanggui.wechat.errors import CallbackAnomalous, CallbackUnsupported, ConfigurationError, UnreadableReply
from zhanggui.wechat.schemas.base import Payload, loads, to_epoch, to_text
from zhanggui.wechat.schemas.events import ENVELOPE_NAMES, Envelope, EventSpec, event_spec
from zhanggui.wechat.schemas.reading import read

MAX_BYTES = 1 << 20
"""Pushes hold a few hundred bytes; a megabyte is no push."""
STALE_AFTER = timedelta(hours=6)
"""The platform repeats a push for about 3.6 hours and may keep the first timestamp, so the margin must stay above four."""
SUCCESS = "success"
_DEEPEST = 40


@dataclass(frozen=True)
class Callback:
    """One genuine push."""

    kind: str
    """The event name as the platform writes it ("channels_ec_order_pay"), or "message:text"."""
    source: str
    """shop, open, wecom, message or unknown."""
    entity_id: str
    """The id of what it is about; the sender's if the kind names none."""
    dedup_key: str
    created_at: datetime | None
    receiver: str
    sender: str
    change: str = ""
    """WeCom's ChangeType."""
    supported: bool = True
    mode: str = "safe"
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
    """The content as a dict."""
    message: bytes = field(default=b"", repr=False)
    """The content as received, decrypted: what to store."""
    spec: EventSpec | None = field(default=None, repr=False)

    @cached_property
    def content(self) -> dict[str, Any]:
        """The object that carries the event's own fields."""
        return content_of(self.raw, self.spec)

    @cached_property
    def payload(self) -> Payload:
        """The event's own fields as their model; fields that cannot be read are left out."""
        if self.spec is None:
            return Payload.model_validate(self.content)
        try:
            return read(self.spec.payload_model, self.content)
        except UnreadableReply:
            return Payload.model_validate(self.content)

    @property
    def title(self) -> str:
        """The Chinese name of the kind."""
        return self.spec.title if self.spec else "未知消息"


def open_envelope(
    body: bytes,
    query: Mapping[str, str],
    keys: CallbackKeys,
    *,
    allow_plain: bool = False,
    max_bytes: int = MAX_BYTES,
    now: datetime | None = None,
    stale_after: timedelta = STALE_AFTER,
) -> Callback:
    """The push inside an HTTP request, verified and decrypted.

    `allow_plain` lets unencrypted pushes in (tests, 公众号 in plain mode); their `signature` must fit all the same. With `now` given, pushes
    whose timestamp lies further away than `stale_after` are refused. Raises CallbackAnomalous, CallbackUnsupported or ConfigurationError.
    """
    if len(body) > max_bytes:
        raise CallbackAnomalous("推送内容过大", why="oversized")
    envelope = parse_body(body)
    stamp, nonce = str(query.get("timestamp", "")), str(query.get("nonce", ""))
    sealed = envelope.get("Encrypt")
    if isinstance(sealed, str) and sealed:
        if not signature_ok(str(query.get("msg_signature", "")), keys.token, stamp, nonce, sealed):
            raise CallbackAnomalous("推送的签名不对", why="forged", remedy="请检查 Token 是否与后台一致")
        _refuse_stale(stamp, now, stale_after)
        message, _ = open_sealed(sealed, keys)
        content = parse_body(message)
        return understand(content, message, mode="compatible" if "MsgType" in envelope else "safe")
    if query.get("encrypt_type") == "aes" or query.get("msg_signature"):
        raise CallbackAnomalous("声明了加密却没有密文", why="forged")
    if not allow_plain:
        raise CallbackAnomalous("收到未加密的推送", why="plain", remedy="请在后台把消息推送改为安全模式")
    if not signature_ok(str(query.get("signature", "")), keys.token, stamp, nonce):
        raise CallbackAnomalous("推送的签名不对", why="forged", remedy="请检查 Token 是否与后台一致")
    _refuse_stale(stamp, now, stale_after)
    return understand(envelope, body, mode="plain")


def is_stale(timestamp: str, now: datetime, stale_after: timedelta = STALE_AFTER) -> bool:
    """Whether a push's timestamp (epoch seconds) lies further from `now` than any repetition explains; unreadable counts as stale."""
    try:
        sent = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return True
    return abs(now - sent) > stale_after


def _refuse_stale(stamp: str, now: datetime | None, stale_after: timedelta) -> None:
    if now is not None and is_stale(stamp, now, stale_after):
        raise CallbackAnomalous("推送的时间戳过旧", why="stale", remedy="请检查服务器时间")


def understand(content: dict[str, Any], message: bytes, *, mode: str = "plain") -> Callback:
    """The Callback of a parsed push. Raises CallbackUnsupported if it is neither an event nor a message."""
    event, info, msg_type = (_word(content, name) for name in ("Event", "InfoType", "MsgType"))
    name = event or info
    if not name and not msg_type:
        raise CallbackUnsupported("收到的推送不是事件也不是消息")
    spec = event_spec(name, msg_type)
    kind = (spec.name if spec and spec.source != "message" else name) if name else f"message:{msg_type.lower()}"
    inner = content_of(content, spec)
    sender = _word(content, "FromUserName")
    receiver = _word(content, "ToUserName") or _word(content, "AuthCorpId") or _word(content, "SuiteId")
    entity = next((value for value in (_word(inner, key) for key in (spec.entity if spec else ())) if value), "")
    if not entity and spec is None:
        entity = next((_word(inner, key) for key in inner if key.lower().endswith("_id") and _word(inner, key)), "")
    created = _moment(content.get("CreateTime")) or _moment(content.get("TimeStamp"))
    stamp = str(int(created.timestamp())) if created else ""
    marks = [_word(inner, key) for key in (spec.mark if spec else ("status", "type"))]
    msg_id = _word(content, "MsgId")
    parts = [receiver, kind, msg_id] if msg_id else [receiver, kind, entity or sender, *marks, stamp]
    if not msg_id and (spec is None or spec.source != "shop"):
        parts.append(sender)
    if not msg_id and not stamp:
        parts.append(hashlib.sha1(message, usedforsecurity=False).hexdigest())
    if spec is not None and not spec.entity and not msg_id and spec.source == "open" and spec.wrappers:
        parts.append(hashlib.sha1(message, usedforsecurity=False).hexdigest())
    return Callback(
        kind=kind,
        source=spec.source if spec else "unknown",
        entity_id=entity or sender,
        dedup_key=hashlib.sha1("|".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest(),
        created_at=created,
        receiver=receiver,
        sender=sender,
        change=_word(content, "ChangeType"),
        supported=spec is not None,
        mode=mode,
        raw=content,
        message=message,
        spec=spec,
    )


def content_of(content: dict[str, Any], spec: EventSpec | None) -> dict[str, Any]:
    """The object with the event's own fields: a known wrapper, an unknown one that holds them, or the push without its envelope."""
    flat = {key: value for key, value in content.items() if key not in ENVELOPE_NAMES}
    if spec is not None and spec.wrappers:
        for wrapper in spec.wrappers:
            inner = content.get(wrapper)
            if isinstance(inner, str) and inner[:1] == "{":
                try:
                    inner = loads(inner.encode("utf-8", "surrogatepass"))
                except ValueError:
                    inner = None
            if isinstance(inner, dict):
                return inner
        wanted = {leaf.name for leaf in spec.payload_fields}
        if wanted & flat.keys():
            return flat
        for inner in flat.values():
            if isinstance(inner, dict) and wanted & inner.keys():
                return inner
        return flat
    if spec is None:
        objects = [value for value in flat.values() if isinstance(value, dict)]
        if len(objects) == 1 and len(flat) == 1:
            return objects[0]
    return flat


def envelope_of(callback: Callback) -> Envelope:
    """What the push carries around its content."""
    return read(Envelope, {key: value for key, value in callback.raw.items() if key in ENVELOPE_NAMES})


def parse_body(body: bytes) -> dict[str, Any]:
    """A JSON or XML body as a dict. Raises CallbackAnomalous(why="unreadable")."""
    head = body.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head[:1] == b"<":
        return parse_xml(head)
    try:
        data = loads(head)
    except ValueError:
        raise CallbackAnomalous("推送内容不是 JSON 也不是 XML", why="unreadable") from None
    if not isinstance(data, dict):
        raise CallbackAnomalous("推送内容不是对象", why="unreadable")
    return data


def parse_xml(body: bytes) -> dict[str, Any]:
    """An XML push as a dict: repeated tags become lists, text stays text. Entities and DTDs are refused."""
    try:
        root = fromstring(body, forbid_dtd=True)
        value = _value(root, 0)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        raise CallbackAnomalous("推送内容不是可读的 XML", why="unreadable") from None
    if not isinstance(value, dict):
        raise CallbackAnomalous("推送内容不是对象", why="unreadable")
    return value


def _value(element: Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if len(element) == 0:
        return (element.text or "").strip() if depth else {}
    found: dict[str, Any] = {}
    for child in element:
        value = _value(child, depth + 1)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found


def _word(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if value is None or isinstance(value, dict | list):
        return ""
    text = to_text(value)
    return text.strip() if isinstance(text, str) else ""


def _moment(value: Any) -> datetime | None:
    try:
        found = to_epoch(value)
        return found.at if found is not None else None
    except (ValueError, OverflowError, OSError):
        return None


__all__ = [
    "MAX_BYTES",
    "STALE_AFTER",
    "SUCCESS",
    "Callback",
    "CallbackAnomalous",
    "CallbackKeys",
    "CallbackUnsupported",
    "ConfigurationError",
    "content_of",
    "envelope_of",
    "is_stale",
    "open_envelope",
    "parse_body",
    "parse_xml",
    "understand",
]
