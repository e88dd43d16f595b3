"""What the house makes of a payload somebody holds in hand: its kind (given or guessed), normalised values, unknown fields, problems.

Used by `zhanggui payload` and by the contract tests. A payload is *understood* when its kind is known (or recognised with most of its
fields) and no value the house relies on is unreadable. An error answer (errcode ≠ 0) is understood: its meaning is the content. A push of an
unknown kind is not: it would be kept raw and acknowledged.

Values: ids text, amounts integer 分, times ISO 8601 with +08:00; fields that did not arrive are left out, fields nobody knows stay as they came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel

from zhanggui.wechat.bodies import Xml, document, unsealed
from zhanggui.wechat.callbacks import understand
from zhanggui.wechat.codes import meaning_of
from zhanggui.wechat.crypto import CallbackKeys
from zhanggui.wechat.endpoints import ADS_HOST, REGISTRY, Endpoint, search
from zhanggui.wechat.errors import UnreadableReply, WechatError
from zhanggui.wechat.recognition import (
    ADS_ENVELOPE,
    AS_GOOD,
    ENOUGH,
    ENOUGH_NAMED,
    Match,
    catalogue,
    enough,
    fits_named,
    is_ads_error,
    rank,
)
from zhanggui.wechat.schemas.base import CHINA, ENVELOPE, EXACT, Epoch, Payload, exact_int, unknown_fields
from zhanggui.wechat.schemas.events import ENVELOPE_NAMES, EVENTS, Envelope, EventSpec, event_spec
from zhanggui.wechat.schemas.reading import read
from zhanggui.wechat.schemas.shape import Leaf, compile_model

MOST_BYTES = 64 << 20
MOST_ROWS = 1000
MOST_OTHERS = 12


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
        data = unsealed(document(body, report.notes), keys, query or {}, report.notes)
        if isinstance(data, list):
            _examine_list(data, as_kind, name_hint, report)
        elif isinstance(data, dict):
            _examine_object(data, as_kind, name_hint, report)
        else:
            report.problems.append("内容不是对象，只是一个单独的值")
    except WechatError as error:
        report.problems.append(str(error))
    except RecursionError:
        report.problems.append("嵌套过深")
    report.understood = report.understood and not report.problems
    return report


# -- what it is ----------------------------------------------------------------------------------------------------------------


def _examine_list(data: list[Any], as_kind: str, name_hint: str, report: Report) -> None:
    rows = [row for row in data if isinstance(row, dict)]
    if not rows or len(rows) != len(data):
        report.problems.append("列表是空的" if not data else "内容是列表，但不是对象的列表")
        return
    parts: list[Report] = []
    for row in rows[:MOST_ROWS]:
        part = Report()
        try:
            _examine_object(row, as_kind, name_hint, part)
        except WechatError as error:
            part.problems.append(str(error))
        parts.append(part)
    first = parts[0]
    kinds = list(dict.fromkeys(part.kind for part in parts))
    report.side, report.title, report.path, report.sure, report.score = (
        first.side,
        first.title,
        first.path,
        first.sure,
        first.score,
    )
    report.kind, report.others = first.kind, first.others
    if len(kinds) > 1:
        report.kind, report.path, report.title = "mixed", "", f"{len(kinds)} 种内容：{'、'.join(kinds[:MOST_OTHERS])}"
    report.values = [part.values for part in parts]
    report.unknown = sorted({f"[].{name}" for part in parts for name in part.unknown})
    report.problems = [f"[{index}] {problem}" for index, part in enumerate(parts) for problem in part.problems]
    report.notes.append(f"是 {len(data)} 个对象的列表" + (f"，只看了前 {MOST_ROWS} 个" if len(rows) > MOST_ROWS else ""))
    report.understood = all(part.understood for part in parts) and len(rows) <= MOST_ROWS


def _examine_object(data: dict[str, Any], as_kind: str, name_hint: str, report: Report) -> None:
    if as_kind:
        _examine_named(data, as_kind, report)
        return
    if is_push(data):
        _examine_push(data, report)
        return
    if isinstance(data, Xml):
        report.problems.append("XML 里没有 Event、InfoType 或 MsgType，不是推送")
        report.values, report.unknown = dict(data), sorted(data)
        return
    code = _code_of(data)
    if code not in (None, 0):
        _examine_error(data, code or 0, "", report)
        return
    rest = {key: value for key, value in data.items() if key not in ENVELOPE}
    if rest and not name_hint and _foreign_code(data):
        report.problems.append("像别的平台的回复：code 不是 0，也不是微信广告的错误码")
        report.values, report.unknown = dict(data), sorted(data)
    elif rest:
        _examine_guess(data, name_hint, report)
    elif code == 0:
        _fine(report, "ok", "成功，没有别的内容", data)
        report.sure = "certain"
    else:
        report.problems.append("errcode 不是数字" if "errcode" in data else "对象是空的，看不出是什么")


def is_push(data: Mapping[str, Any]) -> bool:
    """Whether a document is a push: it names an event, or a message with a sender."""
    return bool(
        data.get("Event") or data.get("InfoType") or (data.get("MsgType") and ("ToUserName" in data or "FromUserName" in data))
    )


def _code_of(data: Mapping[str, Any]) -> int | None:
    if "errcode" in data:
        return exact_int(data["errcode"])
    return exact_int(data["code"]) if is_ads_error(data) else None


def _foreign_code(data: Mapping[str, Any]) -> bool:
    """Whether a document is in the common code-and-message envelope of other platforms, and says that something went wrong."""
    said = "message" in data or "msg" in data
    return "errcode" not in data and "code" in data and said and exact_int(data["code"]) != 0


def _fine(report: Report, kind: str, title: str, data: Mapping[str, Any]) -> None:
    """An answer that says "done" and nothing else the house knows."""
    report.kind, report.side, report.title, report.understood = kind, "response", title, True
    report.values = {"errcode": 0, "errmsg": data.get("errmsg", ""), **{k: v for k, v in data.items() if k not in ENVELOPE}}
    report.unknown = sorted(data.keys() - ENVELOPE)


def _examine_error(data: dict[str, Any], code: int, host: str, report: Report, one: Endpoint | None = None) -> None:
    if not host and "errcode" not in data:
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
    rest = {key: value for key, value in data.items() if key not in ENVELOPE | ADS_ENVELOPE}
    if rest:
        report.values["content"] = shown(_loosely(one, rest)) if one is not None else rest


def _loosely(one: Endpoint, rest: dict[str, Any]) -> Any:
    """What an error answer carries beside its code, as far as it can be read."""
    try:
        return read(one.response_model, _without_nulls(rest))
    except UnreadableReply:
        return rest


# -- pushes --------------------------------------------------------------------------------------------------------------------


def _examine_push(data: dict[str, Any], report: Report, *, expected: EventSpec | None = None) -> None:
    push = understand(data, b"{}")
    spec = push.spec
    report.kind, report.side, report.sure, report.score = push.kind, "event", report.sure or "certain", 1.0
    if expected is not None and spec is not expected:
        report.problems.append(f"内容是推送 {push.kind}，不是 {expected.name}")
        report.values = dict(data)
        return
    if spec is None:
        report.title = "未知的推送"
        report.values = dict(data)
        report.unknown = sorted(data.keys() - ENVELOPE_NAMES)
        report.problems.append(f"不认识推送 {push.kind}：收到时会存下原文并回复 success")
        return
    report.kind = f"message:{spec.name}" if spec.source == "message" else spec.name
    report.title = spec.title
    content = push.content
    payload = read(spec.payload_model, _without_nulls(content), report.problems)
    envelope = read(Envelope, {key: value for key, value in data.items() if key in ENVELOPE_NAMES}, report.problems)
    _note_types(content, spec.payload_fields, report)
    wrapped = next((name for name, value in data.items() if value is content or (spec.wrappers and name in spec.wrappers)), "")
    outside = data.keys() - ENVELOPE_NAMES - {wrapped}
    values = shown(payload)
    report.values = {**shown(envelope), **({wrapped: values} if wrapped else values)}
    if wrapped:
        report.unknown = [f"{wrapped}.{name}" for name in unknown_fields(payload)] + sorted(outside)
        report.values.update({name: data[name] for name in sorted(outside)})
    else:
        report.unknown = unknown_fields(payload)
    report.values.update(entity_id=push.entity_id, dedup_key=push.dedup_key)
    if spec.entity and not any(content.get(name) not in (None, "") for name in spec.entity):
        lack = f"缺少标识：{'、'.join(spec.entity)}"
        (report.problems if spec.typed is not None else report.notes).append(lack)
    report.understood = not report.problems


# -- a kind that is named ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """What a word given by hand may mean."""

    event: EventSpec | None = None
    change: str = ""
    """WeCom's ChangeType, if the word names one behind the event."""
    calls: tuple[Endpoint, ...] = ()
    side: str = ""


