"""`zhanggui metrics`: the shop's numbers on the terminal, from stored facts or straight from files of orders and other tables.

The JSON (`--json`, one object, UTF-8) keeps these names; new ones may join them:

    schema         1
    shop           {"id": text or "", "name", "demo"}          files   {kind of table: file name}, {} for a shop
    from, to       the days asked for, both included; observed_from, observed_to: the days the data covers; zone: whose days they are
    metrics        [{key, name, layer, room, unit, grain, side, formula, value, numerator, denominator, low, high, missing, policy, segments}]
                   value is null exactly where `missing` says why; unit 分 is money in 分, 率 a share 0..1; side is where it is ill
                   (above, below, ""); policy {key: value}; segments {dimension: [{segment, name, value, numerator, denominator}]} for --by
    funnel         {window_days, missing, stages: [{key, name, people, from_previous, from_first}], segments {dimension: [{segment, name, stages}]}}
    cohorts        {missing, rows: [{month, size, counts}]}: counts[n] of the `size` first-time buyers of a month paid n months later
    rfm            {missing, as_of, segments: [{key, name, customers, orders, money_fen, share}], cells: [{r, f, m, customers}]}
    refused        {rows, reasons: [{file, reason, rows, example_row}]}: rows of the files that are neither sale nor refund
    error          instead of all this: {"ok": false, "error", "remedy"}, exit status 1

Sums and counts are whole numbers, ids are texts, days are YYYY-MM-DD.
"""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from zhanggui.kernel.errors import BadInput, NotFound, ZhangguiError

SCHEMA = 1
TABLES = {
    "refunds": "退款（售后）表，补充订单表里没有的退款。",
    "events": "行为明细表（浏览、加购、分享……），有它才有访客和漏斗。",
    "visits": "小程序每日访问表。",
    "spend": "渠道花费表，有它才有获客成本。",
    "costs": "商品成本表，有它才有毛利率。",
}
_FILE = click.Path(path_type=Path)


def _tables(command: Any) -> Any:
    for kind, about in reversed(TABLES.items()):
        command = click.option(f"--{kind}", type=_FILE, default=None, help=f"和 --orders 一起用：{about}")(command)
    return command


