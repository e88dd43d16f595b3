"""Every WeChat call we know, as data: where it is, what it asks and answers, whether it writes, how often it may be called.

The tables in `wechat/calls/` are text, one block per call:

    POST /channels/ec/order/list/get page=100 window=7d  # 订单列表
      ? order_id! create_time_range{start_time:t end_time:t}      what it asks (see schemas.shape)
      = order_id_list[] next_key has_more:b                       what it answers; "@orders.OrderReply" names a hand-written model

Words after the path: `w` writes · `safe` a write that may be repeated · `page=n` largest page · `window=7d` longest span of one call ·
`rpm=n` `rph=n` `rpd=n` calls per minute, hour, China day · `lane=…` counted together with others · `quota=…` a documented quota · `old=path` the path the call had before or has elsewhere ·
`form` multipart · `binary` answers bytes · `auth=key|secret|user` no access token in the query · `not=why` documented, but not for a merchant's own
token (the payload is understood all the same).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType

from zhanggui.wechat.calls import ads, open_platform, shop, wecom
from zhanggui.wechat.errors import CallError
from zhanggui.wechat.schemas.base import Payload
from zhanggui.wechat.schemas.shape import Leaf, Shape, fields_of

SHOP_HOST = "api.weixin.qq.com"
WECOM_HOST = "qyapi.weixin.qq.com"
ADS_HOST = "api.e.qq.com"

NOT_OFFERED: dict[str, str] = {
    "agency": "只给带货机构账号",
    "supplier": "只给供货商账号",
    "talent": "只给达人或橱窗账号",
    "finder": "要用视频号助手的凭证",
    "miniprogram": "要用关联小程序的凭证",
    "locallife": "只给本地生活商家",
    "inspection": "质检类目专用，本系统不做",
    "undocumented": "官方文档没有说明",
    "superseded": "已有新接口代替",
    "money": "动结算资金，须管理员本人在后台操作",
}
"""Why a documented call is not offered by the clients."""

NOT_CALLS: dict[str, str] = {
    "/cgi-bin/todo/create": "没有服务端新建待办的接口，只有 JS-SDK",
    "/cgi-bin/showqrcode": "图片地址，不是接口",
    "/oauth/authorize": "浏览器跳转，不是接口",
    "/connect/oauth2/authorize": "浏览器跳转，不是接口",
}
"""Paths the fact sheets mention that are no server calls."""

_SPANS = {"h": 3600, "d": 86400}
_PREFIXES = ("/channels/ec/", "/shop/ec/", "/cgi-bin/", "/channels/", "/v3.0/", "/")


@dataclass(frozen=True)
class Endpoint:
    """One call of the platform."""

    name: str
    host: str
    method: str
    path: str
    title: str = ""
    group: str = ""
    writes: bool = False
    safe: bool = True
    """Whether the call may be repeated when its answer was lost."""
    ask: str = ""
    answer: str = ""
    page: int = 0
    window: int = 0
    """Longest span of one call in seconds; 0 if none is documented."""
    per_minute: int = 0
    per_hour: int = 0
    per_day: int = 0
    quota: str = ""
    lane: str = ""
    """Whose budget the call spends; its own unless the platform counts several together."""
    form: bool = False
    binary: bool = False
    auth: str = "token"
    not_offered: str = ""
    other_paths: tuple[str, ...] = field(default=())

    @cached_property
    def request(self) -> Shape:
        """What the call asks."""
        return Shape(self.ask, f"{self.name}.request")

    @cached_property
    def request_fields(self) -> tuple[Leaf, ...]:
        """The fields the call asks."""
        return self.request.fields

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the fields without which the platform refuses."""
        return tuple(leaf.name for leaf in self.request_fields if leaf.required)

    @cached_property
    def response_model(self) -> type[Payload]:
        """The model of the answer: hand-written where the house uses it, compiled otherwise."""
        if self.answer.startswith("@"):
            module, _, name = self.answer[1:].partition(".")
            model: type[Payload] = getattr(importlib.import_module(f"zhanggui.wechat.schemas.{module}"), name)
            return model
        return Shape(self.answer, f"{self.name}.response").model

    @cached_property
    def response_fields(self) -> tuple[Leaf, ...]:
        """The fields the call answers."""
        if self.answer.startswith("@"):
            return fields_of(self.response_model)
        return Shape(self.answer).fields

    @property
    def offered(self) -> bool:
        """Whether a merchant's own credentials can call it."""
        return not self.not_offered

    def __hash__(self) -> int:
        return hash((self.host, self.path))