@cache
def _events_by_letters() -> dict[str, EventSpec]:
    return {_letters(name): spec for name, spec in EVENTS.items()}


def _letters(text: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(text).lower())


def named(word: str) -> Named:
    """What `word` names: an event, calls, or nothing. Endings like .request, .json, Response, Event are understood."""
    word = re.sub(r"\.(json|xml|txt)$", "", word.strip(), flags=re.IGNORECASE)
    side = ""
    for end, meant in ((".request", "request"), (".response", "response"), ("Request", "request"), ("Response", "response")):
        if word.endswith(end) and len(word) > len(end):
            word, side = word[: -len(end)], meant
            break
    calls = tuple(search(word)) or tuple(one for one in REGISTRY.values() if word and word == one.title)
    if side:
        return Named(calls=calls, side=side)
    head, _, tail = word.partition(".") if "." in word else word.partition("/")
    for text, change in ((word, ""), (head, tail)):
        text = re.sub(r"(?<=.)Event$", "", text)
        spec = event_spec(text) or _events_by_letters().get(_letters(text))
        if spec is not None:
            return Named(event=spec, change=change, calls=calls)
    return Named(calls=calls)


def _examine_named(data: dict[str, Any], word: str, report: Report) -> None:
    report.sure = "given"
    meant = named(word)
    if meant.event is None and not meant.calls:
        if is_push(data) and _letters(data.get("ChangeType", "")) == _letters(word):
            _examine_push(data, report)
            return
        raise UnreadableReply(f"没有名为 {word} 的接口或事件", remedy="名称见 docs/wechat-coverage.md")
    if meant.event is not None and (is_push(data) or not meant.calls):
        if not is_push(data):
            report.kind, report.side = meant.event.name, "event"
            report.problems.append("内容不像推送：没有 Event、InfoType 或 MsgType")
        else:
            _examine_push(data, report, expected=meant.event)
            if meant.change and _letters(data.get("ChangeType", "")) != _letters(meant.change):
                report.problems.append(f"内容的 ChangeType 是 {data.get('ChangeType') or '空'}，不是 {meant.change}")
        return
    one = meant.calls[0]
    report.kind, report.path = one.name, f"{one.method} {one.path}"
    if is_push(data):
        report.problems.append(f"内容是推送 {data.get('Event') or data.get('InfoType') or data.get('MsgType')}，不是 {one.name}")
        return
    if isinstance(data, Xml):
        report.problems.append(f"内容是 XML，{one.name} 只有 JSON")
        return
    code = exact_int(data["errcode"]) if "errcode" in data else exact_int(data.get("code")) if one.host == ADS_HOST else None
    if code not in (None, 0) and meant.side != "request":
        _examine_error(data, code or 0, one.host, report, one)
        return
    _examine_call(data, meant, code, report)


