"""What the house makes of a payload somebody holds in hand: its kind (given or guessed), normalised values, unknown fields, problems.

Used by `zhanggui payload` and by the contract tests. A payload is *understood* when its kind is known (or recognised with most of its
fields) and no value the house relies on is unreadable. An error answer (errcode ≠ 0) is understood: its meaning is the content. A push of an
unknown kind is not: it would be kept raw and acknowledged.
"""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from zhanggui.wechat.callbacks import parse_xml, understand
from zhanggui.wechat.codes import meaning_of
from zhanggui.wechat.crypto import CallbackKeys, open_sealed, signature_ok
from zhanggui.wechat.endpoints import ADS_HOST, REGISTRY, WECOM_HOST, Endpoint, search
from zhanggui.wechat.errors import CallbackAnomalous, CallbackUnsupported, ReplyError, UnreadableReply, WechatError
from zhanggui.wechat.schemas.base import ENVELOPE, EXACT, Payload, exact_int, loads, to_object, unknown_fields
from zhanggui.wechat.schemas.events import ENVELOPE_NAMES, EVENTS, Envelope, EventSpec, event_spec
from zhanggui.wechat.schemas.reading import read
from zhanggui.wechat.schemas.shape import Leaf

ENOUGH = 0.5
"""Share of a payload's fields, weighed by how telling they are, that must belong to a kind before it is taken for that kind."""
MOST_BYTES = 64 << 20
_WRAPPERS = ("data", "result", "resp", "response", "body", "payload")
_ENTITIES = (
    "order",
    "after_sale_order",
    "product",
    "coupon",
    "user_coupon",
    "funds_flow",
    "guarantee_order",
    "info",
    "group_chat",
)
_SCIENTIFIC = re.compile(rb"[:\[,]\s*-?\d+(?:\.\d+)?[eE]\+?\d{2,}")


@dataclass
class Report:
    """What was made of one payload."""

    understood: bool = False
    kind: str = ""
    """An endpoint's name, an event's name, "error" or "ok"."""
    side: str = ""
    """request, response or event."""
    title: str = ""
    sure: str = ""
    """given, certain, likely or guess."""
    score: float = 0.0
    values: Any = None
    unknown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Other kinds that fit about as well."""
    path: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data for --json."""
        return {
            "understood": self.understood,
            "kind": self.kind,
            "side": self.side,
            "title": self.title,
            "path": self.path,
            "sure": self.sure,
            "score": round(self.score, 3),
            "values": self.values,
            "unknown_fields": self.unknown,
            "problems": self.problems,
            "notes": self.notes,
            "also_fits": self.others,
        }


def examine(
    body: bytes,
    *,
    as_kind: str = "",
    name_hint: str = "",
    keys: CallbackKeys | None = None,
    query: Mapping[str, str] | None = None,
) -> Report:
    """What the house makes of `body`. Never raises on any bytes; whatever is wrong stands in `problems`.

    `as_kind` names an endpoint or event; `name_hint` is a file's name, a weak hint. With `keys` an envelope is verified (by `query`'s
    signature, timestamp, nonce) and decrypted first.
    """
    report = Report()
    if len(body) > MOST_BYTES:
        report.problems.append("内容过大")
        return report
    try:
        data = _parse(body, report)
        data = _unseal(data, keys, query or {}, report)
        if isinstance(data, list):
            return _examine_list(data, as_kind, name_hint, report)
        if not isinstance(data, dict):
            report.problems.append("内容不是对象，只是一个单独的值")
            return report
        _examine_object(data, as_kind, name_hint, report)
    except (CallbackAnomalous, CallbackUnsupported, UnreadableReply, ReplyError) as error:
        report.problems.append(str(error))
        report.understood = False
    except WechatError as error:
        report.problems.append(str(error))
        report.understood = False
    except RecursionError:
        report.problems.append("嵌套过深")
        report.understood = False
    return report


# -- reading the bytes ---------------------------------------------------------------------------------------------------------


