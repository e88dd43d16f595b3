"""经营标准: every number that judges, with its meaning, unit, source and history; changed with a reason, reset to the default."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase

from zhanggui.doors.desk.page import back, desk_page, show
from zhanggui.doors.ui import format as fmt
from zhanggui.doors.ui.context import Desk
from zhanggui.kernel import clock, policy_store
from zhanggui.kernel.access import Permission
from zhanggui.kernel.errors import NotFound, PolicyError
from zhanggui.kernel.models import PolicyOverride
from zhanggui.kernel.policy import PolicyField
from zhanggui.metrics.catalogue import BY_KEY

ROOMS = {
    "metrics": "数据", "traffic": "流量", "conversion": "转化", "customers": "客户", "members": "会员", "care": "客服", "community": "社群", "selection": "选品", "campaigns": "活动",
    "content": "内容", "data": "数据质量", "supply": "供应链", "risk": "风控", "monitoring": "监控", "outbound": "出口", "facts": "账本", "emulator": "演示",
}  # fmt: skip
MOST = 12
"""Digits before the point: no number of a shop has more, and one with a billion of them would tie up the server."""
KINDS = {"threshold": "警戒线", "limit": "限制", "benchmark": "行业参考"}


@dataclass(frozen=True)
class PolicyRow:
    """One policy value as it holds for this shop."""

    key: str
    room: str
    kind: str
    kind_name: str
    meaning: str
    unit: str
    source: str
    value: Any
    default: Any
    own: bool
    guards: str
    side: str | None
    low: float | None
    high: float | None

    @property
    def is_rate(self) -> bool:
        """Whether it is kept as a share and typed in percent."""
        return isinstance(self.value, float | int) and not isinstance(self.value, bool) and fmt.unit_key(self.unit) == "rate"

    @property
    def is_money(self) -> bool:
        """Whether it is kept in 分 and typed in 元."""
        return isinstance(self.value, int) and not isinstance(self.value, bool) and fmt.unit_key(self.unit) == "fen"

    def shown(self, value: Any) -> str:
        """A value with its unit, for reading."""
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, list | tuple):
            return "、".join(str(v) for v in value)
        if not isinstance(value, int | float | Decimal):
            return str(value)
        if fmt.unit_key(self.unit) == "rate":
            return fmt.decimal(Decimal(str(value)) * 100, 4) + "%"  # as exact as it was typed
        return fmt.value(value, self.unit)

    @property
    def now(self) -> str:
        """Today's value in words."""
        return self.shown(self.value)

    @property
    def default_words(self) -> str:
        """The default in words."""
        return self.shown(self.default)

    @property
    def typed(self) -> str:
        """Today's value as the form's field holds it."""
        if self.is_rate:
            return fmt.decimal(Decimal(str(self.value)) * 100, 4).replace(",", "")
        if self.is_money:
            return f"{self.value / 100:.2f}"
        if isinstance(self.value, list | tuple):
            return "，".join(str(v) for v in self.value)
        return str(self.value)

    @property
    def typed_unit(self) -> str:
        """The unit of what is typed."""
        return "%" if self.is_rate else "元" if self.is_money else fmt.UNITS.get(fmt.unit_key(self.unit), self.unit) or self.unit

    def read(self, text: str) -> Any:
        """What was typed, as it is kept. Raises PolicyError."""
        text = text.strip()
        if isinstance(self.default, list | tuple):
            return [part.strip() for part in text.replace("，", ",").replace("、", ",").split(",") if part.strip()]
        return text if isinstance(self.default, (bool, str)) else self._number(text.replace(",", "").replace("，", ""))

    def _number(self, text: str) -> int | float:
        """A typed number as it is kept: a share for percent, 分 for 元. Raises PolicyError in the words of what was typed."""
        unit = f"单位是{self.typed_unit}" if self.typed_unit else ""
        try:
            number = Decimal(unicodedata.normalize("NFKC", text).strip("% 元天次人单倍个"))
        except InvalidOperation:
            raise PolicyError(f"“{text[:40]}”不是数字", remedy=f"请填数字{'，' + unit if unit else ''}") from None
        if not number.is_finite() or number.adjusted() > MOST:
            raise PolicyError(f"“{text[:40]}”太大了", remedy="请填一个合理的数字")
        kept = number / 100 if self.is_rate else number * 100 if self.is_money else number
        if isinstance(self.default, int) and kept != int(kept):
            raise PolicyError("金额最多到分" if self.is_money else "这里要填整数", remedy=unit)
        if (self.low is not None and kept < Decimal(str(self.low))) or (self.high is not None and kept > Decimal(str(self.high))):
            raise PolicyError(f"要在{self.range_words}之间", remedy=f"填的是 {text[:40]}")
        return int(kept) if isinstance(self.default, int) else float(kept)

    @property
    def range_words(self) -> str:
        """The permitted range in words; empty where there is none."""
        if self.low is None and self.high is None:
            return ""
        low = "不限" if self.low is None else self.shown(self._like(self.low))
        return f"{low} 到 {'不限' if self.high is None else self.shown(self._like(self.high))}"

    def _like(self, bound: float) -> int | float:
        return int(bound) if isinstance(self.default, int) else bound