def _examine_call(data: dict[str, Any], meant: Named, code: int | None, report: Report) -> None:
    one = meant.calls[0]
    ranked = rank(data)
    mine = [match for match in ranked if match.one in meant.calls[:5] and meant.side in ("", match.side)]
    best = max(mine, key=lambda match: (match.one is one and match.score >= ENOUGH_NAMED, match.total), default=None)
    rest = data.keys() - ENVELOPE
    if best is not None and fits_named(best, ranked):
        _fill(best, report)
        return
    if not rest:
        if code == 0:
            needed = [leaf.name for leaf in one.response_fields if leaf.required]
            _fine(report, one.name, f"{one.title or one.group}的回复", data)
            if needed:
                report.problems.append(f"回复缺少：{'、'.join(needed)}")
        elif one.required:
            report.problems.append(f"内容是空的，{one.name} 的请求要有 {'、'.join(one.required)}")
        else:
            report.side, report.understood, report.values = "request", True, {}
            report.title = f"{one.title or one.group}的请求"
        return
    if code == 0 and best is None and not any(data[name] and name in catalogue().weights for name in rest):
        # An answer that used to be empty and now says something nobody knows yet.
        _fine(report, one.name, f"{one.title or one.group}的回复", data)
        return
    report.unknown, report.values = sorted(rest), dict(data)
    report.problems.append(f"内容与 {one.name} 的{'请求' if meant.side == 'request' else '回复'}几乎没有相同的字段")
    likely = next((match for match in ranked if match.score >= ENOUGH), None)
    if likely is not None:
        report.others = [likely.name]
        report.problems[-1] += f"，更像 {likely.name}"