def _parse(body: bytes, report: Report) -> Any:
    text = _to_utf8(body, report)
    stripped = text.strip()
    if not stripped:
        raise UnreadableReply("内容是空的", remedy="")
    if _SCIENTIFIC.search(stripped):
        report.notes.append("有数字写成了科学计数法；若是标识，末几位可能已丢失")
    if stripped[:1] == b"<":
        return parse_xml(stripped)
    try:
        data = loads(stripped)
    except ValueError:
        unescaped = html.unescape(stripped.decode("utf-8", "replace")).encode()
        if unescaped == stripped:
            raise UnreadableReply("内容不是完整的 JSON 也不是 XML", remedy="") from None
        if unescaped[:1] == b"<":
            report.notes.append("内容经过 HTML 转义，已还原")
            return parse_xml(unescaped)
        try:
            data = loads(unescaped)
        except ValueError:
            raise UnreadableReply("内容不是完整的 JSON 也不是 XML", remedy="") from None
        report.notes.append("内容经过 HTML 转义，已还原")
    for _ in range(3):
        if not isinstance(data, str):
            break
        try:
            data = loads(data.encode("utf-8", "surrogatepass"))
        except ValueError:
            break
        report.notes.append("内容是装在字符串里的 JSON，已取出")
    return data


def _to_utf8(body: bytes, report: Report) -> bytes:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(mark):
            try:
                report.notes.append("内容是 UTF-16 编码，已转换")
                return _without_declaration(body.decode(encoding)).encode()
            except UnicodeDecodeError:
                raise UnreadableReply("内容的编码无法识别", remedy="") from None
    if body.startswith(b"\xef\xbb\xbf"):
        report.notes.append("开头有 BOM，已去掉")
        body = body[3:]
    try:
        body.decode()
        return body
    except UnicodeDecodeError:
        pass
    try:
        text = body.decode("gb18030")
    except UnicodeDecodeError:
        raise UnreadableReply("内容的编码无法识别（不是 UTF-8 也不是 GBK）", remedy="") from None
    report.notes.append("内容是 GBK 编码，已转换")
    return _without_declaration(text).encode()


def _without_declaration(text: str) -> str:
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text)


def _unseal(data: Any, keys: CallbackKeys | None, query: Mapping[str, str], report: Report) -> Any:
    """The decrypted content of an envelope; anything else as it is."""
    sealed = data.get("Encrypt") if isinstance(data, dict) else None
    given = query.get("msg_signature") or query.get("signature") or ""
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if isinstance(sealed, str) and sealed:
        if keys is None or not keys.aes_key:
            if isinstance(data, dict) and data.get("MsgType"):
                report.notes.append("兼容模式：只读了明文部分，没有核对密文")
                return {key: value for key, value in data.items() if key != "Encrypt"}
            raise CallbackAnomalous(
                "这是加密的推送，要先解密",
                why="undecryptable",
                remedy="请给出 --token --aes-key --app-id --signature --timestamp --nonce",
            )
        if given:
            if not signature_ok(given, keys.token, stamp, nonce, sealed):
                raise CallbackAnomalous("签名不对，内容不可信", why="forged")
            report.notes.append("签名正确")
        elif keys.token:
            raise CallbackAnomalous("没有给出签名，无法核对", why="forged", remedy="请给出 --signature --timestamp --nonce")
        message, receiver = open_sealed(sealed, keys)
        report.notes.append(f"已解密，接收方 {receiver or '（空）'}")
        return _parse(message, report)
    if keys is not None and given:
        if not signature_ok(given, keys.token, stamp, nonce):
            raise CallbackAnomalous("签名不对，内容不可信", why="forged")
        report.notes.append("明文推送，签名正确")
    elif keys is not None and (keys.aes_key or keys.token):
        raise CallbackAnomalous("内容没有加密，也没有签名可核对", why="plain")
    return data


# -- what it is ----------------------------------------------------------------------------------------------------------------