def _row(field: PolicyField, own: dict[str, Any]) -> PolicyRow:
    d = field.declared
    mine = own.get(field.key)
    value = field.default if mine is None else tuple(mine) if isinstance(field.default, tuple) else mine
    return PolicyRow(
        field.key,
        field.room,
        d.kind,
        KINDS.get(d.kind, d.kind),
        d.meaning,
        d.unit,
        d.source,
        value,
        field.default,
        mine is not None,
        d.guards,
        d.side,
        d.low,
        d.high,
    )


def _own(shop_id: int, key: str = "") -> dict[str, Any]:
    rows = PolicyOverride.objects.filter(shop_id=shop_id, since__lte=clock.now())
    if key:
        rows = rows.filter(key=key)
    return dict(rows.order_by("since", "id").values_list("key", "value"))


def rows_for(shop_id: int) -> dict[str, PolicyRow]:
    """Every declared value as it holds for the shop, by key."""
    own = _own(shop_id)
    return {key: _row(field, own) for key, field in policy_store.known().items()}


@dataclass(frozen=True)
class PoliciesPage:
    """All values by room."""

    template: ClassVar[str] = "desk/policies.html"
    groups: list[tuple[str, list[PolicyRow]]]


@desk_page(Permission.VIEW)
def policies(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The list."""
    groups: dict[str, list[PolicyRow]] = {}
    for row in rows_for(desk.shop_id).values():
        groups.setdefault(ROOMS.get(row.room, row.room), []).append(row)
    return show(request, PoliciesPage(sorted(groups.items())))


@dataclass(frozen=True)
class PolicyPage:
    """One value, its history, and the form."""

    template: ClassVar[str] = "desk/policy.html"
    row: PolicyRow
    room: str
    guarded: str
    """Name of the metric it judges; empty if it judges none."""
    history: list[tuple[PolicyOverride, str]]
    """(override, value in words), newest first."""
    error: str = ""
    typed: str = ""


@desk_page(Permission.VIEW, "GET", "POST")
def policy(request: HttpRequest, desk: Desk, key: str) -> HttpResponseBase:
    """One value; POST changes it (with a reason) or returns it to the default."""
    field = policy_store.known().get(key)
    if field is None:
        raise NotFound("没有这条标准", remedy="请从经营标准页进入")
    row = _row(field, _own(desk.shop_id, key))
    error = typed = ""
    if request.method == "POST":
        desk.access.require(Permission.POLICIES)
        why = request.POST.get("why", "").strip()[:300]
        if request.POST.get("do") == "reset":
            policy_store.override(desk.shop_id, key, None, desk.actor, why or "恢复默认值")
            return back(request, desk.url("policy", key), "已恢复默认值，指标会按新标准判断。")
        typed = request.POST.get("value", "")
        try:
            if not why:
                raise PolicyError("请写一句为什么改", remedy="以后复盘时能看懂")
            policy_store.override(desk.shop_id, key, row.read(typed), desk.actor, why)
        except PolicyError as refused:
            error = str(refused)
        else:
            return back(request, desk.url("policy", key), "已保存，从现在起生效。")
    guarded = BY_KEY[row.guards].name if row.guards in BY_KEY else ""
    history = [
        (
            o,
            row.shown(tuple(o.value) if isinstance(row.default, tuple) and o.value is not None else o.value)
            if o.value is not None
            else "恢复默认",
        )
        for o in policy_store.history(desk.shop_id, key)
    ]
    return show(
        request,
        PolicyPage(row, ROOMS.get(row.room, row.room), guarded, history, error, typed or row.typed),
        status=400 if error else 200,
    )