# -- a kind that is guessed ----------------------------------------------------------------------------------------------------


def _examine_guess(data: dict[str, Any], name_hint: str, report: Report) -> None:
    ranked = rank(data, name_hint)
    best = ranked[0] if ranked else None
    if best is None or not enough(best, data):
        report.problems.append("看不出是哪个接口或事件的内容；可用 --as 指明")
        report.others = [f"{match.name}（{match.score:.0%}）" for match in ranked[:3] if match.score > 0.1]
        report.values = dict(data)
        report.unknown = sorted(data.keys() - ENVELOPE)
        return
    close = [
        match for match in ranked[1:80] if match.side == best.side and match.score >= best.score - AS_GOOD and enough(match, data)
    ]
    if not _reads(best):
        # Two kinds can share their fields and differ in how they write them: take the one that reads cleanly.
        best = next((match for match in [*close, *ranked[1:8]] if enough(match, data) and _reads(match)), best)
    second = next((match.total for match in ranked if match is not best), 0.0)
    certain = best.score > 0.9 and (best.hinted or (not close and best.total - second > 0.05))
    report.sure = "certain" if certain else "likely" if best.hinted or len(close) <= 3 else "guess"
    if best.score <= 0.75:
        report.sure = "guess"
    rivals = [match for match in [ranked[0], *close] if match is not best]
    report.others = [match.name for match in rivals[:MOST_OTHERS]]
    if len(rivals) > MOST_OTHERS:
        report.notes.append(f"还有 {len(rivals) - MOST_OTHERS} 个接口的字段同样吻合，略")
    _fill(best, report)


def _reads(match: Match) -> bool:
    """Whether the document reads as this kind without a problem."""
    trial = Report()
    try:
        _fill(match, trial)
    except UnreadableReply:
        return False
    return not trial.problems


def _fill(match: Match, report: Report) -> None:
    one = match.one
    report.kind, report.side, report.score = one.name, match.side, match.score
    report.path = f"{one.method} {one.path}"
    report.title = f"{one.title or one.group}{'的请求' if match.side == 'request' else '的回复'}"
    if match.form:
        report.notes.append(match.form)
    fields = one.request_fields if match.side == "request" else one.response_fields
    model = one.response_model
    if match.side == "request":
        lacking = [name for name in one.required if match.data.get(name) in (None, "")]
        if lacking:
            report.notes.append(f"缺少必填参数：{'、'.join(lacking)}")
        model = _without_required(one)
    value = read(model, _without_nulls(match.data), report.problems)
    _note_types(match.data, fields, report)
    report.values = _code_first(shown(value))
    report.unknown = [name for name in unknown_fields(value) if not (one.host == ADS_HOST and name in ADS_ENVELOPE)]
    report.understood = not report.problems


def _code_first(values: dict[str, Any]) -> dict[str, Any]:
    """The values of an answer with its errcode as a number in front."""
    if "errcode" not in values:
        return values
    code = exact_int(values["errcode"])
    return {"errcode": values.pop("errcode") if code is None else code, **{k: v for k, v in values.items() if k != "errcode"}}


@cache
def _without_required(one: Endpoint) -> type[Payload]:
    fields = tuple(Leaf(leaf.name, leaf.kind, leaf.many, False, leaf.fields) for leaf in one.request_fields)
    return compile_model(f"{one.name}.request", fields)


def _without_nulls(value: Any) -> Any:
    """A document without its nulls: what is null did not arrive."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value if inner is not None] if isinstance(value, list) else value


def shown(value: Any) -> Any:
    """A payload as plain data: what arrived, by the platform's names, times as ISO 8601 in China time."""
    if isinstance(value, Epoch):
        return value.at.astimezone(CHINA).isoformat()
    if isinstance(value, BaseModel):
        set_ = value.model_fields_set
        known = {
            (info.alias or name): shown(getattr(value, name)) for name, info in type(value).model_fields.items() if name in set_
        }
        return {**known, **(value.__pydantic_extra__ or {})}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


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
