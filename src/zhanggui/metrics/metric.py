"""What a metric is: one declaration with its words, and one SELECT or one fold that computes it.

    SELECT <day> AS day, <sum> AS numerator, <sum or NULL> AS denominator FROM <lake tables> … GROUP BY <day>

The outermost day is the period: the same statement answers for days, weeks, months, any stretch, and split by a dimension, because
`statement()` replaces the day by the period's start and the grouping by grouping sets. That is how distinct counts stay right: they
are counted over the asked period, never added up. Where the period matters inside (who bought twice in it), `period(day)` stands for its
start. Statements are checked against the lake's schema by sqlglot (`check`). Several metrics may be made from one table that is itself
a SELECT over the lake (`SHARED`); it is computed once for all of them.
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
SIDES: Mapping[str, str] = {"up": "below", "down": "above", "": ""}
"""Which way is better → on which side of its line a number is ill."""
GRAIN_WORDS: Mapping[str, str] = {"day": "天", "week": "周", "month": "月", "last7": "近 7 天", "last30": "近 30 天"}
VISIT = "kind NOT IN ('order', 'pay')"
"""The behaviour log's own events; orders and payments come from the order book."""
PAID = "paid_fen > 0 AND paid_day BETWEEN $first AND $last"
"""Orders paid with money in the period. Free ones (gifts, samples, fully covered by a coupon) are no purchase."""
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
        found = _tables_of(self.sql)
        return frozenset(n for n in found if n in TABLES).union(*(SHARED[n].tables for n in found if n in SHARED))

    @property
    def shared(self) -> frozenset[str]:
        """The shared tables it is made from."""
        return frozenset() if self.fold else _tables_of(self.sql) & SHARED.keys()

    @property
    def grains(self) -> tuple[Grain, ...]:
        """The periods it is stored for; an additive one is stored by day and adds up to longer ones."""
        from zhanggui.metrics.folds import KM, STEPS

        if self.fold in KM or self.fold == "cohort":
            return ("month",)
        if self.additive or (self.shape in ("state", "spread") and self.fold not in STEPS):
            return ("day",)
        return GRAINS

    @property
    def side(self) -> str:
        """On which side of a line it is ill: above, below, or "" where neither is better."""
        return SIDES[self.better]

    @property
    def grain_words(self) -> str:
        """Its grain for people."""
        if self.shape == "state":
            return "截至每天"
        if self.additive and self.shape in ("sum", "ratio"):
            return "天，可加总到任意时段"
        return "、".join(GRAIN_WORDS[g] for g in self.grains)

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


@dataclass(frozen=True)
class Shared:
    """A table that several metrics are made from: one SELECT over the lake for a stretch of days, split by what is asked for.

    `sql` has two places: {split} for the dimensions as columns, {group} for what joins the grouping.
    """

    name: str
    meaning: str
    sql: str
    columns: Mapping[str, str]
    """Its own columns and their types; every dimension of PEOPLE and product_id comes on top."""
    picked: str = "{0}"
    """How a dimension's value is chosen within a row, if it is not grouped by."""

    @property
    def tables(self) -> frozenset[str]:
        """The lake tables it reads."""
        return _tables_of(self.select(()))

    def select(self, dimensions: tuple[str, ...]) -> str:
        """The statement, with these dimensions and nulls for the others."""
        grouped = self.picked == "{0}"
        split = "".join(
            f", {self.picked.format(d) if d in dimensions else f'CAST(NULL AS {_dimension_type(d)})'} AS {d}" for d in SPLITS
        )
        group = "".join(f", {d}" for d in SPLITS if d in dimensions) if grouped else ""
        return self.sql.format(split=split, group=group)


SPLITS = (*PEOPLE, "product_id")
SHARED: Mapping[str, Shared] = {
    s.name: s
    for s in (
        Shared(
            "visitor_days", "每天来访的人，每人每天一行：有没有加购、有没有分享",
            "SELECT day, customer, bool_or(kind = 'add_to_cart') AS carted, bool_or(kind = 'share') AS shared{split} FROM events "
            f"WHERE {VISIT} AND customer IS NOT NULL AND day BETWEEN $first AND $last GROUP BY day, customer{{group}}",
            {"day": "DATE", "customer": "INT", "carted": "BOOLEAN", "shared": "BOOLEAN"},
        ),
        Shared(
            "visits", "每次访问一行（同一人同一会话；跨零点的按两天各算一次；没有会话编号的按人按天算一次）：看了几页",
            "SELECT day, count(*) FILTER (WHERE kind IN ('page_view', 'product_view', 'invite_open')) AS pages{split} FROM events "
            f"WHERE {VISIT} AND day BETWEEN $first AND $last GROUP BY day, customer, session",
            {"day": "DATE", "pages": "BIGINT"}, "arg_min({0}, ts)",
        ),
    )
}  # fmt: skip


