"""`zhanggui import FILE`: take a shop's file in from the terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from zhanggui.kernel.errors import ZhangguiError


@click.command(
    "import", help="导入订单、退款、商品、成本、库存、渠道花费、每日访问、行为或评价表（xlsx、csv、tsv、csv.gz、zip、旧 xls）。"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--kind", default=None, help="这是什么表：orders refunds products costs stock spend visits events reviews；不写则自动识别。"
)
@click.option("--shop", "shop_name", default=None, help="店铺编号或名称；只有一家店时可不写。")
@click.option(
    "--mapping",
    "pairs",
    multiple=True,
    metavar="字段=列名",
    help="指定某个字段是哪一列，可写多次，如 --mapping order_id=单号；字段=（空）表示不要这个字段。",
)
@click.option("--unit", type=click.Choice(["yuan", "fen"]), default=None, help="金额单位：元或分；不写则按表头和数值判断。")
@click.option("--sheet", default="", help="工作表名称。")
@click.option("--dry-run", is_flag=True, help="照做一遍但什么都不写入。")
@click.option(
    "--refused", type=click.Path(path_type=Path, dir_okay=False), default=None, help="把拒收的行写到这个文件（.csv 或 .xlsx）。"
)
@click.option("--yes", is_flag=True, help="不再询问，直接导入。")
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
def import_command(
    file: Path,
    kind: str | None,
    shop_name: str | None,
    pairs: tuple[str, ...],
    unit: str | None,
    sheet: str,
    dry_run: bool,
    refused: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Opens, proposes, shows, asks and imports. Exit status 1 when the file was refused, 2 on a wrong call."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    django.setup()
    try:
        result = _import(file, kind, shop_name, pairs, unit, sheet, dry_run, refused, yes or as_json, as_json)
    except ZhangguiError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "error": error.message, "remedy": error.remedy}, ensure_ascii=False))
        else:
            click.secho(error.message, fg="red", err=True)
            if error.remedy:
                click.echo(f"怎么办：{error.remedy}", err=True)
        raise SystemExit(1) from error
    if as_json:
        click.echo(json.dumps({"ok": True, **result}, ensure_ascii=False))


def _shop(name: str | None) -> Any:
    """The shop that is meant; BadInput when none or several could be."""
    from zhanggui.facts.models import Shop
    from zhanggui.kernel.errors import BadInput, NotFound

    shops = Shop.objects.filter(closed_at=None)
    if name:
        found = shops.filter(pk=int(name)) if name.isdigit() else shops.filter(name=name)
        if len(found) != 1:
            raise NotFound(f"没有找到店铺“{name}”", remedy="可选：" + "、".join(f"{s.pk} {s.name}" for s in shops[:20]))
        return found[0]
    listed = list(shops[:20])
    if not listed:
        raise NotFound("还没有店铺", remedy="先运行 zhanggui serve，在浏览器里建店")
    if len(listed) > 1:
        raise BadInput(
            "有多家店铺，不知道导入到哪一家", remedy="加 --shop，可选：" + "、".join(f"{s.pk} {s.name}" for s in listed)
        )
    return listed[0]


def _import(
    path: Path,
    kind: str | None,
    shop_name: str | None,
    pairs: tuple[str, ...],
    unit: str | None,
    sheet: str,
    dry_run: bool,
    refused: Path | None,
    yes: bool,
    quiet: bool,
) -> dict[str, Any]:
    import getpass

    from zhanggui.facts import files
    from zhanggui.kernel.errors import BadInput

    shop = _shop(shop_name)
    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = "命令行"
    upload = files.open_upload(shop, path, path.name, f"命令行 {who}")
    try:
        proposal = files.propose(upload, kind, sheet=sheet)
        columns: dict[str, Any] = dict(proposal.columns)
        for pair in pairs:
            key, mark, column = pair.partition("=")
            if not mark:
                raise BadInput(f"--mapping {pair} 写法不对", remedy="写成 字段=列名，例如 order_id=单号")
            columns.pop(key, None)
            if column:
                columns = {k: v for k, v in columns.items() if v.get("column") != column}
                columns[key] = {"column": column}
        if unit:
            money = {f.key for f in files.KINDS[proposal.kind].fields if f.type == "money"}
            columns = {k: {**v, "unit": unit} if k in money else v for k, v in columns.items()}
        if proposal.missing and not pairs:
            raise BadInput(proposal.problems[0], remedy=proposal.problems[1] if len(proposal.problems) > 1 else "")
        if not quiet:
            _show(files, upload, proposal, columns)
        if not yes and not dry_run and not click.confirm("按这样导入吗？", default=True):
            files.discard(upload)
            return {"discarded": True}
        as_xlsx = refused is not None and refused.suffix.lower() == ".xlsx"
        target = None if refused is None else refused.with_suffix(".csv") if as_xlsx else refused
        summary = files.run(upload, columns, None if quiet else _Progress(), kind=proposal.kind, dry_run=dry_run, refused=target)
    except ZhangguiError:
        if upload.state == "uploaded":
            files.discard(upload)
        raise
    if dry_run:
        files.discard(upload)
    if as_xlsx and target is not None and refused is not None and target.is_file():
        refused.write_bytes(files.refused_file(target, "xlsx")[0])
        target.unlink()
        summary.refused_path = str(refused)
    if not quiet:
        _report(summary)
    return {"file": upload.name, "shop": shop.pk, "columns": columns, **asdict(summary)}


def _show(files: Any, upload: Any, proposal: Any, columns: dict[str, Any]) -> None:
    """The mapping, what to check, and the first rows, on the terminal."""
    chosen = files.KINDS[proposal.kind]
    click.secho(
        f"{upload.name}：{proposal.kind_name}表"
        + ("（沿用上次的列对应）" if proposal.remembered else f"（把握 {proposal.confidence:.0%}）"),
        bold=True,
    )
    units = {"yuan": "，单位元", "fen": "，单位分"}
    for item in chosen.fields:
        if item.key in columns:
            setting = columns[item.key]
            click.echo(f"  {item.name}（{item.key}） ← {setting['column']}{units.get(setting.get('unit', ''), '')}")
    used = {s["column"] for s in columns.values()}
    unused = [h for h in proposal.header if h not in used]
    if unused:
        click.echo(f"  没有用到的列：{'、'.join(unused[:20])}")
    if upload.message:
        click.secho("  " + upload.message, fg="yellow")
    for problem in proposal.problems:
        click.secho(f"  请看：{problem}", fg="yellow")
    shown = files.preview(upload, columns, 20, kind=proposal.kind)
    for row in shown.rows[:3]:
        click.echo("  例：" + "，".join(f"{h} {v}" for h, v in zip(shown.header, row, strict=False) if v))
    for refusal in shown.refusals[:3]:
        click.secho(f"  拒收第 {refusal.row} 行：{refusal.reason}", fg="yellow")


def _report(summary: Any) -> None:
    from zhanggui.kernel.money import yuan

    click.secho(("演练，没有写入：" if summary.dry_run else "") + summary.sentence(), fg="green")
    if summary.gross_fen or summary.refund_fen:
        click.echo(
            f"已付款 {yuan(summary.gross_fen)} 元，退款 {yuan(summary.refund_fen)} 元，客户 {summary.customers:,} 位，{summary.first_day} 至 {summary.last_day}"
        )
    for reason, count in summary.reasons.items():
        click.echo(f"  拒收 {count:,} 行：{reason}")
    for problem in summary.problems:
        click.secho(f"  请看：{problem}", fg="yellow")
    if summary.refused_path:
        click.echo(f"拒收的行在 {summary.refused_path}")
    click.echo(f"用时 {summary.seconds:.1f} 秒")


class _Progress:
    """A progress line on a terminal, at most ten times a second; silent elsewhere."""

    def __init__(self) -> None:
        self.on, self.last = sys.stderr.isatty(), 0.0

    def __call__(self, rows: int, done: int, total: int) -> None:
        now = time.monotonic()
        if self.on and (now - self.last > 0.1 or done >= total):
            self.last = now
            share = done / total if total else 1.0
            click.echo(f"\r  {'█' * int(share * 30):<30} {share:4.0%}  已读 {rows:,} 行 ", nl=done >= total, err=True)