def _examine_list(data: list[Any], as_kind: str, name_hint: str, report: Report) -> Report:
    rows = [row for row in data if isinstance(row, dict)]
    if not rows or len(rows) != len(data):
        report.problems.append("内容是列表，但不是对象的列表")
        return report
    parts: list[Report] = []
    for row in rows[:1000]:
        part = Report()
        try:
            _examine_object(row, as_kind, name_hint, part)
        except WechatError as error:
            part.problems.append(str(error))
            part.understood = False
        parts.append(part)
    first = parts[0]
    report.kind, report.side, report.title, report.path, report.sure = first.kind, first.side, first.title, first.path, first.sure
    report.values = [part.values for part in parts]
    report.unknown = sorted({f"[]{'.' if name else ''}{name}" for part in parts for name in part.unknown})
    report.problems = [f"[{index}] {problem}" for index, part in enumerate(parts) for problem in part.problems]
    report.notes.append(f"是 {len(data)} 个对象的列表")
    report.understood = all(part.understood and part.kind == first.kind for part in parts) and len(rows) <= 1000
    return report


def _examine_object(data: dict[str, Any], as_kind: str, name_hint: str, report: Report) -> None:
    if as_kind:
        _examine_as(data, as_kind, report)
        return
    if _is_push(data):
        _examine_push(data, report)
        return
    code = _code_of(data)
    if code not in (None, 0):
        _examine_error(data, code or 0, "", report)
        return
    rest = {key: value for key, value in data.items() if key not in ENVELOPE}
    if not rest and code == 0:
        report.kind, report.side, report.title, report.sure, report.understood = (
            "ok",
            "response",
            "成功，没有别的内容",
            "certain",
            True,
        )
        report.values = {"errcode": 0, "errmsg": data.get("errmsg", "")}
        return
    if not rest:
        report.problems.append("对象是空的，看不出是什么")
        return
    _examine_guess(data, name_hint, report)


def _is_push(data: Mapping[str, Any]) -> bool:
    return bool(
        data.get("Event") or data.get("InfoType") or (data.get("MsgType") and ("ToUserName" in data or "FromUserName" in data))
    )


def _code_of(data: Mapping[str, Any]) -> int | None:
    if "errcode" in data:
        return exact_int(data["errcode"])
    if "code" in data and ("message" in data or "message_cn" in data):
        return exact_int(data["code"])
    return None


def _examine_error(data: dict[str, Any], code: int, host: str, report: Report) -> None:
    if not host and "code" in data and "errcode" not in data:
        host = ADS_HOST
    meaning = meaning_of(code, host)
    text = str(data.get("errmsg") or data.get("message_cn") or data.get("message") or "")
    report.kind = report.kind or "error"
    report.side, report.understood = "response", True
    report.title = f"错误回复：{meaning.text}"
    report.sure = report.sure or "certain"
    report.score = 1.0
    report.values = {
        "errcode": code,
        "errmsg": text,
        "meaning": meaning.text,
        "remedy": meaning.remedy,
        "reaction": meaning.reaction.value,
    }
    report.notes.append(f"平台返回错误码 {code}：{meaning.text}" + (f"；{meaning.remedy}" if meaning.remedy else ""))
    rest = {key: value for key, value in data.items() if key not in ENVELOPE | {"code", "message", "message_cn"}}
    if rest:
        report.values["content"] = rest


