"""What a metric is: one declaration with its words, and one SELECT or one fold that computes it.

    SELECT <day> AS day, <sum> AS numerator, <sum or NULL> AS denominator FROM <lake tables> … GROUP BY <day>

The outermost day is the period: the same statement answers for days, weeks, months, any stretch, and split by a dimension, because
`statement()` replaces the day by the period's start and the grouping by grouping sets. That is how distinct counts stay right: they
are counted over the asked period, never added up. Statements are checked against the lake's schema by sqlglot (`check`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from zhanggui.facts.lake_schema import TABLES

Layer = Literal["流量", "转化", "用户", "社群", "内容", "数据"]
Shape = Literal["sum", "ratio", "state", "statistic", "spread"]
"""sum: the numerator counts. ratio: numerator over denominator. state: as of the period's last day. statistic: the numerator is the
answer, the denominator its sample. spread: a table of segments (cohorts, RFM), read by its own query."""
Better = Literal["up", "down", ""]
Grain = Literal["day", "week", "month", "last7", "last30", "range"]
GRAINS: tuple[Grain, ...] = ("day", "week", "month", "last7", "last30")
WINDOWS: Mapping[str, tuple[int, int]] = {"last7": (7, 8), "last30": (30, 4)}
"""Grain → (days of a window, how many windows are kept back from the last observed day)."""
DIMENSIONS: Mapping[str, str] = {
    "channel": "渠道", "channel_kind": "渠道类型", "device": "设备", "region": "地区", "tier": "会员等级", "is_new": "新老客", "product_id": "商品",
    "category": "类目", "stage": "步骤", "source": "数据来源",
}  # fmt: skip
PEOPLE = ("channel", "channel_kind", "device", "region", "tier", "is_new")
SOURCES: Mapping[str, str] = {
    "behaviour": "行为日志", "orders": "订单", "spend": "渠道花费", "costs": "商品成本", "groups": "企业微信社群", "group_days": "企业微信群统计",
    "reads": "公众号文章数据", "visits": "小程序日数据", "refunds": "退款",
}  # fmt: skip
"""Where numbers come from, in the shopkeeper's words."""
HOW: Mapping[str, str] = {
    "behaviour": "请在小程序或 H5 页面接入行为采集", "orders": "请连接微信小店或导入订单", "spend": "请连接微信广告或导入渠道花费", "costs": "请导入商品成本",
    "groups": "请连接企业微信", "group_days": "请连接企业微信", "reads": "请连接公众号", "visits": "请连接小程序", "refunds": "请连接微信小店或导入退款",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Metric:
    """One number of the shop."""

    key: str
    name: str
    formula: str
    """In words, for the shopkeeper."""
    unit: str
    layer: Layer
    room: str
    """The room that acts on it."""
    shape: Shape
    needs: tuple[str, ...]
    """Sources without any of which nothing can be said (any one of them suffices)."""
    rows: str = ""
    """Which rows lie behind it (see queries.ROWS)."""
    sql: str = ""
    fold: str = ""
    """Name of the fold that computes it instead of a SELECT (see folds)."""
    better: Better = "up"
    additive: bool = True
    """Whether points of days add up to longer periods."""
    dimensions: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    """Dimensions whose segments are stored by day as well."""
    policies: tuple[str, ...] = ()
    """Keys of the policy values it is judged by or compared with; the first is the line."""
    params: Mapping[str, str] = field(default_factory=dict)
    """Statement parameter → policy key."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Statement parameter → fixed value."""
    before: int | None = 0
    """A changed day changes points up to so many days before it; None: all of them."""
    after: int | None = 0
    """… and up to so many days after it; None: all of them."""
    everything: tuple[str, ...] = ()
    """Tables any change of which changes all points."""
    per: float = 1.0
    """What the quotient is multiplied by (100 for "per hundred")."""
    base: str = ""
    """What the denominator counts, in words: named when there is none."""
    counted: bool = True
    """Whether a share counts people or orders (its chance error is known from the counts), not money."""
    lag: int = 0
    """Days until a day's number is complete; judged that much later."""
    pick: tuple[int, int] | None = None
    """Fold: which of its counts are numerator and denominator."""

    @cached_property
    def tables(self) -> frozenset[str]:
        """The lake tables it reads."""
        if self.fold:
            from zhanggui.metrics.folds import READS

            return frozenset(READS[self.fold])
        return frozenset(n for n in _tables_of(self.sql) if n in TABLES)

    @property
    def binomial(self) -> bool:
        """Whether it is hits of trials."""
        return self.counted and self.shape in ("ratio", "state") and self.unit == "率"

    @property
    def censored(self) -> bool:
        """Whether its points depend on how far the shop has been observed."""
        if self.fold:
            from zhanggui.metrics.folds import CENSORED

            return self.fold in CENSORED
        return "$horizon" in self.sql or "calendar" in _tables_of(self.sql)

    def value(self, numerator: float | None, denominator: float | None) -> float | None:
        """The number itself from the two sums; None where there is none."""
        if self.shape in ("sum", "statistic"):
            return numerator
        if self.shape == "state" and denominator is None:
            return numerator
        if numerator is None or not denominator:
            return None
        return numerator / denominator * self.per

    def fingerprint(self, values: Mapping[str, Any]) -> str:
        """Changes whenever the declaration or a policy value it computes with does."""
        text = repr(
            (
                self.sql,
                self.fold,
                self.shape,
                self.additive,
                self.stored,
                self.pick,
                self.per,
                sorted(self.constants.items()),
                sorted(values.items()),
            )
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


ANCHOR = "1970-01-01"

# -- statements -----------------------------------------------------------------------------------------------------------------


class BadDeclaration(ValueError):
    """A metric's statement does not fit the lake or the shape a metric must have."""


@lru_cache(maxsize=512)
def _parsed(sql: str) -> Any:
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, dialect="duckdb")
    if not isinstance(tree, exp.Select) or not tree.args.get("group"):
        raise BadDeclaration("a metric is one grouped SELECT")
    return tree


@lru_cache(maxsize=512)
def _tables_of(sql: str) -> frozenset[str]:
    from sqlglot import exp

    tree = _parsed(sql)
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    return frozenset(t.name for t in tree.find_all(exp.Table)) - own


@lru_cache(maxsize=512)
def check(metric: Metric) -> None:
    """Raises BadDeclaration unless the statement fits the lake: known tables and columns, the three columns, one grouping by the day."""
    import sqlglot
    from sqlglot.optimizer.qualify import qualify

    if metric.fold:
        return
    tree = _parsed(metric.sql)
    unknown = _tables_of(metric.sql) - set(TABLES) - {"calendar"}
    if unknown:
        raise BadDeclaration(f"{metric.key} reads tables the lake does not have: {sorted(unknown)}")
    names = [s.alias_or_name for s in tree.selects]
    if names != ["day", "numerator", "denominator"]:
        raise BadDeclaration(f"{metric.key} gives {names}, not day, numerator, denominator")
    group = tree.args["group"].expressions
    day = tree.selects[0].unalias()
    if (
        len(group) != 1
        or group[0] != day
        or any(tree.args.get(part) for part in ("having", "order", "limit", "distinct", "qualify"))
    ):
        raise BadDeclaration(f"{metric.key} must be grouped by its day and by nothing else, without having, order or limit")
    schema = {name: {c: _sql_type(t) for c, t in table.columns.items()} for name, table in TABLES.items()}
    schema["calendar"] = {"day": "DATE"}
    probe = sqlglot.parse_one(statement(metric.sql, "day", metric.dimensions), dialect="duckdb")
    try:
        qualify(probe, schema=schema, dialect="duckdb", validate_qualify_columns=True)
    except sqlglot.errors.SqlglotError as error:
        raise BadDeclaration(f"{metric.key}: {error}") from error


def _sql_type(kind: Any) -> str:
    text = str(kind)
    if text.startswith("timestamp"):
        return "TIMESTAMPTZ"
    return {"string": "VARCHAR", "int32": "INT", "int64": "BIGINT", "date32[day]": "DATE", "bool": "BOOLEAN", "double": "DOUBLE"}[
        text
    ]


@lru_cache(maxsize=2048)
def statement(sql: str, grain: str, dimensions: tuple[str, ...] = ()) -> str:
    """The declared SELECT for a grain and split by dimensions.

    Columns out: start (the period's first day), numerator, denominator, and per dimension its value `d_<name>` and `g_<name>`
    (0 on the rows of that dimension, 1 on all others). Parameters: $first and $last bound the days. The text ANCHOR stands for the
    last observed day, from which windows are counted back (no parameter: grouping must see the same expression twice).
    """
    from sqlglot import exp, parse_one

    tree = _parsed(sql).copy()
    day = tree.selects[0].unalias().sql(dialect="duckdb")
    if grain == "day":
        period = day
    elif grain in ("week", "month"):
        period = f"CAST(DATE_TRUNC('{grain}', {day}) AS DATE)"
    elif grain in WINDOWS:
        size = WINDOWS[grain][0]
        anchor = f"CAST('{ANCHOR}' AS DATE)"
        period = f"{anchor} - CAST(DATE_DIFF('DAY', {day}, {anchor}) // {size} * {size} + {size - 1} AS INT)"
    elif grain == "range":
        period = "CAST($first AS DATE)"
    else:
        raise ValueError(f"no grain {grain}")
    shown = parse_one(period, dialect="duckdb")
    period = shown.sql(dialect="duckdb")  # the grouping must read exactly like the column
    selects = [exp.alias_(shown, "start"), *tree.selects[1:]]
    for name in dimensions:
        selects.append(exp.alias_(parse_one(name), f"d_{name}"))
        selects.append(exp.alias_(parse_one(f"GROUPING({name})", dialect="duckdb"), f"g_{name}"))
    tree.set("expressions", selects)
    tree.set("group", None)
    sets = ", ".join(["(period_)", *(f"(period_, {name})" for name in dimensions)]).replace("period_", period)
    text: str = tree.sql(dialect="duckdb")
    if grain == "range":
        sets = ", ".join(["()", *(f"({name})" for name in dimensions)])
    return f"{text} GROUP BY GROUPING SETS ({sets})"


def spark(sql: str) -> str:
    """The statement as Spark reads it."""
    import sqlglot

    return sqlglot.transpile(sql, read="duckdb", write="spark")[0]
