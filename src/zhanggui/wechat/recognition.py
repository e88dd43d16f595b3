"""Which call or answer a document is, told by its fields alone.

Every kind (one side of one call, or what lies inside one object of an answer) is a set of field paths. A path that few kinds have tells much, one
that many have tells little; fields nobody knows count a little against a kind, fields that only others know count in full. Ties go to what is read
most. Nothing here looks at ids or texts, only at where values stand and whether they are objects, numbers, dates or words.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from zhanggui.wechat.endpoints import ADS_HOST, REGISTRY, Endpoint
from zhanggui.wechat.schemas.base import ENVELOPE, exact_int, to_object
from zhanggui.wechat.schemas.shape import Leaf

ENOUGH = 0.5
"""Share of a document's fields, weighed by how telling they are, that must belong to a kind before it is taken for that kind."""
ENOUGH_ANSWERED = 0.45
"""The same for a document with an errcode: it says by itself that it is an answer of WeChat's."""
ENOUGH_NAMED = 0.2
"""The same when the kind is named, by hand or by the file."""
FAR_BETTER = 0.35
AS_GOOD = 0.02
NEARLY_ALL = 0.95
_WORLD = """
account address age amount app author avatar body brand category city code color config content count country county created created_at
currency cursor data date desc description detail details display_name email end enabled error errors event extra field fields file files
gender group groups height host id ids image images index info item items key keys label lang last level limit link links list location
mark message messages method mobile mode model msg name next nickname num number object offset open order orders page pages params parent
path payload phone position price product products province quantity query reason records region remark request response result results
role rows scene score sex size sort source start state status style subject success summary tag tags text time timestamp title token
total type unit update updated updated_at uri url user user_id users uuid value values version video weight width zip
"""
EVERYBODYS = frozenset(_WORLD.split())
"""Field names that documents of all the world have: they prove nothing about WeChat."""
WRAPPERS = ("data", "result", "resp", "response", "body", "payload")
ADS_ENVELOPE = frozenset({"code", "message", "message_cn", "trace_id", "request_id", "errors"})
_NEW = 0.3
"""Weight of a field nobody knows, beside the most telling one that is known."""
_FREE = ("a", "j")
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}([ T]\d{2}:\d{2}(:\d{2})?.*)?|0000-00-00.*")
_DEEPEST = 30


@dataclass(frozen=True, eq=False)
class Kind:
    """One side of one call; with `inner`, what lies inside that object of its answer (`many`: of that list)."""

    one: Endpoint
    side: str
    paths: Mapping[str, str]
    """Field path → kind of value, as in `schemas.shape`."""
    required: frozenset[str]
    top: frozenset[str]
    inner: str = ""
    many: bool = False

    @cached_property
    def plain(self) -> str:
        """The call's path as letters and digits only."""
        return re.sub(r"[^a-z0-9]", "", self.one.path.lower())

    def whole(self, content: dict[str, Any]) -> dict[str, Any]:
        """The answer that `content` was taken out of."""
        if not self.inner:
            return content
        return {self.inner: [content] if self.many else content}


@dataclass
class Match:
    """How well a document fits a kind: `score` is the share that belongs to it, `total` ranks."""

    kind: Kind
    score: float
    total: float
    data: dict[str, Any] = field(repr=False)
    form: str = ""
    """What was taken off or put back, in Chinese."""
    hinted: bool = False
    telling: int = 0
    """How many of its fields have a name that is the platform's own."""

    @property
    def one(self) -> Endpoint:
        """The call."""
        return self.kind.one

    @property
    def side(self) -> str:
        """request or response."""
        return self.kind.side

    @property
    def name(self) -> str:
        """The call and the side: order.get.response."""
        return f"{self.one.name}.{self.side}"


@dataclass(frozen=True)
class Catalogue:
    """All kinds, and how telling each path is."""

    kinds: tuple[Kind, ...]
    by_path: Mapping[str, tuple[int, ...]]
    weights: Mapping[str, float]
    most: float