def _dimension_type(name: str) -> str:
    return "BOOLEAN" if name == "is_new" else "VARCHAR"


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
    unknown = _tables_of(metric.sql) - set(TABLES) - set(SHARED) - {"calendar"}
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
    schema: dict[str, object] = {name: {c: _sql_type(t) for c, t in table.columns.items()} for name, table in TABLES.items()}
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
def statement(sql: str, grain: str, dimensions: tuple[str, ...] = (), whole: bool = True) -> str:
    """The declared SELECT for a grain and split by dimensions.

    Columns out: start (the period's first day), numerator, denominator, and per dimension its value `d_<name>` and `g_<name>`
    (0 on the rows of that dimension, 1 on all others). Parameters: $first and $last bound the days. The text ANCHOR stands for the
    last observed day, from which windows are counted back (no parameter: grouping must see the same expression twice). Shared tables
    are written into it where it must be `whole`; else it expects the engine to have them.
    """
    from sqlglot import exp, parse_one

    tree = _parsed(sql).copy()
    for inner in list(tree.find_all(exp.Anonymous)):
        if inner.name.lower() == "period":
            inner.replace(parse_one(_period(inner.expressions[0].sql(dialect="duckdb"), grain), dialect="duckdb"))
    day = tree.selects[0].unalias().sql(dialect="duckdb")
    shown = parse_one(_period(day, grain), dialect="duckdb")
    period = shown.sql(dialect="duckdb")  # the grouping must read exactly like the column
    selects = [exp.alias_(shown, "start"), *tree.selects[1:]]
    for name in dimensions:
        selects.append(exp.alias_(parse_one(name), f"d_{name}"))
        selects.append(exp.alias_(parse_one(f"GROUPING({name})", dialect="duckdb"), f"g_{name}"))
    tree.set("expressions", selects)
    tree.set("group", None)
    if whole:
        _inline(tree, dimensions)
    sets = ", ".join(["(period_)", *(f"(period_, {name})" for name in dimensions)]).replace("period_", period)
    text: str = tree.sql(dialect="duckdb")
    if grain == "range":
        sets = ", ".join(["()", *(f"({name})" for name in dimensions)])
    return f"{text} GROUP BY GROUPING SETS ({sets})"


def _period(day: str, grain: str) -> str:
    """The first day of the period that holds a day."""
    if grain == "day":
        return day
    if grain in ("week", "month"):
        return f"CAST(DATE_TRUNC('{grain}', {day}) AS DATE)"
    if grain in WINDOWS:
        size, anchor = WINDOWS[grain][0], f"CAST('{ANCHOR}' AS DATE)"
        return f"{anchor} - CAST(DATE_DIFF('DAY', {day}, {anchor}) // {size} * {size} + {size - 1} AS INT)"
    if grain == "range":
        return "CAST($first AS DATE)"
    raise ValueError(f"no grain {grain}")


def _inline(tree: Any, dimensions: tuple[str, ...]) -> None:
    """Writes the shared tables into the statement, before everything else it names."""
    from sqlglot import exp, parse_one

    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    names = sorted({t.name for t in tree.find_all(exp.Table)} & SHARED.keys() - own)
    if not names:
        return
    before = [
        exp.CTE(this=parse_one(SHARED[n].select(dimensions), dialect="duckdb"), alias=exp.TableAlias(this=exp.to_identifier(n)))
        for n in names
    ]
    held = tree.args.get("with_") or tree.args.get("with")
    if held is not None:
        held.set("expressions", [*before, *held.expressions])
    else:
        for cte in before:
            tree.with_(cte.alias, as_=cte.this, append=True, copy=False)


def spark(sql: str) -> str:
    """The statement as Spark reads it."""
    import sqlglot

    return sqlglot.transpile(sql, read="duckdb", write="spark")[0]
