"""`zhanggui import FILE`: take a shop's file in from the terminal."""

from __future__ import annotations

import getpass
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zhanggui.kernel.errors import ZhangguiError

if TYPE_CHECKING:
    from zhanggui.facts.files import Proposal
    from zhanggui.facts.models import Shop


SURE = 0.6
"""Below this a table is not taken in by a guess alone: a person, or a word on the command line, must say so."""


@click.command(
    "import", help="导入订单、退款、商品、成本、库存、渠道花费、每日访问、行为或评价表（xlsx、csv、tsv、csv.gz、zip、旧 xls）。"
)
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
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
@click.option("--yes", is_flag=True, help="不再询问，直接导入；不在终端里运行时本来就不问。")
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
def import_command(
    path: Path,
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
    from zhanggui.doors.cli import house

    wish = _Wish(
        kind,
        pairs,
        unit,
        sheet,
        dry_run,
        refused,
        asks=_a_person_is_there() and not (yes or as_json or dry_run),
        quiet=as_json,
        yes=yes,
    )
    try:
        house.ready()
        house.migrate(say=lambda text: None if as_json else click.echo(text))
        result = _import(path, house.the_shop(shop_name), wish)
    except ZhangguiError as error:
        _refuse(error, as_json)
        raise SystemExit(1) from error
    if as_json:
        click.echo(json.dumps({"ok": True, **result}, ensure_ascii=False))


@dataclass(frozen=True)
class _Wish:
    """What was asked for on the command line."""

    kind: str | None
    pairs: tuple[str, ...]
    unit: str | None
    sheet: str
    dry_run: bool
    refused: Path | None
    asks: bool
    """Whether a person is there to answer."""
    quiet: bool
    yes: bool


def _a_person_is_there() -> bool:
    return sys.stdin.isatty()


def _refuse(error: ZhangguiError, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"ok": False, "error": error.message, "remedy": error.remedy}, ensure_ascii=False))
        return
    click.secho(error.message, fg="red", err=True)
    if error.remedy:
        click.echo(f"怎么办：{error.remedy}", err=True)


def _import(path: Path, shop: Shop, wish: _Wish) -> dict[str, Any]:
    from django.db import DatabaseError

    from zhanggui.facts import files
    from zhanggui.kernel.errors import Conflict

    upload = files.open_upload(shop, path, path.name, f"命令行 {_user()}")
    try:
        proposal = files.propose(upload, wish.kind, sheet=wish.sheet)
        columns = _mapped(proposal, wish)
        if not wish.quiet:
            _show(files, upload, proposal, columns)
        if wish.asks and not click.confirm("按这样导入吗？", default=True):
            files.discard(upload)
            return {"discarded": True}
        as_xlsx = wish.refused is not None and wish.refused.suffix.lower() == ".xlsx"
        target = wish.refused.with_suffix(".csv") if wish.refused is not None and as_xlsx else wish.refused
        summary = files.run(
            upload, columns, None if wish.quiet else _Progress(), kind=proposal.kind, dry_run=wish.dry_run, refused=target
        )
    except DatabaseError as error:
        raise Conflict("数据库正忙或被别的任务改动，没有写入任何内容", remedy="等正在进行的同步或导入结束，再导入一次") from error
    except (ZhangguiError, click.Abort, KeyboardInterrupt):
        if upload.state == "uploaded":
            files.discard(upload)
        raise
    if wish.dry_run:
        files.discard(upload)
    if as_xlsx and target is not None and wish.refused is not None and target.is_file():
        wish.refused.write_bytes(files.refused_file(target, "xlsx")[0])
        target.unlink()
        summary.refused_path = str(wish.refused)
    if not wish.quiet:
        _report(summary)
    return {"file": upload.name, "shop": shop.pk, "columns": columns, **asdict(summary)}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "操作员"


def _mapped(proposal: Proposal, wish: _Wish) -> dict[str, Any]:
    """The proposed mapping with what was asked for on the command line. Raises BadInput when columns are missing or a wish is no pair."""
    from zhanggui.facts import files
    from zhanggui.kernel.errors import BadInput

    columns: dict[str, Any] = dict(proposal.columns)
    for pair in wish.pairs:
        key, mark, column = pair.partition("=")
        if not mark:
            raise BadInput(f"--mapping {pair} 写法不对", remedy="写成 字段=列名，例如 order_id=单号")
        columns.pop(key, None)
        if column:
            columns = {k: v for k, v in columns.items() if v.get("column") != column}
            columns[key] = {"column": column}
    if wish.unit:
        money = {f.key for f in files.KINDS[proposal.kind].fields if f.type == "money"}
        columns = {k: {**v, "unit": wish.unit} if k in money else v for k, v in columns.items()}
    if proposal.confidence < SURE and not (
        proposal.missing or proposal.remembered or wish.kind or wish.pairs or wish.asks or wish.yes
    ):
        raise BadInput(
            f"拿不准这是什么表：像{proposal.kind_name}表，把握只有 {proposal.confidence:.0%}",
            remedy="用 --kind 说明是什么表，或加 --yes 照这样导入",
        )
    if proposal.missing and not wish.pairs:
        raise BadInput(proposal.problems[0], remedy=proposal.problems[1] if len(proposal.problems) > 1 else "")
    return columns


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
    if len(proposal.sheets) > 1:
        click.echo(
            f"  工作表：{proposal.sheet}（共 {len(proposal.sheets)} 张：{'、'.join(proposal.sheets[:10])}；换一张用 --sheet）"
        )
    if upload.message:
        click.secho("  " + upload.message, fg="yellow")
    shown = files.preview(upload, columns, 20, kind=proposal.kind)
    for problem in dict.fromkeys([*proposal.problems, *shown.problems]):
        click.secho(f"  请看：{problem}", fg="yellow")
    for row in shown.rows[:3]:
        click.echo("  例：" + "，".join(f"{h} {v}" for h, v in zip(shown.header, row, strict=False) if v))
    for refusal in shown.refusals[:3]:
        click.secho(f"  拒收第 {refusal.row} 行：{refusal.reason}", fg="yellow")


def _report(summary: Any) -> None:
    from zhanggui.kernel.money import yuan

    click.secho(("演练，没有写入：" if summary.dry_run else "") + summary.sentence(), fg="green")
    if summary.unchanged:
        click.echo(f"其中 {summary.unchanged:,} 行以前导入过，没有变化")
    if summary.gross_fen or summary.refund_fen:
        days = f"，{summary.first_day} 至 {summary.last_day}" if summary.first_day else ""
        click.echo(
            f"已付款 {yuan(summary.gross_fen)} 元，退款 {yuan(summary.refund_fen)} 元，客户 {summary.customers:,} 位{days}"
        )
    for reason, count in list(summary.reasons.items())[:12]:
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