def _examine_push(data: dict[str, Any], report: Report, *, expected: EventSpec | None = None) -> None:
    push = understand(data, b"{}")
    spec = expected or push.spec
    report.kind, report.side, report.sure, report.score = push.kind, "event", report.sure or "certain", 1.0
    if spec is None:
        report.title = "未知的推送"
        report.values = data
        report.unknown = sorted(data.keys() - ENVELOPE_NAMES)
        report.problems.append(f"不认识推送 {push.kind}：收到时会存下原文并回复 success")
        return
    if expected is not None and push.spec is not None and push.spec is not expected:
        report.notes.append(f"内容自称是 {push.kind}")
    report.kind = f"message:{spec.name}" if spec.source == "message" else spec.name
    report.title = spec.title
    content = push.content
    payload = read(spec.payload_model, content, report.problems)
    envelope = read(Envelope, {key: value for key, value in data.items() if key in ENVELOPE_NAMES}, report.problems)
    _note_types(content, spec.payload_fields, report)
    wrapped = next((name for name, value in data.items() if value is content or (spec.wrappers and name in spec.wrappers)), "")
    outside = data.keys() - ENVELOPE_NAMES - {wrapped}
    report.values = {
        **envelope.model_dump(by_alias=True, exclude_unset=True),
        **({wrapped: _plain(payload)} if wrapped else _plain(payload)),
        "entity_id": push.entity_id,
        "dedup_key": push.dedup_key,
    }
    if wrapped:
        report.unknown = [f"{wrapped}.{name}" for name in unknown_fields(payload)] + sorted(outside)
        for name in outside:
            report.values[name] = data[name]
    else:
        report.unknown = unknown_fields(payload)
    if spec.entity and not any(content.get(name) not in (None, "") for name in spec.entity):
        lack = f"缺少标识：{'、'.join(spec.entity)}"
        (report.problems if spec.typed is not None else report.notes).append(lack)
    report.understood = not report.problems


def _examine_as(data: dict[str, Any], as_kind: str, report: Report) -> None:
    report.sure = "given"
    word = re.sub(r"\.(json|xml)$", "", as_kind.strip(), flags=re.IGNORECASE)
    side = ""
    for end, meant in ((".request", "request"), (".response", "response"), ("Request", "request"), ("Response", "response")):
        if word.endswith(end):
            word, side = word[: -len(end)], meant
    spec = event_spec(word.removesuffix("Event") if word not in EVENTS else word) or event_spec(word)
    if spec is None and word.lower().removeprefix("message:") != word.lower():
        spec = EVENTS.get(word.lower())
    found = [] if spec is not None and not side else search(word)
    if spec is not None and not side and (_is_push(data) or not search(word)):
        if not _is_push(data):
            report.problems.append("内容不像推送：没有 Event、InfoType 或 MsgType")
            return
        _examine_push(data, report, expected=spec)
        return
    found = found or search(word)
    if not found:
        if spec is not None:
            _examine_push(data, report, expected=spec)
            return
        raise UnreadableReply(f"没有名为 {as_kind} 的接口或事件", remedy="名称见 docs/wechat-coverage.md")
    one = found[0]
    code = _code_of(data)
    if code not in (None, 0) and side != "request":
        report.kind, report.path = one.name, f"{one.method} {one.path}"
        _examine_error(data, code or 0, one.host, report)
        return
    matches: list[_Match] = []
    for other in found[:5]:
        for which in (side,) if side else ("response", "request"):
            matches.append(_best_form(data, other, which))
    best = max(matches, key=lambda match: (match.one is one, match.total))
    if best.score < 0.2:
        best = max(matches, key=lambda match: match.total)
    rest = [key for key in data if key not in ENVELOPE]
    if rest and best.score < 0.2:
        report.kind, report.path = one.name, f"{one.method} {one.path}"
        report.unknown = sorted(rest)
        report.values = data
        report.problems.append(f"内容与 {one.name} 的{'回复' if side != 'request' else '请求'}几乎没有相同的字段")
        return
    _fill(best, report)


def _examine_guess(data: dict[str, Any], name_hint: str, report: Report) -> None:
    ranked = _rank(data, name_hint)
    best = ranked[0] if ranked else None
    if best is None or best.score < (0.2 if best.hinted else ENOUGH):
        report.problems.append("看不出是哪个接口或事件的内容；可用 --as 指明")
        if best is not None and best.score > 0:
            report.others = [f"{match.one.name}.{match.side}（{match.score:.0%}）" for match in ranked[:3]]
        report.values = data
        report.unknown = sorted(data.keys() - ENVELOPE)
        return
    close = [match for match in ranked[1:8] if match.total > best.total - 0.03 and match.score >= ENOUGH]
    margin = best.total - (ranked[1].total if len(ranked) > 1 else 0.0)
    report.sure = "certain" if best.score > 0.9 and (margin > 0.05 or best.hinted) else "likely" if best.score > 0.75 else "guess"
    if close and not best.hinted:
        report.sure = "guess" if len(close) > 2 else "likely"
    if not _reads(best):
        # Two kinds can share their fields and differ in how they write them: take the one that reads cleanly.
        best = next((match for match in close if _reads(match)), best)
    report.others = [
        f"{match.one.name}.{match.side}" for match in ranked[:1] + close if match is not best and match.score >= ENOUGH
    ]
    _fill(best, report)