def walk_leaves(fields: tuple[Leaf, ...], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every field path with its kind."""
    for leaf in fields:
        path = f"{prefix}{leaf.name}"
        yield path, leaf.kind
        if leaf.fields:
            yield from walk_leaves(leaf.fields, f"{path}.")


def _kind(one: Endpoint, side: str, fields: tuple[Leaf, ...], inner: str = "", many: bool = False) -> Kind:
    required = frozenset(leaf.name for leaf in fields if leaf.required)
    return Kind(one, side, dict(walk_leaves(fields)), required, frozenset(leaf.name for leaf in fields), inner, many)


@cache
def catalogue() -> Catalogue:
    """Every kind the registry knows."""
    kinds: list[Kind] = []
    for one in REGISTRY.values():
        if one.request_fields:
            kinds.append(_kind(one, "request", one.request_fields))
            if len(one.request_fields) == 1 and (leaf := one.request_fields[0]).fields:
                kinds.append(_kind(one, "request", leaf.fields, leaf.name, leaf.many))
        if one.response_fields:
            kinds.append(_kind(one, "response", one.response_fields))
            kinds += [_kind(one, "response", leaf.fields, leaf.name, leaf.many) for leaf in one.response_fields if leaf.fields]
    by_path: dict[str, list[int]] = defaultdict(list)
    names: Counter[str] = Counter()
    for number, kind in enumerate(kinds):
        for path in kind.paths:
            by_path[path].append(number)
        names.update({path.rsplit(".", 1)[-1] for path in kind.paths})
    size = len(kinds)
    weights = {
        path: 0.5 * (math.log(1 + size / len(found)) + math.log(1 + size / names[path.rsplit(".", 1)[-1]]))
        for path, found in by_path.items()
    }
    return Catalogue(tuple(kinds), {path: tuple(found) for path, found in by_path.items()}, weights, math.log(1 + size))


# -- the document as paths -----------------------------------------------------------------------------------------------------


def shape_of(value: Any) -> str:
    """What stands in a place: o object, n number, b yes or no, d date, w words, j JSON inside text, ? nothing."""
    if value is None or value == "" or value == [] or value == {}:
        return "?"
    if isinstance(value, dict):
        return "o"
    if isinstance(value, bool):
        return "b"
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in ("{", "["):
            return "j"
        if exact_int(text) is not None or re.fullmatch(r"-?\d+(\.\d+)?%?", text):
            return "n"
        if text.lower() in ("true", "false"):
            return "b"
        return "d" if _DATE.fullmatch(text) else "w"
    return "n"


def paths_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Every path in a document with what stands there; of many rows the most telling."""
    found: dict[str, str] = {}
    _collect(value, "", found, 0)
    return found


def _collect(value: Mapping[str, Any], prefix: str, found: dict[str, str], depth: int) -> None:
    if depth > _DEEPEST:
        return
    for key, inner in value.items():
        if not prefix and key in ENVELOPE:
            continue
        path = f"{prefix}{key}"
        rows = inner[:50] if isinstance(inner, list) else [inner]
        for row in rows or [None]:
            shape = shape_of(row) if not isinstance(row, list) else "?"
            if shape == "o" or found.get(path, "?") == "?":
                found[path] = shape
            if isinstance(row, dict):
                _collect(row, f"{path}.", found, depth + 1)


_FITS: dict[str, dict[str, float]] = {
    "o": {"o": 1.0, "j": 1.0},
    "s": {"n": 1.0, "w": 1.0, "d": 1.0, "j": 1.0, "b": 0.6},
    "i": {"n": 1.0, "b": 0.6},
    "m": {"n": 1.0},
    "f": {"n": 1.0},
    "b": {"b": 1.0, "n": 1.0},
    "t": {"n": 1.0, "d": 1.0},
}


def _fit(kind: str, shape: str) -> float:
    """How well what stands in a place fits the field's kind, 0…1; fields of free content prove little."""
    if shape == "?":
        return 1.0
    if kind in _FREE:
        return 1.0 if kind == shape else 0.4
    return _FITS[kind].get(shape, 0.15 if shape != "o" and kind != "o" else 0.0)


@dataclass
class Fit:
    """The scores of one document against all kinds."""

    score: dict[int, float]
    hits: dict[int, int]
    telling: dict[int, int]
    top: frozenset[str]


def _weigh(document: Mapping[str, str], beside: int = 0) -> Fit:
    """The share of `document` that belongs to each kind; `beside` unknown fields lay outside what was taken out."""
    all_of = catalogue()
    new = _NEW * all_of.most
    whole = beside * new
    below: dict[str, float] = defaultdict(float)
    gained: dict[int, float] = defaultdict(float)
    hits: dict[int, int] = defaultdict(int)
    telling: dict[int, int] = defaultdict(int)
    free: dict[int, float] = defaultdict(float)
    for path, shape in document.items():
        weight = all_of.weights.get(path)
        head = path.rsplit(".", 1)[0] if "." in path else ""
        if weight is None:
            # Below a field nobody knows nothing more is learnt.
            weight = new if head == "" or head in all_of.weights else 0.0
        whole += weight
        while head:
            below[head] += weight
            head = head.rsplit(".", 1)[0] if "." in head else ""
        tells = path.rsplit(".", 1)[-1].lower() not in EVERYBODYS
        for number in all_of.by_path.get(path, ()):
            fit = _fit(all_of.kinds[number].paths[path], shape)
            gained[number] += weight * fit
            hits[number] += 1
            telling[number] += tells and fit >= 0.6
    for path in document:
        if below.get(path):
            for number in all_of.by_path.get(path, ()):
                if all_of.kinds[number].paths[path] in _FREE:
                    free[number] += 0.8 * below[path]
    score = {number: min(1.0, gain / (whole - free.get(number, 0.0))) for number, gain in gained.items() if whole > 0}
    return Fit(score, hits, telling, frozenset(path for path in document if "." not in path))


# -- forms a document may come in ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """A document as it may have been meant."""

    data: dict[str, Any]
    note: str = ""
    beside: int = 0
    """Fields that lay beside what was taken out."""


def forms(data: dict[str, Any]) -> Iterator[Form]:
    """A document as it is, and without an outer wrapper."""
    packed = [name for name in WRAPPERS if isinstance(data.get(name), str) and data[name].strip()[:1] == "{"]
    if packed:
        data = {**data, **{name: to_object(data[name]) for name in packed}}
    yield Form(data)
    for name in WRAPPERS:
        inner = data.get(name)
        if isinstance(inner, dict) and inner:
            beside = len(data.keys() - ENVELOPE - {name})
            yield Form(inner, f"内容装在 {name} 里，已取出", beside)


def _bonus(kind: Kind, fit: Fit, number: int, has_code: bool) -> float:
    """What else speaks for a kind: much of it is there, what it needs is there, it is on the right side, it is what one reads most."""
    total = 0.08 * len(fit.top & kind.top) / max(len(kind.top), 1)
    total += 0.02 * fit.hits[number] / max(len(kind.paths), 1)
    if kind.required:
        total += 0.08 * len(kind.required & fit.top) / len(kind.required) - 0.04
    total += 0.05 * kind.one.answer.startswith("@") + 0.01 * kind.one.offered + 0.005 * (not kind.one.writes)
    if has_code:
        total += 0.3 if kind.side == "response" else -0.3
    return total - (0.06 if kind.inner else 0.0)


def _believable(kind: Kind, fit: Fit, score: float) -> float:
    """The score, lowered for a request that lacks what it cannot do without."""
    if kind.side == "request" and kind.required:
        return score * (0.6 + 0.4 * len(kind.required & fit.top) / len(kind.required))
    return score


def rank(data: dict[str, Any], hint: str = "") -> list[Match]:
    """The kinds a document may be, the best first, one match per call and side. `hint` is a file name."""
    kinds = catalogue().kinds
    has_code = "errcode" in data
    stem, side = hint_parts(hint) if hint else ("", "")
    best: dict[tuple[str, str], Match] = {}
    for form in forms(data):
        fit = _weigh(paths_of(form.data), form.beside)
        bare = {key: value for key, value in form.data.items() if key not in ENVELOPE}
        numbers = set(fit.score)
        if stem:
            numbers |= {number for number, kind in enumerate(kinds) if not kind.inner and _named(kind, stem)}
        for number in numbers:
            kind = kinds[number]
            score = fit.score.get(number, 0.0)
            total = score + _bonus(kind, fit, number, has_code) - (0.04 if form.note else 0.0)
            hinted = bool(stem) and _named(kind, stem) and side in ("", kind.side)
            if hinted:
                total += 0.25 + 0.1 * (len(stem) / max(len(kind.plain), len(stem)))
            elif side and side != kind.side:
                total -= 0.1
            key = (kind.one.name, kind.side)
            if key not in best or total > best[key].total:
                note = form.note or (f"少了一层 {kind.inner}，已补上" if kind.inner else "")
                if form.note and kind.inner:
                    note = f"{form.note.removesuffix('，已取出')}，少了一层 {kind.inner}"
                whole = kind.whole(bare) if kind.inner else form.data
                best[key] = Match(kind, _believable(kind, fit, score), total, whole, note, hinted, fit.telling.get(number, 0))
    return sorted(best.values(), key=lambda m: (-m.total, not m.one.offered, len(m.one.path), m.one.name))


def enough(match: Match, data: Mapping[str, Any]) -> bool:
    """Whether a document fits a kind well enough to be taken for it without being told."""
    if match.hinted:
        return match.score >= ENOUGH_NAMED
    if "errcode" in data:
        return match.score >= (ENOUGH_ANSWERED if match.telling else ENOUGH)
    return match.score >= (ENOUGH if match.telling else NEARLY_ALL)


def fits_named(match: Match, ranked: list[Match]) -> bool:
    """Whether a document may be the kind it is said to be: enough of it fits, and no other kind fits far better."""
    better = max((one.score for one in ranked), default=0.0)
    return match.score >= ENOUGH_NAMED and better - match.score < FAR_BETTER


# -- file names ----------------------------------------------------------------------------------------------------------------


def _named(kind: Kind, stem: str) -> bool:
    plain = kind.plain
    return plain.endswith(stem) or stem.endswith(plain) or _tail(plain) == stem


def _tail(plain: str) -> str:
    return plain.removeprefix("channelsec").removeprefix("shopec").removeprefix("cgibinexternalcontact")


def hint_parts(name: str) -> tuple[str, str]:
    """A file name's letters and digits, and the side it names; empty when it is too short to mean anything."""
    stem = name.replace("\\", "/").rsplit("/", 1)[-1].lower()
    stem = re.sub(r"\.(json|xml|txt)$", "", stem)
    side = ""
    for word in ("request", "response"):
        if stem.endswith(word):
            side, stem = word, stem[: -len(word)]
    plain = re.sub(r"[^a-z0-9]", "", stem)
    return (plain, side) if len(plain) >= 6 else ("", side)


def is_ads_error(data: Mapping[str, Any]) -> bool:
    """Whether a document is an error of the ads host: its own envelope, with a code from its own range."""
    code = exact_int(data.get("code")) if not isinstance(data.get("code"), bool) else None
    if code is None or code == 0 or "errcode" in data or not data.keys() <= ADS_ENVELOPE | {"data"}:
        return False
    return "message_cn" in data or (code >= 1000 and "message" in data)


__all__ = [
    "ADS_HOST",
    "ENOUGH",
    "Kind",
    "Match",
    "catalogue",
    "enough",
    "fits_named",
    "forms",
    "is_ads_error",
    "paths_of",
    "rank",
]
