"""Pages that explain the desk itself: everything there is to open, what is kept of whom, and every component with sample values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase

import zhanggui
from zhanggui.doors.desk.page import desk_page, show, signed_in
from zhanggui.doors.ui import charts
from zhanggui.doors.ui.context import Desk
from zhanggui.doors.ui.values import Cursor, Metric, PolicyLine, Progress, Verdict
from zhanggui.kernel.access import Permission

LIBRARIES: Sequence[tuple[str, str, str]] = (
    ("Django、django-htmx、granian、WhiteNoise", "网站", "BSD / MIT"),
    ("htmx", "页面里的局部更新", "0BSD"),
    ("Altair、Vega、Vega-Lite、vl-convert", "图表", "BSD-3-Clause"),
    ("DuckDB、Apache Arrow、sqlglot、NumPy、Numba", "指标计算", "MIT / Apache-2.0 / BSD"),
    ("aiohttp、pydantic、cryptography、defusedxml", "连接平台与加密", "Apache-2.0 / MIT / BSD / PSF"),
    ("python-calamine、XlsxWriter", "读写表格", "MIT / BSD"),
)
"""(libraries, what for, licence) of what a shopkeeper's pages rest on; all of it is in docs/dependencies.md."""


@dataclass(frozen=True)
class MenuPage:
    """Everything there is to open, for a phone."""

    template: ClassVar[str] = "desk/menu.html"