def _reads(match: _Match) -> bool:
    """Whether the document reads as this kind without a problem."""
    trial = Report()
    try:
        _fill(match, trial)
    except UnreadableReply:
        return False
    return not trial.problems


def _fill(match: _Match, report: Report) -> None:
    one = match.one
    report.kind, report.side, report.score = one.name, match.side, match.score
    report.path = f"{one.method} {one.path}"
    report.title = f"{one.title or one.group}{'的请求' if match.side == 'request' else '的回复'}"
    if match.form:
        report.notes.append(match.form)
    fields = one.request_fields if match.side == "request" else one.response_fields
    model = one.request.model if match.side == "request" else one.response_model
    if match.side == "request":
        lacking = [name for name in one.required if match.data.get(name) in (None, "")]
        if lacking:
            report.notes.append(f"缺少必填参数：{'、'.join(lacking)}")
        model = _without_required(one)
    value = read(model, match.data, report.problems)
    _note_types(match.data, fields, report)
    report.values = _plain(value)
    report.unknown = [name for name in unknown_fields(value) if not (one.host == ADS_HOST and name in ("code", "message"))]
    report.understood = not report.problems


@cache
def _without_required(one: Endpoint) -> type[Payload]:
    from zhanggui.wechat.schemas.shape import compile_model

    fields = tuple(Leaf(leaf.name, leaf.kind, leaf.many, False, leaf.fields) for leaf in one.request_fields)
    return compile_model(f"{one.name}.request", fields)


def _plain(value: Payload) -> Any:
    return value.model_dump(by_alias=True, exclude_unset=True)


# -- guessing by content -------------------------------------------------------------------------------------------------------


@dataclass
class _Match:
    one: Endpoint
    side: str
    score: float
    total: float
    data: dict[str, Any]
    form: str = ""
    hinted: bool = False


@dataclass(frozen=True)
class _Candidate:
    one: Endpoint
    side: str
    kinds: dict[str, str]
    """Path → kind."""
    required: frozenset[str]
    plain: str


def _walk_leaves(fields: tuple[Leaf, ...], prefix: str = "") -> Iterator[tuple[str, str]]:
    for leaf in fields:
        path = f"{prefix}{leaf.name}"
        yield path, leaf.kind
        if leaf.fields:
            yield from _walk_leaves(leaf.fields, f"{path}.")


@cache
def _candidates() -> tuple[tuple[_Candidate, ...], dict[str, float], float]:
    found: list[_Candidate] = []
    counts: Counter[str] = Counter()
    for one in REGISTRY.values():
        for side, fields in (("response", one.response_fields), ("request", one.request_fields)):
            if not fields:
                continue
            kinds = dict(_walk_leaves(fields))
            required = frozenset(leaf.name for leaf in fields if leaf.required)
            found.append(_Candidate(one, side, kinds, required, re.sub(r"[^a-z0-9]", "", one.path.lower())))
            counts.update(kinds.keys())
    size = len(found)
    return tuple(found), {path: math.log(1 + size / count) for path, count in counts.items()}, math.log(1 + size)


