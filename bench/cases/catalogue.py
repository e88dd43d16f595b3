"""The whole catalogue in every stored grain over one shop's lake, beside plain peers that compute six of its numbers.

The peers are what somebody writes by hand: per month visitors, sessions, one-page sessions, paid orders, sales and first-time
buyers. All candidates must agree to the last 分.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench import worlds
from bench.house import enter, timed

TITLE = "Full catalogue refresh; the peers compute six of its numbers"
SIZES = ("1M events", "10M events")
OURS = "zhanggui: whole catalogue"
REPEATS = 2
SHOP = 1
SIX = {
    "visitors": "traffic.visitors", "sessions": "traffic.sessions", "bounced": "traffic.bounce_rate", "orders": "conversion.orders",
    "sales": "conversion.sales", "new_customers": "traffic.new_customers",
}  # fmt: skip
PAGES = "('page_view', 'product_view', 'invite_open')"


def lake_of(size: str, work: Path) -> Path:
    """The folder of the lake of a size."""
    return work / f"lake-{size.split()[0]}"


def prepare(size: str, work: Path) -> None:
    """Writes the synthetic lake once."""
    folder = lake_of(size, work)
    if (folder / "ready").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    worlds.write_lake(folder, {"1M": 1_000_000, "10M": 10_000_000}[size.split()[0]], shop=SHOP)
    (folder / "ready").touch()


def ours(size: str, work: Path) -> dict[str, Any]:
    """Every metric of the catalogue, every stored grain and breakdown; the six by month afterwards, outside the time."""
    enter(work / "home-catalogue")
    from zhanggui.facts import lake
    from zhanggui.metrics.catalogue import ALL, BY_KEY
    from zhanggui.metrics.commands import policy_values
    from zhanggui.metrics.compute import Context, align, everything, points
    from zhanggui.metrics.engine import engine_for

    whole = lake.adopt(lake_of(size, work), SHOP)
    assert whole.beginning is not None
    assert whole.horizon is not None
    with engine_for(whole) as engine:
        with timed() as spent:
            found = everything(Context(whole, engine, policy_values(None)), ALL)
        context, months = (
            Context(whole, engine, policy_values(None)),
            align("month", whole.beginning, whole.horizon, whole.horizon),
        )
        answer = {
            name: {
                f"{p.start:%Y-%m}": int(p.numerator or 0) for p in points(context, BY_KEY[key], "month", *months) if p.numerator
            }
            for name, key in SIX.items()
        }
    return {**spent, "answer": answer, "metrics": len(ALL), "points": sum(len(points) for points in found.values())}


def _files(size: str, work: Path, table: str) -> list[str]:
    return sorted(str(p) for p in (lake_of(size, work) / table / f"shop={SHOP}").glob("month=*/data.parquet"))


def duckdb_by_hand(size: str, work: Path) -> dict[str, Any]:
    """The six as hand-written SQL over the same files."""
    import duckdb

    db = duckdb.connect()
    with timed() as spent:
        db.execute(
            f"CREATE VIEW events AS SELECT *, strftime(day, '%Y-%m') AS month FROM read_parquet({_files(size, work, 'events')}, hive_partitioning=false)"
        )
        db.execute(
            f"CREATE VIEW orders AS SELECT *, strftime(paid_day, '%Y-%m') AS month FROM read_parquet({_files(size, work, 'orders')}, hive_partitioning=false)"
        )
        found = {
            "visitors": "SELECT month, count(DISTINCT customer) FROM events WHERE kind NOT IN ('order', 'pay') GROUP BY month",
            "sessions": f"SELECT month, count(*), count(*) FILTER (pages <= 1) FROM (SELECT month, day, session, count(*) FILTER (kind IN {PAGES}) "
            "AS pages FROM events WHERE kind NOT IN ('order', 'pay') GROUP BY month, day, session) GROUP BY month",
            "orders": "SELECT month, count(*), sum(paid_fen), count(*) FILTER (nth = 1) FROM orders WHERE paid_day IS NOT NULL GROUP BY month",
        }
        rows = {name: db.execute(sql).fetchall() for name, sql in found.items()}
    return {**spent, "answer": _six(rows)}


def _six(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, dict[str, int]]:
    def column(name: str, at: int) -> dict[str, int]:
        return {str(row[0]): int(row[at]) for row in sorted(rows[name]) if row[at]}

    return {
        "visitors": column("visitors", 1), "sessions": column("sessions", 1), "bounced": column("sessions", 2),
        "orders": column("orders", 1), "sales": column("orders", 2), "new_customers": column("orders", 3),
    }  # fmt: skip


def pandas_by_hand(size: str, work: Path) -> dict[str, Any]:
    """The six with pandas, reading only the columns needed."""
    import pandas as pd

    with timed() as spent:
        events = pd.concat(
            pd.read_parquet(p, columns=["day", "kind", "session", "customer"], partitioning=None)
            for p in _files(size, work, "events")
        )
        orders = pd.concat(
            pd.read_parquet(p, columns=["paid_day", "paid_fen", "nth"], partitioning=None) for p in _files(size, work, "orders")
        )
        visits = events[~events["kind"].isin(["order", "pay"])]
        visits = visits.assign(
            month=pd.to_datetime(visits["day"]).dt.strftime("%Y-%m"),
            page=visits["kind"].isin(["page_view", "product_view", "invite_open"]),
        )
        by_session = visits.groupby(["month", "day", "session"], sort=False)["page"].sum()
        paid = orders[orders["paid_day"].notna()]
        paid = paid.assign(month=pd.to_datetime(paid["paid_day"]).dt.strftime("%Y-%m"), first=paid["nth"] == 1)
        by_month = paid.groupby("month").agg(orders=("paid_fen", "size"), sales=("paid_fen", "sum"), first=("first", "sum"))
        visitors = visits.groupby("month")["customer"].nunique()
        sessions = by_session.groupby("month").agg(["size", lambda pages: int((pages <= 1).sum())])
    rows: dict[str, list[tuple[Any, ...]]] = {
        "visitors": list(visitors.items()), "sessions": [(m, *r) for m, r in zip(sessions.index, sessions.to_numpy(), strict=True)],
        "orders": [(m, *r) for m, r in zip(by_month.index, by_month.to_numpy(), strict=True)],
    }  # fmt: skip
    return {**spent, "answer": _six(rows)}


def polars_by_hand(size: str, work: Path) -> dict[str, Any]:
    """The six with polars, lazily."""
    import polars as pl

    with timed() as spent:
        month = pl.col("day").dt.strftime("%Y-%m").alias("month")
        visits = pl.scan_parquet(_files(size, work, "events")).filter(~pl.col("kind").is_in(["order", "pay"])).with_columns(month)
        pages = pl.col("kind").is_in(["page_view", "product_view", "invite_open"]).sum().alias("pages")
        sessions = (
            visits.group_by("month", "day", "session").agg(pages).group_by("month").agg(pl.len(), (pl.col("pages") <= 1).sum())
        )
        orders = pl.scan_parquet(_files(size, work, "orders")).filter(pl.col("paid_day").is_not_null())
        orders = orders.group_by(pl.col("paid_day").dt.strftime("%Y-%m").alias("month")).agg(
            pl.len(), pl.col("paid_fen").sum(), (pl.col("nth") == 1).sum().alias("first")
        )
        rows = {
            "visitors": visits.group_by("month").agg(pl.col("customer").n_unique()).collect().rows(),
            "sessions": sessions.collect().rows(), "orders": orders.collect().rows(),
        }  # fmt: skip
    return {**spent, "answer": _six(rows)}


CANDIDATES = {
    OURS: ours, "DuckDB SQL by hand: six numbers": duckdb_by_hand, "pandas: six numbers": pandas_by_hand, "polars: six numbers": polars_by_hand,
}  # fmt: skip