def name_of(path: str, host: str = SHOP_HOST) -> str:
    """The short dotted name of a path: /channels/ec/order/list/get → order.list.get, WeCom's with a leading "wecom."."""
    for prefix in _PREFIXES:
        if path.startswith(prefix):
            short = path[len(prefix) :].replace("/", ".")
            break
    if host == WECOM_HOST:
        return f"wecom.{short}"
    return f"ads.{short}" if host == ADS_HOST else short


def read_table(host: str, text: str) -> list[Endpoint]:
    """The endpoints of one table. Raises ValueError on a line that is none."""
    found: list[Endpoint] = []
    group = ""
    head: tuple[str, str, list[str], str] | None = None
    sides: dict[str, list[str]] = {"?": [], "=": []}
    side = "?"

    def close() -> None:
        if head is not None:
            found.append(_endpoint(host, group_of_head, head, " ".join(sides["?"]), " ".join(sides["="])))

    group_of_head = ""
    for line in text.splitlines():
        if line.startswith("## "):
            group = line[3:].strip()
            continue
        match = re.match(r"(GET|POST) (\S+)([^#]*)(?:#\s*(.*))?$", line)
        if match:
            close()
            head, group_of_head = (match[1], match[2], match[3].split(), (match[4] or "").strip()), group
            sides, side = {"?": [], "=": []}, "?"
        elif line.strip():
            stripped = line.strip()
            if stripped[:2] in ("? ", "= "):
                side, stripped = stripped[0], stripped[2:]
            elif head is None:
                raise ValueError(f"no call above {stripped!r}")
            sides[side].append(stripped)
    close()
    return found


def _endpoint(host: str, group: str, head: tuple[str, str, list[str], str], ask: str, answer: str) -> Endpoint:
    method, path, words, title = head
    options = dict(word.partition("=")[::2] for word in words)
    writes = "w" in options
    window = options.get("window", "")
    secret = path in ("/cgi-bin/stable_token", "/cgi-bin/token", "/cgi-bin/gettoken", "/cgi-bin/clear_quota/v2")
    name = name_of(path, host)
    return Endpoint(
        name=name,
        host=host,
        method=method,
        path=path,
        title=title,
        group=group,
        writes=writes,
        safe=not writes or "safe" in options,
        ask=ask,
        answer=answer,
        page=int(options.get("page", 0)),
        window=int(window[:-1]) * _SPANS[window[-1]] if window else 0,
        per_minute=int(options.get("rpm", 0)),
        per_hour=int(options.get("rph", 0)),
        per_day=int(options.get("rpd", 0)),
        quota=options.get("quota", ""),
        lane=options.get("lane", name),
        form="form" in options,
        binary="binary" in options,
        auth=options.get("auth", "secret" if secret else "token"),
        not_offered=options.get("not", ""),
        other_paths=tuple(word.partition("=")[2] for word in words if word.startswith("old=")),
    )


def _all() -> Iterable[Endpoint]:
    tables: tuple[ModuleType, ...] = (shop, wecom, open_platform, ads)
    for table in tables:
        yield from read_table(table.HOST, table.TABLE)


REGISTRY: dict[str, Endpoint] = {}
for _one in _all():
    if _one.name in REGISTRY:
        raise ValueError(f"two endpoints are called {_one.name}: {REGISTRY[_one.name].path}, {_one.path}")
    REGISTRY[_one.name] = _one

_BY_PATH: dict[tuple[str, str], Endpoint] = {}
for _one in REGISTRY.values():
    for _path in (_one.path, *_one.other_paths):
        _BY_PATH.setdefault((_one.host, _path), _one)