def _paths_of(value: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every path in a document with whether it holds an object ("o") or something else ("s")."""
    if depth > 30:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if not prefix and key in ENVELOPE:
                continue
            path = f"{prefix}{key}"
            rows = inner if isinstance(inner, list) else [inner]
            objects = [row for row in rows[:50] if isinstance(row, dict)]
            yield path, "o" if objects else "s" if any(row not in (None, "") for row in rows) else "?"
            for row in objects:
                yield from _paths_of(row, f"{path}.", depth + 1)


def _score(document: dict[str, str], candidate: _Candidate, weights: Mapping[str, float], unknown: float) -> float:
    total = matched = 0.0
    for path, shape in document.items():
        weight = weights.get(path, unknown)
        kind = candidate.kinds.get(path)
        if kind is None:
            head = path
            while "." in head:
                head = head.rsplit(".", 1)[0]
                if candidate.kinds.get(head) in ("a", "j"):
                    # Inside a field whose content is free: it may belong there, but it proves little.
                    weight *= 0.3
                    matched += weight * 0.7
                    break
            total += weight
            continue
        total += weight
        if shape == "?" or (shape == "o") == (kind in ("o", "a", "j")):
            matched += weight
        elif shape == "s" and kind in ("j", "a", "o"):
            matched += weight * (1.0 if kind != "o" else 0.3)
    return matched / total if total else 0.0


def _match(data: dict[str, Any], document: dict[str, str], candidate: _Candidate, form: str, hint: str, has_code: bool) -> _Match:
    _, weights, unknown = _candidates()
    score = _score(document, candidate, weights, unknown)
    hit = sum(path in candidate.kinds for path in document)
    total = score + 0.12 * hit / max(len(candidate.kinds), 1)
    if candidate.required:
        total += 0.08 * (len(candidate.required & data.keys()) / len(candidate.required)) - 0.04
    total += 0.01 if candidate.one.offered else 0.0
    total += 0.005 if not candidate.one.writes else 0.0
    if has_code:
        total += 0.3 if candidate.side == "response" else -0.3
    if form:
        total -= 0.04
    hinted = False
    if hint:
        stem, side = _hint_parts(hint)
        hinted = bool(stem) and (
            candidate.plain.endswith(stem) or stem.endswith(candidate.plain) or _tail(candidate.plain) == stem
        )
        if side and side != candidate.side:
            hinted = False
            total -= 0.1
        if hinted:
            total += 0.25 + 0.1 * (len(stem) / max(len(candidate.plain), len(stem)))
    return _Match(candidate.one, candidate.side, score, total, data, form, hinted)


def _tail(plain: str) -> str:
    return plain.removeprefix("channelsec").removeprefix("shopec").removeprefix("cgibinexternalcontact")


def _hint_parts(name: str) -> tuple[str, str]:
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    stem = re.sub(r"\.(json|xml|txt)$", "", stem)
    side = ""
    for word in ("request", "response"):
        if stem.endswith(word):
            side, stem = word, stem[: -len(word)]
    plain = re.sub(r"[^a-z0-9]", "", stem)
    return (plain, side) if len(plain) >= 6 else ("", side)


def _forms(data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """A document as it is, without an outer wrapper, and with the wrapper it may have lost."""
    packed = [name for name in _WRAPPERS if isinstance(data.get(name), str) and data[name].strip()[:1] == "{"]
    if packed:
        data = {**data, **{name: to_object(data[name]) for name in packed}}
    yield data, ""
    for name in _WRAPPERS:
        inner = data.get(name)
        if isinstance(inner, dict) and inner:
            yield inner, f"内容装在 {name} 里，已取出"
            for entity in _ENTITIES:
                if entity not in inner:
                    yield {entity: inner}, f"内容装在 {name} 里，少了一层 {entity}"
    bare = {key: value for key, value in data.items() if key not in ENVELOPE}
    for entity in _ENTITIES:
        if entity not in data:
            yield {entity: bare}, f"少了一层 {entity}，已补上"


def _best_form(data: dict[str, Any], one: Endpoint, side: str) -> _Match:
    fields = one.request_fields if side == "request" else one.response_fields
    plain = re.sub(r"[^a-z0-9]", "", one.path.lower())
    required = frozenset(leaf.name for leaf in fields if leaf.required)
    candidate = _Candidate(one, side, dict(_walk_leaves(fields)), required, plain)
    has_code = "errcode" in data
    best: _Match | None = None
    for form, note in _forms(data):
        if note and "少了一层" in note and side == "request":
            continue
        match = _match(form, dict(_paths_of(form)), candidate, note, "", has_code)
        if best is None or match.total > best.total + 1e-9:
            best = match
    assert best is not None
    return best


def _rank(data: dict[str, Any], name_hint: str) -> list[_Match]:
    """Kinds by how well they fit, the best first."""
    candidates, _, _ = _candidates()
    has_code = "errcode" in data
    ranked: list[_Match] = []
    for form, note in _forms(data):
        document = dict(_paths_of(form))
        if not document:
            continue
        for candidate in candidates:
            if note and (candidate.side == "request" and "少了一层" in note):
                continue
            if not (candidate.kinds.keys() & document.keys()) and not name_hint:
                continue
            ranked.append(_match(form, document, candidate, note, name_hint, has_code))
        unwrapped = not note and not any(isinstance(form.get(name), dict) for name in _WRAPPERS)
        if unwrapped and ranked and max(match.score for match in ranked) > 0.95:
            break
    ranked.sort(
        key=lambda match: (-match.total, not match.one.offered, match.one.host == WECOM_HOST, len(match.one.path), match.one.name)
    )
    seen: set[tuple[str, str]] = set()
    unique: list[_Match] = []
    for match in ranked:
        if (match.one.name, match.side) not in seen:
            seen.add((match.one.name, match.side))
            unique.append(match)
    return unique


# -- notes for integrators -----------------------------------------------------------------------------------------------------


def _note_types(data: Any, fields: tuple[Leaf, ...], report: Report) -> None:
    """Notes where the platform wrote a value in another way than its kind, one note per field."""
    seen: dict[str, None] = {}
    _collect(data, fields, "", seen, 0)
    report.notes.extend(list(seen)[:50])
    if len(seen) > 50:
        report.notes.append(f"还有 {len(seen) - 50} 处写法不同，略")


def _collect(data: Any, fields: tuple[Leaf, ...], prefix: str, notes: dict[str, None], depth: int) -> None:
    if not isinstance(data, dict) or depth > 20:
        return
    for leaf in fields:
        if leaf.name not in data:
            continue
        value = data[leaf.name]
        path = f"{prefix}{leaf.name}"
        if value is None:
            notes[f"{path}: 是 null，按没有处理"] = None
            continue
        if leaf.many and not isinstance(value, list):
            if value != "":
                notes[f"{path}: 应是列表，来的是单个，已当作一项"] = None
            value = [value]
        elif not leaf.many and isinstance(value, list) and leaf.is_object:
            notes[f"{path}: 应是单个对象，来的是列表"] = None
        for item in value if isinstance(value, list) else [value]:
            if leaf.is_object:
                _collect(item, leaf.fields, f"{path}.", notes, depth + 1)
            else:
                _note_leaf(item, leaf.kind, path, notes)


def _note_leaf(value: Any, kind: str, path: str, notes: dict[str, None]) -> None:
    if kind == "s" and isinstance(value, float):
        lossy = abs(value) >= EXACT
        notes[f"{path}: 标识写成了小数，已转文字" + ("；超过 2^53，末几位可能不准" if lossy else "")] = None
    elif kind == "s" and isinstance(value, int) and not isinstance(value, bool):
        notes[f"{path}: 是数字，已转文字"] = None
    elif kind in ("i", "m", "f") and isinstance(value, str) and value:
        notes[f"{path}: 是带引号的数字，已转数字" if exact_int(value) is not None else f"{path}: 是文字 {value[:20]!r}"] = None
    elif kind == "b" and not isinstance(value, bool):
        notes[f"{path}: 是/否 写成了 {value!r}"[:80]] = None
    elif kind == "t" and isinstance(value, str) and value:
        notes[f"{path}: 时间是文字"] = None
    elif kind == "t" and isinstance(value, int) and value > 100_000_000_000:
        notes[f"{path}: 时间是毫秒，已转秒"] = None