@desk_page(Permission.VIEW)
def menu(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """The menu behind "更多"."""
    return show(request, MenuPage())


@dataclass(frozen=True)
class AboutPage:
    """What is kept, how it is protected, how it leaves; and by whose work the desk stands."""

    template: ClassVar[str] = "desk/about.html"
    version: str
    libraries: Sequence[tuple[str, str, str]]


@signed_in
def about(request: HttpRequest) -> HttpResponseBase:
    """数据与隐私."""
    return show(request, AboutPage(zhanggui.__version__, LIBRARIES))


# ── the gallery ──────────────────────────────────────────────────────────

_BOUNCE = PolicyLine("traffic.bounce_high", 0.6, "above", "threshold", "跳出率超过多少算偏高")
_CART = PolicyLine("conversion.cart_to_pay_low", 0.5, "below", "threshold", "加购到支付低于多少算偏低")
_WANTED = PolicyLine("customers.annual_retention_wanted", 0.72, "", "benchmark", "年度留存目标")
_TREND = (0.41, 0.44, 0.4, 0.47, 0.46, 0.52, 0.49, 0.5, 0.55, 0.53, 0.57, 0.6)
METRICS: Sequence[Metric] = (
    Metric("a", "跳出率", 0.468, "率", 0.44, _TREND, _BOUNCE, span="近 7 天"),
    Metric("b", "跳出率", 0.57, "率", 0.52, _TREND, _BOUNCE, span="近 7 天", reason="接近警戒线", judged="warn", word="注意"),
    Metric(
        "c", "加购→支付", 0.41, "率", 0.52, _TREND[::-1], _CART, span="近 7 天", reason="低于警戒线", judged="bad", word="异常"
    ),
    Metric("d", "年度留存率", 0.435, "率", 0.455, (0.46, None, 0.45, 0.44, 0.435), _WANTED, span="近 30 天"),
    Metric("e", "销售额", 1_876_339, "分", 2_242_805, (18, 22, 21, 25, 19, 17, 16), span="近 7 天"),
    Metric("f", "群成员数", None, "人", missing="没有企业微信群统计，无法计算群成员数；请连接企业微信"),
)
VERDICTS: Sequence[Verdict] = (
    Verdict("good", "健康", "店铺整体健康", "各项都在正常范围。", [("看转化漏斗", "#")]),
    Verdict("warn", "留意", "转化有需要留意的变化", "支付转化率比上期降了 18%。", [("看支付转化率", "#")]),
    Verdict(
        "bad",
        "异常",
        "流量有异常，要先处理",
        "获客成本 ¥80.81，高于警戒线（¥30.00）。",
        [("看获客成本", "#"), ("看转化漏斗", "#")],
    ),
    Verdict("none", "待看", "数据还不够，看不出好坏", "多数指标的样本还不够。"),
)
WORK: Sequence[Progress] = (
    Progress("同步订单", 6_230, 20_000, "2025年11月"),
    Progress("导入文件", 1_200, None, "正在读第 1 个工作表"),
    Progress("同步商品", 0, 0, "平台额度用完，0 点后接着同步", "waiting"),
    Progress("同步售后", 320, 320, "", "done"),
    Progress("同步广告", 0, None, "授权已过期，请重新授权", "failed"),
)
BADGES: Sequence[tuple[str, str]] = (
    ("good", "健康"),
    ("warn", "注意"),
    ("bad", "异常"),
    ("busy", "进行中"),
    ("none", "数据不足"),
    ("plain", "金卡"),
)
COHORT: Sequence[tuple[str, int, Sequence[tuple[str, str]]]] = (
    ("2026年8月", 214, (("31.3%", "h9"), ("24.8%", "h7"), ("22.0%", "h6"))),
    ("2026年9月", 198, (("28.3%", "h8"), ("21.2%", "h6"))),
    ("2026年10月", 176, (("26.1%", "h8"),)),
)
ICONS = (
    "home", "funnel", "people", "goods", "order", "upload", "link", "ruler", "gear", "log", "member", "more", "moon", "sun", "out", "down", "search",
    "check", "eye", "undo", "bin", "info", "swap", "sync", "chart", "grid", "left", "right",
)  # fmt: skip
COLOURS: Mapping[str, str] = {
    "cinnabar": "朱砂：印章、主按钮、异常", "jade": "石绿：健康", "ochre": "赭石：留意", "indigo": "靛青：链接、标准线", "ink": "墨：文字与数字",
}  # fmt: skip


@dataclass(frozen=True)
class GalleryPage:
    """Every component with sample values: what visual checks look at."""

    template: ClassVar[str] = "desk/gallery.html"
    metrics: Sequence[Metric]
    verdicts: Sequence[Verdict]
    work: Sequence[Progress]
    badges: Sequence[tuple[str, str]]
    icons: Sequence[str]
    colours: Mapping[str, str]
    cohort: Sequence[tuple[str, int, Sequence[tuple[str, str]]]]
    cursor: Cursor
    series: dict[str, Any]
    curve: dict[str, Any]
    lines: Sequence[tuple[Metric, PolicyLine]]
    funnel: Sequence[tuple[str, int, float]]


def sample_series() -> dict[str, Any]:
    """Thirty days of a made-up share with the thirty before and a policy line."""
    first = date(2026, 10, 1)
    days = [first + timedelta(days=n) for n in range(30)]
    now = [0.44 + 0.05 * ((n * 7) % 5) / 5 + 0.004 * n for n in range(30)]
    return charts.series(days, now, "率", previous=[v - 0.03 for v in now], line=0.6, line_words="警戒线 60.0%")


@signed_in
def gallery(request: HttpRequest) -> HttpResponseBase:
    """组件一览."""
    curve = charts.curve([(1, 0.31), (2, 0.25), (3, 0.22), (4, 0.2), (5, 0.19), (6, 0.185)], "首购后第 {n} 个月")
    lines = [(m, m.line) for m in METRICS if m.line is not None]
    stages = [("浏览商品", 8_420, 1.0), ("加入购物车", 1_347, 0.16), ("下单", 1_120, 0.133), ("支付", 1_031, 0.1224)]
    cursor = Cursor("next", True, 50, 20_431, False)
    return show(
        request,
        GalleryPage(METRICS, VERDICTS, WORK, BADGES, ICONS, COLOURS, COHORT, cursor, sample_series(), curve, lines, stages),
    )