@click.command("metrics", help="打印店铺的全部指标：--shop 读已入库的数据，--orders 直接读一个订单文件（不需要数据库）。")
@click.option("--shop", "shop_name", default=None, help="店铺编号或名称；只有一家店时可不写。")
@click.option("--orders", "file", type=_FILE, default=None, help="订单文件（xlsx、csv、csv.gz……），不经过数据库直接计算。")
@_tables
@click.option("--from", "first", default=None, help="开始日期，如 2026-11-01；不写则从最早的数据开始（--shop 时为最近 30 天）。")
@click.option("--to", "last", default=None, help="结束日期（含）；不写则到最后有完整数据的一天。")
@click.option(
    "--by",
    multiple=True,
    help="同时按它拆分：channel、product_id、tier、device、is_new、channel_kind、region、category；可写多次。",
)
@click.option(
    "--mapping",
    "pairs",
    multiple=True,
    metavar="字段=列名",
    help="订单文件里某个字段是哪一列，可写多次，如 --mapping order_id=单号。",
)
@click.option("--sheet", default="", help="订单文件的工作表名称。")
@click.option("--refresh/--no-refresh", "fresh", default=True, help="先把有变化的数据算进去（默认是）。")
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
def metrics(
    shop_name: str | None,
    file: Path | None,
    first: str | None,
    last: str | None,
    by: tuple[str, ...],
    pairs: tuple[str, ...],
    sheet: str,
    fresh: bool,
    as_json: bool,
    **tables: Path | None,
) -> None:
    """Computes, or reads what was computed, and prints. Exit status 1 when it cannot be done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    django.setup()
    try:
        span = _day(first), _day(last)
        given = {kind: path for kind, path in tables.items() if path is not None}
        if file is None and given:
            raise BadInput(f"--{next(iter(given))} 要和 --orders 一起用", remedy="请加上订单文件：--orders 订单.xlsx")
        if file is not None and shop_name is not None:
            raise BadInput("--shop 和 --orders 只能写一个", remedy="--shop 看已入库的店铺，--orders 看一个文件")
        if file is not None:
            found = of_files({"orders": file, **given}, *span, mapping=_mapping(pairs), sheet=sheet, by=by)
        else:
            found = of_shop(shop_name, *span, fresh=fresh, by=by)
    except ZhangguiError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "error": error.message, "remedy": error.remedy}, ensure_ascii=False))
        else:
            click.secho(error.message, fg="red", err=True)
            if error.remedy:
                click.echo(f"怎么办：{error.remedy}", err=True)
        raise SystemExit(1) from error
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else as_text(found))


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        year, month, day = (int(part) for part in text.strip().replace("/", "-").split("-"))
        return date(year, month, day)
    except ValueError:
        raise BadInput(f"看不懂日期“{text}”", remedy="请写成 2026-11-01") from None


def _mapping(pairs: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, sign, column = pair.partition("=")
        if not sign:
            raise BadInput(f"看不懂 --mapping {pair}", remedy="请写成 字段=列名，如 order_id=单号")
        found[name.strip()] = {"column": column.strip()}
    return found


# -- a shop in the database --------------------------------------------------------------------------------------------------------


def of_shop(
    name: str | None, first: date | None = None, last: date | None = None, *, fresh: bool = True, by: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Every metric of a stored shop. Raises NotFound for an unknown shop or one without data, Conflict where another process refreshes it."""
    from zhanggui.metrics import commands, queries

    shop = _shop(name)
    if fresh:
        commands.refresh(shop.pk)
    horizon = queries.watermark(shop.pk)[1]
    if horizon is None:
        raise NotFound(f"{shop.name}还没有算过的数据", remedy="请先连接店铺或导入订单")
    last = last or max(horizon, first or horizon)
    answers = queries.answers(shop.pk, first or last - timedelta(days=29), last, by)
    return _document(
        {"id": str(shop.pk), "name": shop.name, "demo": shop.is_demo}, {}, shop.timezone, answers, {"rows": 0, "reasons": []}
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


# -- files, without any database ------------------------------------------------------------------------------------------------------


def of_files(
    files: Mapping[str, Path],
    first: date | None = None,
    last: date | None = None,
    *,
    mapping: Mapping[str, Any] | None = None,
    sheet: str = "",
    by: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Every metric of a file of orders and the tables given beside it, by the same lake, statements and folds as for a shop.

    Raises BadInput where a file is missing or is no such table.
    """
    from zhanggui.facts import lake
    from zhanggui.facts.files.tables import read_tables
    from zhanggui.kernel.clock import SHANGHAI
    from zhanggui.metrics import queries

    for path in files.values():
        if not path.is_file():
            raise BadInput(f"没有找到文件 {path}", remedy="请检查路径")
    tables, refused = read_tables(files, mapping or None, sheet=sheet)
    with tempfile.TemporaryDirectory(prefix="zhanggui-") as folder:
        answers = queries.answers_of(lake.from_file(tables, Path(folder)), first, last, by)
    return _document(
        {"id": "", "name": files["orders"].name, "demo": False},
        {kind: path.name for kind, path in files.items()},
        str(SHANGHAI),
        answers,
        _refused(refused, files),
    )


def _refused(found: Mapping[str, Any], files: Mapping[str, Path]) -> dict[str, Any]:
    """Rows that were neither sale nor refund, by file and reason."""
    reasons = [
        {"file": files[kind].name, "reason": reason, "rows": rows, "example_row": next((r.row for r in refusals.first if r.reason == reason), None)}
        for kind, refusals in found.items() for reason, rows in refusals.reasons.most_common()
    ]  # fmt: skip
    return {"rows": sum(r.count for r in found.values()), "reasons": reasons}


# -- what is printed ------------------------------------------------------------------------------------------------------------------


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and float(number).is_integer() else number


def _stages(stages: Any) -> list[dict[str, Any]]:
    return [
        {"key": s.key, "name": s.name, "people": s.people, "from_previous": s.from_previous, "from_first": s.from_first} for s in stages
    ]  # fmt: skip


def _document(shop: dict[str, Any], files: Mapping[str, str], zone: str, found: Any, refused: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA, "shop": shop, "files": dict(files), "zone": zone, "from": str(found.first), "to": str(found.last),
        "observed_from": str(found.beginning), "observed_to": str(found.horizon), "metrics": [_number(value, found) for value in found.values],
        "funnel": _funnel(found), "cohorts": {
            "missing": found.cohorts.missing,
            "rows": [{"month": f"{c.start:%Y-%m}", "size": c.size, "counts": list(c.counts)} for c in found.cohorts.rows],
        },
        "rfm": {
            "missing": found.rfm.missing, "as_of": str(found.rfm.day) if found.rfm.day else None, "segments": [
                {"key": s.key, "name": s.name, "customers": s.customers, "orders": s.orders, "money_fen": s.money_fen, "share": s.share}
                for s in found.rfm.segments
            ],
            "cells": [{"r": r, "f": f, "m": m, "customers": people} for (r, f, m), people in sorted(found.rfm.cells.items())],
        },
        "refused": refused,
    }  # fmt: skip


def _number(value: Any, found: Any) -> dict[str, Any]:
    from zhanggui.metrics.catalogue import BY_KEY

    metric = BY_KEY[value.key]
    segments = {
        dimension: [
            {"segment": s.segment, "name": s.name, "value": _plain(s.value), "numerator": _plain(s.numerator), "denominator": _plain(s.denominator)}
            for s in parts
        ]
        for (key, dimension), parts in found.segments.items() if key == value.key and not value.missing
    }  # fmt: skip
    return {
        "key": value.key, "name": value.name, "layer": metric.layer, "room": metric.room, "unit": value.unit, "grain": metric.grain_words,
        "side": metric.side, "formula": metric.formula, "value": _plain(value.value), "numerator": _plain(value.numerator),
        "denominator": _plain(value.denominator), "low": value.low, "high": value.high, "missing": value.missing,
        "policy": {key: found.held[key] for key in metric.policies}, "segments": segments,
    }  # fmt: skip


def _funnel(found: Any) -> dict[str, Any]:
    whole = found.funnel
    return {
        "window_days": whole.window_days, "missing": whole.missing, "stages": [] if whole.missing else _stages(whole.stages),
        "segments": {
            dimension: [{"segment": p.segment, "name": p.name, "stages": _stages(p.stages)} for p in funnel.parts]
            for dimension, funnel in found.funnels.items() if not funnel.missing
        },
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


def _made(row: Mapping[str, Any]) -> str:
    """What a number is made of, or why there is none."""
    from zhanggui.metrics.catalogue import BY_KEY

    top, bottom = row["numerator"], row["denominator"]
    if row["missing"] or bottom is None or top is None:
        return str(row["missing"])
    metric = BY_KEY[row["key"]]
    if metric.shape == "statistic":
        return f"样本 {bottom:,}"
    money = row["unit"] == "分" or (row["unit"] == "率" and not metric.counted)
    upper = f"{top / 100:,.2f} 元" if money else f"{top:,}"
    return f"{upper} ÷ {bottom / 100:,.2f} 元" if money and row["unit"] == "率" else f"{upper} ÷ {bottom:,}"


def as_text(found: Mapping[str, Any]) -> str:
    """The document as tables for people: layer by layer, the number, what it is made of or why there is none."""
    name = found["shop"].get("name", "")
    lines = [f"{name}  {found['from']} 至 {found['to']}（数据从 {found['observed_from']} 到 {found['observed_to']}）"]
    if found["shop"].get("demo"):
        lines.append("演示数据")
    if found["refused"]["rows"]:
        lines.append(f"有 {found['refused']['rows']:,} 行不是销售也不是退款，没有计入：")
        lines += [
            f"  {r['rows']:,} 行：{r['reason']}（如 {r['file']} 第 {r['example_row']} 行）" for r in found["refused"]["reasons"]
        ]
    layer = ""
    for row in found["metrics"]:
        if row["layer"] != layer:
            layer = row["layer"]
            lines += ["", f"【{layer}】"]
        lines.append(f"  {_pad(row['name'], 26)}{_pad(_shown(row['value'], row['unit']), 20)}{_made(row)}".rstrip())
        for dimension, parts in row["segments"].items():
            for part in parts[:20]:
                lines.append(f"    {_pad(part['name'], 24)}{_shown(part['value'], row['unit'])}  （{dimension}）")
    lines += ["", "【购买漏斗】"]
    if found["funnel"]["missing"]:
        lines.append(f"  {found['funnel']['missing']}")
    for stage in found["funnel"]["stages"]:
        before = "" if stage["from_previous"] is None else f"上一步的 {stage['from_previous'] * 100:.1f}%"
        lines.append(f"  {_pad(stage['name'], 26)}{_pad(str(stage['people']) + ' 人', 20)}{before}".rstrip())
    if found["rfm"]["segments"]:
        lines += ["", f"【RFM 分层】截至 {found['rfm']['as_of']}"]
        for part in sorted(found["rfm"]["segments"], key=lambda p: -p["customers"]):
            lines.append(
                f"  {_pad(part['name'], 26)}{_pad(str(part['customers']) + ' 人', 20)}净支付 ¥{part['money_fen'] / 100:,.2f}"
            )
    return "\n".join(lines)
