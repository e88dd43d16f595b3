"""`zhanggui metrics`: the shop's numbers on the terminal, from stored facts or straight from a file of orders."""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from zhanggui.kernel.errors import BadInput, NotFound, ZhangguiError


def _day(_: click.Context, option: click.Parameter, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        raise click.BadParameter(f"看不懂日期“{text}”，请写成 2026-11-01") from None


@click.command("metrics", help="打印店铺的全部指标：--shop 读已入库的数据，--orders 直接读一个订单文件（不需要数据库）。")
@click.option("--shop", "shop_name", default=None, help="店铺编号或名称；只有一家店时可不写。")
@click.option(
    "--orders",
    "file",
    type=click.Path(path_type=Path),
    default=None,
    help="订单文件（xlsx、csv、csv.gz……），不经过数据库直接计算。",
)
@click.option(
    "--from",
    "first",
    callback=_day,
    default=None,
    help="开始日期，如 2026-11-01；不写则从最早的数据开始（--shop 时为最近 30 天）。",
)
@click.option("--to", "last", callback=_day, default=None, help="结束日期（含）；不写则到最后有数据的一天。")
@click.option(
    "--mapping",
    "pairs",
    multiple=True,
    metavar="字段=列名",
    help="文件里某个字段是哪一列，可写多次，如 --mapping order_id=单号。",
)
@click.option("--sheet", default="", help="工作表名称。")
@click.option("--refresh/--no-refresh", "fresh", default=True, help="先把有变化的数据算进去（默认是）。")
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
def metrics_command(
    shop_name: str | None,
    file: Path | None,
    first: date | None,
    last: date | None,
    pairs: tuple[str, ...],
    sheet: str,
    fresh: bool,
    as_json: bool,
) -> None:
    """Computes, or reads what was computed, and prints. Exit status 1 when it cannot be done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    django.setup()
    try:
        found = of_file(file, first, last, _mapping(pairs), sheet) if file is not None else of_shop(shop_name, first, last, fresh)
    except ZhangguiError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "error": error.message, "remedy": error.remedy}, ensure_ascii=False))
        else:
            click.secho(error.message, fg="red", err=True)
            if error.remedy:
                click.echo(f"怎么办：{error.remedy}", err=True)
        raise SystemExit(1) from error
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else as_text(found))


def _mapping(pairs: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign:
            raise BadInput(f"看不懂 --mapping {pair}", remedy="请写成 字段=列名，如 order_id=单号")
        found[name.strip()] = {"column": column.strip()}
    return found


# -- a shop in the database --------------------------------------------------------------------------------------------------------


def of_shop(name: str | None, first: date | None, last: date | None, fresh: bool = True) -> dict[str, Any]:
    """Every metric of a stored shop. Raises NotFound for an unknown shop."""
    from datetime import timedelta

    from zhanggui.facts import lake
    from zhanggui.metrics import commands, queries

    shop = _shop(name)
    if fresh:
        commands.refresh(shop.pk)
    horizon = queries.watermark(shop.pk)[1] or lake.read(shop.pk).horizon
    if horizon is None:
        raise NotFound(f"{shop.name}还没有数据", remedy="请先连接店铺或导入订单")
    last = last or horizon
    first = first or last - timedelta(days=29)
    values = queries.values(shop.pk, [m.key for m in queries.catalogue() if m.shape != "spread"], first, last)
    held = commands.policy_values(shop.pk)
    funnel = queries.funnel(shop.pk, first, last)
    cohorts, rfm = queries.cohorts(shop.pk), queries.rfm(shop.pk)
    return _document(
        {"id": shop.pk, "name": shop.name, "demo": shop.is_demo},
        first,
        last,
        horizon,
        values,
        held,
        {"window_days": funnel.window_days, "missing": funnel.missing, "stages": [_stage(s) for s in funnel.stages]},
        {
            "missing": cohorts.missing,
            "rows": [{"month": str(c.start)[:7], "size": c.size, "counts": list(c.counts)} for c in cohorts.rows],
        },
        {
            "missing": rfm.missing,
            "as_of": str(rfm.day) if rfm.day else None,
            "segments": [
                {"name": s.name, "customers": s.customers, "orders": s.orders, "money_fen": s.money_fen} for s in rfm.segments
            ],
        },
    )


def _shop(name: str | None) -> Any:
    from zhanggui.facts.models import Shop

    shops = Shop.objects.filter(closed_at=None)
    if name:
        shops = shops.filter(pk=int(name)) if name.isdigit() else shops.filter(name=name)
    found = list(shops[:2])
    if len(found) != 1:
        known = "、".join(f"{s.pk} {s.name}" for s in Shop.objects.filter(closed_at=None)[:20]) or "还没有店铺"
        raise NotFound(f"没有找到店铺“{name}”" if name else "请用 --shop 指定是哪家店", remedy=f"可选：{known}")
    return found[0]


# -- a file of orders, without any database -------------------------------------------------------------------------------------------


def of_file(
    path: Path, first: date | None, last: date | None, mapping: Mapping[str, Any] | None = None, sheet: str = ""
) -> dict[str, Any]:
    """Every metric of a file of orders, by the same lake, statements and folds as for a shop. Raises BadInput when it is no such file."""
    from zhanggui.facts import lake
    from zhanggui.facts.files.tables import read_orders

    if not path.is_file():
        raise BadInput(f"没有找到文件 {path}", remedy="请检查路径")
    tables = read_orders(path, mapping or None, sheet=sheet)
    if not tables["orders"].num_rows:
        raise BadInput("文件里没有一笔可以读的订单", remedy="请检查列的对应关系")
    with tempfile.TemporaryDirectory(prefix="zhanggui-") as folder:
        now = lake.from_file(tables, Path(folder))
        return of_lake(now, first, last, {"name": path.name, "file": path.name})


def of_lake(now: Any, first: date | None, last: date | None, shop: dict[str, Any]) -> dict[str, Any]:
    """Every metric of a lake, computed for one stretch with the default policies."""
    from zhanggui.metrics import queries
    from zhanggui.metrics.catalogue import ALL, BY_KEY
    from zhanggui.metrics.commands import policy_values
    from zhanggui.metrics.compute import Context, points
    from zhanggui.metrics.engine import engine_for
    from zhanggui.metrics.folds import STEP_NAMES
    from zhanggui.metrics.rules import Observed

    horizon, beginning = now.horizon, now.beginning
    if horizon is None or beginning is None:
        raise BadInput("文件里没有一笔可以读的订单", remedy="请检查列的对应关系")
    first, last = first or beginning, last or horizon
    if first > last:
        raise BadInput("开始日期在结束日期之后", remedy="请把两个日期换一下")
    held = policy_values(None)
    with engine_for(now) as engine:
        context = Context(now, engine, held)
        rows = BY_KEY["data.rows"]
        inside, ever = (
            frozenset(p.segment for p in points(context, rows, "range", *span, ("source",)) if p.dimension and p.numerator)
            for span in ((first, last), (beginning, horizon))
        )
        seen = Observed(inside, ever, beginning, horizon)
        values = []
        for metric in ALL:
            if metric.shape == "spread":
                continue
            found = [p for p in points(context, metric, "range", first, last) if not p.dimension]
            sums = (found[-1].numerator, found[-1].denominator) if found else (None, None)
            values.append(queries.value_of(metric, sums, seen, first, last))
        steps = {p.segment: p.numerator or 0 for p in points(context, BY_KEY["conversion.funnel"], "range", first, last)}
        stages = queries.stages_of([steps.get(step, 0) for step in STEP_NAMES])
        missing = (
            queries.value_of(BY_KEY["conversion.funnel"], (None, None), seen, first, last).missing
            if not any(steps.values())
            else ""
        )
        cohorts: dict[date, dict[str, Any]] = {}
        for p in points(context, BY_KEY["customers.cohort_retention"], "month", first, last):
            row = cohorts.setdefault(p.start, {"month": str(p.start)[:7], "size": int(p.denominator or 0), "counts": []})
            row["counts"].append(int(p.numerator or 0))
        groups: dict[str, dict[str, Any]] = {}
        for p in points(context, BY_KEY["customers.rfm"], "day", first, last):
            row = groups.setdefault(p.segment, {"name": f"{p.segment}客户"})
            if p.dimension == "rfm":
                row |= {"customers": int(p.numerator or 0), "money_fen": int(p.denominator or 0)}
            elif p.dimension == "rfm_orders":
                row["orders"] = int(p.numerator or 0)
    segments = [row for row in groups.values() if "customers" in row]
    nobody = "" if segments else "还没有支付过的客户"
    return _document(
        shop,
        first,
        last,
        horizon,
        values,
        held,
        {
            "window_days": held["conversion.funnel_days"],
            "missing": missing,
            "stages": [] if missing else [_stage(s) for s in stages],
        },
        {"missing": nobody, "rows": list(cohorts.values())},
        {"missing": nobody, "as_of": str(horizon), "segments": segments},
    )


# -- what is printed ------------------------------------------------------------------------------------------------------------------


def _stage(stage: Any) -> dict[str, Any]:
    return {
        "key": stage.key,
        "name": stage.name,
        "people": stage.people,
        "from_previous": stage.from_previous,
        "from_first": stage.from_first,
    }


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number


def _document(
    shop: dict[str, Any],
    first: date,
    last: date,
    horizon: date,
    values: list[Any],
    held: Mapping[str, Any],
    funnel: dict[str, Any],
    cohorts: dict[str, Any],
    rfm: dict[str, Any],
) -> dict[str, Any]:
    from zhanggui.metrics.catalogue import BY_KEY

    listed = []
    for value in values:
        metric = BY_KEY[value.key]
        listed.append({
            "key": value.key, "name": value.name, "layer": metric.layer, "unit": value.unit, "value": _plain(value.value),
            "numerator": _plain(value.numerator), "denominator": _plain(value.denominator), "missing": value.missing,
            "policy": {key: held[key] for key in metric.policies}, "formula": metric.formula,
        })  # fmt: skip
    return {
        "shop": shop, "from": str(first), "to": str(last), "observed_to": str(horizon), "metrics": listed, "funnel": funnel, "cohorts": cohorts,
        "rfm": rfm,
    }  # fmt: skip


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - _width(text))


def _shown(number: float | None, unit: str) -> str:
    if number is None:
        return "—"
    if unit == "分":
        return f"¥{number / 100:,.2f}"
    if unit == "率":
        return f"{number * 100:.2f}%"
    return f"{number:,.0f} {unit}" if float(number).is_integer() else f"{number:,.2f} {unit}".rstrip()


def as_text(found: Mapping[str, Any]) -> str:
    """The document as tables for people: layer by layer, the number, what it is made of or why there is none."""
    name = found["shop"].get("name", "")
    lines = [f"{name}  {found['from']} 至 {found['to']}（数据到 {found['observed_to']}）"]
    if found["shop"].get("demo"):
        lines.append("演示数据")
    layer = ""
    for row in found["metrics"]:
        if row["layer"] != layer:
            layer = row["layer"]
            lines += ["", f"【{layer}】"]
        made = row["missing"]
        if not made and row["denominator"] is not None:
            money = row["unit"] == "分" or row["key"] in (
                "conversion.refund_rate",
                "conversion.gross_margin",
                "conversion.discount_rate",
            )
            top = f"{row['numerator'] / 100:,.2f} 元" if money and row["numerator"] is not None else f"{row['numerator']:,}"
            bottom = f"{row['denominator'] / 100:,.2f} 元" if money and row["unit"] == "率" else f"{row['denominator']:,}"
            made = f"{top} ÷ {bottom}"
        lines.append(f"  {_pad(row['name'], 26)}{_pad(_shown(row['value'], row['unit']), 20)}{made}")
    lines += ["", "【购买漏斗】"]
    if found["funnel"]["missing"]:
        lines.append(f"  {found['funnel']['missing']}")
    for stage in found["funnel"]["stages"]:
        before = "" if stage["from_previous"] is None else f"上一步的 {stage['from_previous'] * 100:.1f}%"
        lines.append(f"  {_pad(stage['name'], 26)}{_pad(str(stage['people']) + ' 人', 20)}{before}")
    if found["rfm"]["segments"]:
        lines += ["", f"【RFM 分层】截至 {found['rfm']['as_of']}"]
        for part in sorted(found["rfm"]["segments"], key=lambda p: -p["customers"]):
            lines.append(
                f"  {_pad(part['name'], 26)}{_pad(str(part['customers']) + ' 人', 20)}净支付 ¥{part['money_fen'] / 100:,.2f}"
            )
    return "\n".join(lines)