def endpoint(name: str) -> Endpoint:
    """The endpoint of a name ("order.get"). Raises CallError if there is none."""
    try:
        return REGISTRY[name]
    except KeyError:
        raise CallError(f"没有名为 {name} 的接口", remedy="名称见 docs/wechat-coverage.md") from None


def by_path(path: str, host: str = "") -> Endpoint | None:
    """The endpoint at a path, on `host` or on any."""
    if host:
        return _BY_PATH.get((host, path))
    return next((_BY_PATH[h, path] for h in (SHOP_HOST, WECOM_HOST, ADS_HOST) if (h, path) in _BY_PATH), None)


def search(word: str) -> list[Endpoint]:
    """Endpoints that `word` may mean: a name, a path with or without host or prefix, an end of one. Best first."""
    text = re.sub(r"^https?://", "", word.strip()).split("?", 1)[0]
    text = re.sub(r"^(GET|POST)\s+", "", text)
    if text in REGISTRY:
        return [REGISTRY[text]]
    host, slash, rest = text.partition("/")
    if slash and host in (SHOP_HOST, WECOM_HOST, ADS_HOST):
        exact = by_path(f"/{rest}", host)
        return [exact] if exact else []
    exact = by_path("/" + text.lstrip("/"))
    if exact:
        return [exact]
    plain = _plain(text)
    if not plain:
        return []
    same = [one for one in REGISTRY.values() if plain in (_plain(one.name), _plain(one.path))]
    ends = [
        one
        for one in REGISTRY.values()
        if one not in same and any(_plain(p).endswith(plain) for p in (one.path, *one.other_paths))
    ]
    ends.sort(key=lambda one: (not one.offered, len(one.path)))
    return same + ends


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def coverage_table() -> str:
    """The Markdown table of every call: what it is, whether it reads or writes, limits, and why it is not offered where it is not."""
    lines = [
        "# 微信接口覆盖表",
        "",
        "本表由 `zhanggui.wechat.endpoints.coverage_table()` 从接口登记生成，请勿手改。",
        "",
        f"共 {len(REGISTRY)} 个接口；可用 {sum(one.offered for one in REGISTRY.values())} 个，"
        f"其中读 {sum(one.offered and not one.writes for one in REGISTRY.values())} 个、"
        f"写 {sum(one.offered and one.writes for one in REGISTRY.values())} 个。"
        "“只解析”表示不调用，但收到它的内容能读懂。写接口只经 `wechat.writes`，只有出口（outbound）可以引用。",
    ]
    for host, title in ((SHOP_HOST, "微信小店、公众号、小程序"), (WECOM_HOST, "企业微信"), (ADS_HOST, "微信广告")):
        lines += [
            "",
            f"## {title}（{host}）",
            "",
            "| 名称 | 方法与路径 | 说明 | 读写 | 可重试 | 限制 | 状态 |",
            "|---|---|---|---|---|---|---|",
        ]
        for one in REGISTRY.values():
            if one.host != host:
                continue
            limits = []
            if one.page:
                limits.append(f"每页 ≤ {one.page}")
            if one.window:
                days = one.window / 86400
                limits.append(f"跨度 ≤ {days:g} 天")
            if one.per_minute:
                limits.append(f"{one.per_minute} 次/分")
            if one.per_hour:
                limits.append(f"{one.per_hour} 次/时")
            if one.per_day:
                limits.append(f"{one.per_day} 次/天")
            if one.lane != one.name:
                limits.append("与同类合计")
            if one.quota:
                limits.append(one.quota.replace("_", " "))
            state = "可用" if one.offered else f"只解析：{NOT_OFFERED[one.not_offered]}"
            lines.append(
                f"| `{one.name}` | {one.method} `{one.path}` | {one.title or one.group} | {'写' if one.writes else '读'} "
                f"| {'是' if one.safe else '否'} | {'；'.join(limits)} | {state} |"
            )
    return "\n".join(lines) + "\n"
