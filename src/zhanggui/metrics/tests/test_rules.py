"""Judgements as sentences, with the values on both sides of every line. No database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from zhanggui.metrics import rules
from zhanggui.metrics.metric import HOW, SOURCES
from zhanggui.stats.shares import UNDECIDED, Change

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
DOWN, UP, FLAT = Change("down", -1, 0.001), Change("up", 1, 0.001), Change("flat", -1, 0.4)


def judged(value: float | None, **given: Any) -> tuple[str, str]:
    held: dict[str, Any] = {
        "missing": "", "sample": None, "counted": False, "line": None, "side": "", "change": UNDECIDED, "relative": None, "better": "up", "smallest": 30,
        "drop": 0.2, "chance": 0.05, "hits": None,
    }  # fmt: skip
    found = rules.judge(value, **{**held, **given})
    return found.verdict, found.reason


CASES: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("nothing known", {"value": None, "missing": "没有行为日志"}, ("数据不足", "没有行为日志")),
    ("29 people say nothing", {"value": 0.1, "counted": True, "sample": 29.0, "hits": 3.0, "line": 0.5, "side": "below"}, ("数据不足", "只有 29 个样本，不足 30 个，先不下结论")),
    ("30 do", {"value": 0.1, "counted": True, "sample": 30.0, "hits": 3.0, "line": 0.5, "side": "below"}, ("异常", "低于警戒线")),
    ("below by less than chance", {"value": 0.45, "counted": True, "sample": 100.0, "hits": 45.0, "line": 0.5, "side": "below"}, ("注意", "低于警戒线，但样本少，可能是偶然")),
    ("the same share of more people is sure", {"value": 0.45, "counted": True, "sample": 1000.0, "hits": 450.0, "line": 0.5, "side": "below"}, ("异常", "低于警戒线")),
    ("above the bounce line for sure", {"value": 0.7, "counted": True, "sample": 500.0, "hits": 350.0, "line": 0.6, "side": "above"}, ("异常", "高于警戒线")),
    ("money has no chance error", {"value": 3001, "line": 3000, "side": "above"}, ("异常", "高于警戒线")),
    ("on the line is not beyond it", {"value": 3000, "line": 3000, "side": "above"}, ("注意", "接近警戒线")),
    ("within a tenth of it", {"value": 2700, "line": 3000, "side": "above"}, ("注意", "接近警戒线")),
    ("well within", {"value": 2699, "line": 3000, "side": "above"}, ("健康", "在警戒线以内")),
    ("on the lower line", {"value": 15, "line": 15, "side": "below"}, ("注意", "接近警戒线")),
    ("far above a lower line", {"value": 17, "line": 15, "side": "below"}, ("健康", "在警戒线以内")),
    ("a fall of a fifth that is no chance", {"value": 80, "change": DOWN, "relative": -0.2}, ("异常", "比上期降了 20%，不像偶然")),
    ("a smaller one", {"value": 81, "change": DOWN, "relative": -0.19}, ("注意", "比上期降了 19%")),
    ("costs that rose", {"value": 3, "change": UP, "relative": 0.5, "better": "down"}, ("异常", "比上期升了 50%，不像偶然")),
    ("costs that fell", {"value": 3, "change": DOWN, "relative": -0.5, "better": "down"}, ("健康", "比上期好")),
    ("a rise", {"value": 3, "change": UP, "relative": 0.5}, ("健康", "比上期好")),
    ("neither way is better", {"value": 3, "change": UP, "relative": 0.5, "better": ""}, ("健康", "与上期不同")),
    ("no difference", {"value": 3, "change": FLAT, "relative": -0.3}, ("健康", "与上期没有明显差别")),
    ("too little to tell", {"value": 3}, ("健康", "样本少，看不出与上期的差别")),
]  # fmt: skip


@pytest.mark.parametrize(("given", "want"), [(g, w) for _, g, w in CASES], ids=[c[0] for c in CASES])
def test_judging_a_number(given: dict[str, Any], want: tuple[str, str]) -> None:
    given = dict(given)
    assert judged(given.pop("value"), **given) == want


def why(needs: tuple[str, ...], first: date, last: date, inside: set[str], ever: set[str], *, begun: bool = True) -> str:
    seen = rules.Observed(frozenset(inside), frozenset(ever), FIRST if begun else None, LAST if begun else None)
    return rules.why_missing("客单价", needs, "订单", seen, first, last, SOURCES, HOW)


def test_what_is_missing() -> None:
    inside = (FIRST, LAST)
    assert why(("orders",), *inside, {"orders"}, {"orders"}) == ""
    assert why((), *inside, set(), {"orders"}) == ""
    assert why(("orders",), *inside, set(), {"orders"}) == "", "a day without an order is a real zero"
    assert why(("spend",), *inside, set(), {"spend", "orders"}) == "这段时间没有渠道花费，无法计算客单价"
    assert why(("spend",), *inside, set(), {"orders"}) == "没有渠道花费，无法计算客单价；请连接微信广告或导入渠道花费"
    assert why(("behaviour", "visits"), *inside, {"visits"}, {"visits"}) == "", "one of two is enough"
    assert why(("orders",), date(2026, 4, 1), date(2026, 4, 2), set(), {"orders"}) == "数据只到 2026-03-31，还看不到这段时间"
    assert why(("orders",), LAST, date(2026, 4, 2), set(), {"orders"}) == ""
    assert why(("orders",), date(2025, 1, 1), date(2025, 12, 31), set(), {"orders"}) == "数据从 2026-01-01 开始，没有更早的记录"
    assert why(("orders",), date(2025, 1, 1), FIRST, set(), {"orders"}) == ""
    assert why(("orders",), *inside, set(), set(), begun=False) == "还没有任何数据，请先连接店铺或导入订单"
    assert rules.no_base("客单价", "支付订单") == "这段时间没有支付订单，无法计算客单价"
    assert rules.no_base("客单价", "") == "这段时间没有可比的数据，无法计算客单价"


def test_the_worst_of_several_but_unknown_is_not_bad() -> None:
    assert rules.worst(["健康", "异常", "注意"]) == "异常"
    assert rules.worst(["健康", "数据不足"]) == "健康"
    assert rules.worst(["数据不足"]) == rules.worst([]) == "数据不足"


def test_counted_shares_change_by_their_counts_and_money_by_its_days() -> None:
    counts = rules.change_of((40, 100), (80, 100), [], [], counted=True, chance=0.05, smallest=30)
    assert counts.direction == "down"
    assert rules.change_of((4, 10), (8, 10), [], [], counted=True, chance=0.05, smallest=30).direction == "undecided"
    days = rules.change_of((None, None), (None, None), [9, 10, 11, 10], [20, 21, 19, 20], counted=False, chance=0.05, smallest=30)
    assert days.direction == "down"
