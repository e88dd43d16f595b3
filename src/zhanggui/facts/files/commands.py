"""Importing a shop's file: open it, propose a mapping, preview, run in one transaction, hand back what was refused.

    file = open_upload(shop, path, "订单.xlsx", by="老王")
    proposal = propose(file)                       # kind, columns, unit, what to check
    shown = preview(file, proposal.columns)        # rows as they would be taken, and refusals
    summary = run(file, proposal.columns)          # everything or nothing; the same file again changes nothing

Reading and staging happen before the transaction, so the shop's database is locked only while rows are written.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from zhanggui.facts import models as m
from zhanggui.facts.dirty import mark_many
from zhanggui.facts.files import fields, mapping, orders, plain, readers, sink
from zhanggui.facts.files.orders import Assembled, Context, Stage
from zhanggui.facts.files.rows import Refusal, Refusals, RowReader
from zhanggui.facts.files.sink import Counts, Spool
from zhanggui.kernel import audit, clock, vault
from zhanggui.kernel.errors import BadInput, Conflict
from zhanggui.kernel.money import yuan

Progress = Callable[[int, int, int], None]
"""Called with (rows so far, done, total): bytes while reading, then rows while writing."""


@dataclass
class Preview:
    """The first rows of a file as they would be taken in."""

    header: list[str]
    rows: list[list[str]]
    refusals: list[Refusal]
    read: int
    """How many rows were looked at."""
    problems: list[str]


@dataclass
class Summary:
    """What an import did. Money in 分; rows of the file = accepted + refused; unchanged are accepted rows that said nothing new."""

    kind: str
    kind_name: str
    rows: int
    accepted: int
    unchanged: int
    refused: int
    created: dict[str, int] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)
    gross_fen: int = 0
    """Paid orders of the file, refunds not deducted."""
    refund_fen: int = 0
    customers: int = 0
    first_day: str = ""
    last_day: str = ""
    problems: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    first_refusals: list[dict[str, Any]] = field(default_factory=list)
    refused_path: str = ""
    seconds: float = 0.0
    dry_run: bool = False

    def sentence(self) -> str:
        """The summary in one Chinese sentence."""
        names = {
            "orders": "订单",
            "refunds": "退款",
            "products": "商品",
            "skus": "SKU",
            "costs": "成本",
            "stock": "库存",
            "spend": "花费",
            "visits": "访问日",
            "events": "行为",
            "reviews": "评价",
        }
        parts = [f"新增{names.get(k, k)} {n:,}" for k, n in self.created.items() if n] + [
            f"更新{names.get(k, k)} {n:,}" for k, n in self.updated.items() if n
        ]
        tail = f"，拒收 {self.refused:,} 行" if self.refused else ""
        lead = f"{self.kind_name}表 {self.rows:,} 行："
        return lead + ("、".join(parts) if parts else "没有新内容") + tail


# ------------------------------------------------------------------------------------------------ open and propose


def open_upload(shop: m.Shop, path: Path | str, name: str, by: str) -> m.ImportFile:
    """Notes a file that somebody gave us, after making sure that it is a table. The file stays where it is.

    A file under `settings.FILES` is ours and is removed once its rows are in (it holds personal data); any other is
    never touched. Raises BadInput for what is no table.
    """
    path = Path(path).resolve()
    readers.open_table(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if _ours(path):
        path.chmod(0o600)
    before = m.ImportFile.objects.filter(shop=shop, sha256=digest.hexdigest(), state="done").order_by("-id").first()
    message = (
        f"同一个文件已在 {before.finished_at.astimezone(shop.zone):%Y-%m-%d %H:%M} 导入过；再导入不会重复计数"
        if before and before.finished_at
        else ""
    )
    return m.ImportFile.objects.create(
        shop=shop,
        name=Path(name).name[:200],
        path=str(path),
        size=path.stat().st_size,
        sha256=digest.hexdigest(),
        by=by[:150],
        message=message,
    )


def _ours(path: Path) -> bool:
    return path.is_relative_to(Path(settings.FILES).resolve())


def _opened(file: m.ImportFile, sheet: str = "") -> tuple[readers.Table, mapping.Sniffed]:
    if not file.path:
        raise Conflict("这个文件已经导入完并从服务器删除", remedy="要再导入请重新上传")
    table = readers.open_table(file.path, sheet=sheet or str(file.summary.get("sheet", "")))
    return table, mapping.sniff(table)


def propose(file: m.ImportFile, kind: str | None = None, *, sheet: str = "") -> mapping.Proposal:
    """How the file would be understood; the shop's remembered mapping for this header wins over guessing.

    `sheet` picks a worksheet and is remembered with the file. Raises BadInput when there is no table in it.
    """
    table, sniffed = _opened(file, sheet)
    known = m.Mapping.objects.filter(shop_id=file.shop_id, header_hash=sniffed.hash)
    if kind:
        known = known.filter(kind=kind)
    remembered = known.order_by("-updated_at").values_list("kind", "columns").first()
    proposal = mapping.propose(table, sniffed, kind, remembered)
    file.kind, file.columns = proposal.kind, proposal.columns
    if sheet:
        file.summary = {**file.summary, "sheet": sheet}
    file.save(update_fields=["kind", "columns", "summary"])
    return proposal


def remember(shop: m.Shop, kind: str, sniffed: mapping.Sniffed, columns: mapping.Columns) -> None:
    """Keeps a mapping for the next file with this header."""
    m.Mapping.objects.update_or_create(
        shop=shop, kind=kind, header_hash=sniffed.hash, defaults={"header": sniffed.header, "columns": columns}
    )


def _reader(
    file: m.ImportFile, kind: fields.Kind, columns: Mapping[str, Any], progress: Progress | None = None
) -> tuple[RowReader, mapping.Sniffed, list[str]]:
    table, sniffed = _opened(file)
    settled, problems = mapping.settle(kind, sniffed, columns)
    lacking = mapping.missing(kind, settled)
    if lacking:
        raise BadInput(f"按{kind.name}导入还缺：{'；'.join(lacking)}", remedy="在原表加上这些列，或指定是哪一列", missing=lacking)
    own = orders.parsers() if kind is fields.ORDERS else plain.plain_parsers(kind.key)
    return RowReader(table, sniffed, kind, settled, file.shop.zone, progress=progress, parsers=own), sniffed, problems


def _kind(file: m.ImportFile, kind: str | None) -> fields.Kind:
    key = kind or file.kind
    if key not in fields.KINDS:
        raise BadInput("还没有选这是什么表", remedy=f"可选：{'、'.join(k.name for k in fields.KINDS.values())}")
    return fields.KINDS[key]


def _context(shop: m.Shop, mapped: Mapping[str, Any]) -> Context:
    """Sealing, fingerprints and the shop's own codes for reading orders."""
    skus = plain.sku_index(shop) if ("code" in mapped or "sku_id" in mapped) and "product_id" not in mapped else {}
    return Context(
        seal=lambda body: vault.seal(body, shop_id=shop.pk),
        fingerprint=lambda text: vault.fingerprint(text, shop_id=shop.pk),
        skus=skus,
    )


# ------------------------------------------------------------------------------------------------ preview


def preview(file: m.ImportFile, columns: Mapping[str, Any], limit: int = 50, *, kind: str | None = None) -> Preview:
    """The first `limit` rows as they would be taken in, and those that would be refused. Nothing is written."""
    chosen = _kind(file, kind)
    reader, _, problems = _reader(file, chosen, columns)
    refusals = Refusals()
    if chosen is fields.ORDERS:
        with Stage(memory_mb=64) as stage:
            rows = orders.OrderRows(reader, _context(file.shop, reader.columns))
            for batch in reader.batches(limit):
                stage.add(rows.take(batch))
                for index in sorted(batch.refused):
                    refusals.add(batch.refused[index])
            stage.index()
            levels = _levels(stage, reader)
            shown = [_shown_order(file.shop, o) for o in stage.assembled(levels, rows.mapped)]
        header = [
            "订单号",
            "状态",
            "下单时间",
            "支付时间",
            "买家",
            "商品行",
            "件数",
            "商品总额",
            "优惠",
            "运费",
            "实付",
            "退款",
            "渠道",
            "地区",
        ]
        return Preview(header, shown, refusals.first, reader.read, problems)
    job = _job(file.shop, reader)
    read = plain.PLAIN[chosen.key][0]
    out: list[list[str]] = []
    for batch in reader.batches(limit):
        out.extend(_shown_plain(file.shop, chosen.key, row) for row in read(reader, batch, job))
        for index in sorted(batch.refused):
            refusals.add(batch.refused[index])
    return Preview(list(plain.SHOWN[chosen.key]), out, refusals.first, reader.read, problems)


def _local(shop: m.Shop, micros: int | None) -> str:
    return "" if micros is None else f"{datetime.fromtimestamp(micros / 1_000_000, UTC).astimezone(shop.zone):%Y-%m-%d %H:%M}"


_STATUS_NAMES = {
    "unpaid": "待付款",
    "paid": "已付款",
    "shipped": "已发货",
    "done": "已完成",
    "cancelled": "已取消",
    "refunded": "已退款",
    "pending": "待成团或待领取",
}


def _shown_order(shop: m.Shop, order: Assembled) -> list[str]:
    refund = sum(r.amount_fen for r in order.returns)
    if not order.has_sale:
        item = order.returns[0]
        return [
            order.order_id,
            "退货单",
            _local(shop, item.at),
            "",
            plain.person_shown(order.person),
            str(len(order.returns)),
            str(sum(r.quantity for r in order.returns)),
            "",
            "",
            "",
            "",
            yuan(refund),
            order.channel,
            order.region,
        ]
    return [
        order.order_id, _STATUS_NAMES[order.status], _local(shop, order.created), _local(shop, order.paid_at), plain.person_shown(order.person), str(len(order.lines)),
        str(sum(x.quantity for x in order.lines)), yuan(order.goods_fen), yuan(order.discount_fen), yuan(order.freight_fen), yuan(order.paid_fen),
        yuan(refund) if refund else "", order.channel, order.region,
    ]  # fmt: skip


_MONEY_AT = {"refunds": {3}, "products": {6}, "costs": {2}, "spend": {3, 8}}
_MOMENT_AT = {"refunds": {2}, "stock": {1}, "events": {1}, "reviews": {1}}
_DAY_AT = {"costs": {1}, "spend": {0}, "visits": {0}}
_PERSON_AT = {"refunds": {8}, "events": {3}, "reviews": {4}}


def _shown_plain(shop: m.Shop, kind: str, row: tuple[Any, ...]) -> list[str]:
    out = []
    for place, value in enumerate(row):
        if value is None:
            out.append("")
        elif place in _MONEY_AT.get(kind, ()):
            out.append(yuan(value))
        elif place in _MOMENT_AT.get(kind, ()):
            out.append(_local(shop, value))
        elif place in _DAY_AT.get(kind, ()):
            out.append(date.fromordinal(date(1970, 1, 1).toordinal() + value).isoformat())
        elif place in _PERSON_AT.get(kind, ()):
            out.append(plain.person_shown(value))
        elif isinstance(value, bytes):
            text = vault.unseal(value, shop_id=shop.pk).decode()
            out.append(text if len(text) <= 30 else text[:30] + "…")
        elif isinstance(value, bool):
            out.append("是" if value else "否")
        else:
            out.append(str(value))
    return out


def _levels(stage: Stage, reader: RowReader) -> dict[str, str]:
    """Per amount, order or line: as the mapping says, else as the values show."""
    found = stage.levels()
    for name, key in (("paid", "paid"), ("freight", "freight"), ("discount", "discount"), ("refund", "refund_amount")):
        said = reader.columns.get(key, {}).get("level")
        if said in {"order", "line"}:
            found[name] = str(said)
    return found


def _job(shop: m.Shop, reader: RowReader) -> plain.Job:
    now = int(clock.now().timestamp() * 1_000_000)
    needs_skus = reader.kind.key in {"costs", "stock", "refunds", "products"}
    return plain.Job(shop, frozenset(reader.columns), now, skus=plain.sku_index(shop) if needs_skus else {})


# ------------------------------------------------------------------------------------------------ run


class _DryRun(Exception):
    """Carries a dry run out of its transaction."""


def refused_folder(shop_id: int) -> Path:
    """Where the refused rows of a shop's imports are kept."""
    return Path(settings.FILES) / str(shop_id) / "refused"


def run(
    file: m.ImportFile, columns: Mapping[str, Any], progress: Progress | None = None, *, kind: str | None = None, dry_run: bool = False,
    refused: Path | None = None, atomic: Callable[[], AbstractContextManager[Any]] = transaction.atomic,
) -> Summary:  # fmt: skip
    """Takes the file in, all its good rows in one transaction, and remembers the mapping for the next file of this shape.

    A killed or failed run leaves nothing. The same rows again change nothing, newer rows of the same key update.
    Refused rows go to a csv (`refused`, else a file of ours). `atomic` opens the transaction: a job passes its own,
    which also checks its lease. While rows are written on the embedded database, `progress` must not write to it
    through another connection. With `dry_run` everything is done and then rolled back.
    Raises BadInput when the mapping lacks what the kind needs, Conflict when the import is running already.
    """
    chosen = _kind(file, kind)
    started = time.monotonic()
    shop = file.shop
    if not dry_run:
        _claim(file, chosen)
    path = refused or refused_folder(shop.pk) / f"{file.pk}.csv"
    refusals = Refusals(path)
    noted = [0.0]

    def reading(rows: int, done: int, total: int) -> None:
        if progress is not None:
            progress(rows, done, total)
        if not dry_run and time.monotonic() - noted[0] > 1.0:
            noted[0] = time.monotonic()
            m.ImportFile.objects.filter(pk=file.pk).update(rows_done=rows)

    try:
        reader, sniffed, problems = _reader(file, chosen, columns, reading)
        summary = Summary(chosen.key, chosen.name, 0, 0, 0, 0, problems=problems, dry_run=dry_run)
        with contextlib.suppress(_DryRun), _lean():
            if chosen is fields.ORDERS:
                _run_orders(file, reader, sniffed, refusals, summary, progress, atomic, dry_run, started)
            else:
                _run_plain(file, reader, sniffed, refusals, summary, progress, atomic, dry_run, started)
    except BaseException as error:
        refusals.close()
        if refused is None:
            path.unlink(missing_ok=True)
        if not dry_run:
            message = (
                str(error) if isinstance(error, BadInput | Conflict) else f"导入中断：{type(error).__name__}，没有写入任何内容"
            )
            with contextlib.suppress(Exception):
                m.ImportFile.objects.filter(pk=file.pk).update(state="failed", message=message[:500], finished_at=clock.now())
                file.refresh_from_db()
        raise
    if dry_run and refused is None:
        path.unlink(missing_ok=True)
        summary.refused_path = ""
    if not dry_run:
        file.refresh_from_db()
        if _ours(Path(file.path)):
            Path(file.path).unlink(missing_ok=True)
            file.path = ""
            file.save(update_fields=["path"])
    return summary


def _claim(file: m.ImportFile, kind: fields.Kind) -> None:
    """Marks the file as being imported; a run that died leaves the mark, so only a fresh one is respected."""
    file.state, file.kind, file.message, file.rows_done = "importing", kind.key, "", 0
    file.save(update_fields=["state", "kind", "message", "rows_done"])


def _run_orders(
    file: m.ImportFile, reader: RowReader, sniffed: mapping.Sniffed, refusals: Refusals, summary: Summary, progress: Progress | None,
    atomic: Callable[[], AbstractContextManager[Any]], dry_run: bool, started: float,
) -> None:  # fmt: skip
    with Stage() as stage:
        rows = orders.stage_file(reader, _context(file.shop, reader.columns), refusals, stage)
        refusals.close()
        if rows.statuses:
            summary.problems.append(f"不认识的订单状态：{'、'.join(sorted(rows.statuses)[:8])}；有支付时间的按已付款计")
        levels = _levels(stage, reader)
        total = stage.rows
        with atomic():
            counts = sink.write_orders(
                file.shop,
                stage,
                rows.mapped,
                levels,
                (lambda done: progress(reader.read, done, total)) if progress is not None else None,
            )
            if counts.held_rows:
                summary.problems.append(f"{counts.held_rows} 行属于平台已同步的订单，以平台为准，没有改动")
            if counts.loose_returns:
                summary.problems.append(
                    f"{counts.loose_returns} 笔退货没有写明原订单，按同一客户的同一商品对上了 {counts.matched_returns} 笔"
                )
            _finish(file, reader, sniffed, refusals, summary, counts, started)
            if dry_run:
                raise _DryRun


def _run_plain(
    file: m.ImportFile, reader: RowReader, sniffed: mapping.Sniffed, refusals: Refusals, summary: Summary, progress: Progress | None,
    atomic: Callable[[], AbstractContextManager[Any]], dry_run: bool, started: float,
) -> None:  # fmt: skip
    job = _job(file.shop, reader)
    read, write = plain.PLAIN[reader.kind.key]
    with Spool() as spool:
        for batch in reader.batches():
            spool.add(read(reader, batch, job))
            for index in sorted(batch.refused):
                refusals.add(batch.refused[index])
        refusals.close()
        if progress is not None:
            job.progress = lambda done: progress(reader.read, min(done, spool.rows), spool.rows)
        with atomic():
            write(job, spool)
            main = job.counts.merged.get(reader.kind.key)
            if main is not None and not job.counts.unchanged_rows:
                job.counts.unchanged_rows = main.unchanged
            if not any(x.touched for x in job.counts.merged.values()):
                job.counts.tables.clear()
            _finish(file, reader, sniffed, refusals, summary, job.counts, started)
            if dry_run:
                raise _DryRun


def _finish(
    file: m.ImportFile,
    reader: RowReader,
    sniffed: mapping.Sniffed,
    refusals: Refusals,
    summary: Summary,
    counts: Counts,
    started: float,
) -> None:
    """Inside the transaction: what of the lake is stale, the summary, the file's own row, the mapping, the audit trail."""
    shop = file.shop
    summary.rows = reader.read
    summary.refused = refusals.count
    summary.accepted = reader.read - refusals.count
    summary.unchanged = min(summary.accepted, counts.unchanged_rows + counts.held_rows)
    summary.created = {k: v.inserted for k, v in counts.merged.items()}
    summary.updated = {k: v.updated for k, v in counts.merged.items()}
    summary.gross_fen, summary.refund_fen, summary.customers = counts.gross_fen, counts.refund_fen, counts.customers
    summary.problems += [*counts.notes, *sorted(reader.table.warnings - set(summary.problems))]
    summary.reasons = dict(refusals.reasons.most_common(50))
    summary.first_refusals = [asdict(r) for r in refusals.first[:20]]
    summary.refused_path = str(refusals.path) if refusals.count and refusals.path else ""
    first = last = clock.today(shop.zone)
    if counts.first is not None and counts.last is not None:
        first, last = (clock.day_of(datetime.fromtimestamp(v / 1_000_000, UTC), shop.zone) for v in (counts.first, counts.last))
        summary.first_day, summary.last_day = first.isoformat(), last.isoformat()
        if "orders" in counts.tables:
            # Who was new and which purchase it was may change for everything that came after.
            last = max([last, *_last_days(shop)])
    mark_many(shop, [(table, first, last) for table in sorted(counts.tables)])
    remember(shop, reader.kind.key, sniffed, reader.columns)
    summary.seconds = round(time.monotonic() - started, 2)
    m.ImportFile.objects.filter(pk=file.pk).update(
        state="done", kind=reader.kind.key, columns=reader.columns, rows_total=summary.rows, rows_done=summary.rows, accepted=summary.accepted, unchanged=summary.unchanged,
        refused=summary.refused, refused_path=summary.refused_path, message=summary.sentence()[:500], summary=asdict(summary), finished_at=clock.now(),
    )  # fmt: skip
    audit.record(
        shop.pk,
        file.by or "系统",
        "import",
        f"{file.by or '系统'}导入“{file.name}”：{summary.sentence()}"[:500],
        subject=f"import:{file.pk}",
        detail={"kind": summary.kind, "rows": summary.rows, "refused": summary.refused, "sha256": file.sha256},
    )


def _last_days(shop: m.Shop) -> list[date]:
    """The last days on which the shop's ledger knows of orders, refunds and events."""
    found = (
        m.Order.objects.filter(shop=shop).aggregate(a=Max("created_at"), b=Max("paid_at")),
        m.Refund.objects.filter(shop=shop).aggregate(a=Max("at")),
        m.Event.objects.filter(shop=shop).aggregate(a=Max("at")),
    )
    return [clock.day_of(v, shop.zone) for row in found for v in row.values() if v is not None]


@contextlib.contextmanager
def _lean() -> Iterator[None]:
    """Holds memory and pauses down while a large file is taken in: no mapping of the embedded database's file into memory, and the
    collector of reference cycles (of which rows have none) does not walk them all again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _unmapped():
            yield
    finally:
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _unmapped() -> Iterator[None]:
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA mmap_size")
        row = cursor.fetchone()
        cursor.execute("PRAGMA mmap_size = 0")
    try:
        yield
    finally:
        if connection.connection is not None:
            with connection.cursor() as cursor:
                cursor.execute(f"PRAGMA mmap_size = {int(row[0]) if row else 0}")


def discard(file: m.ImportFile) -> None:
    """Gives up a file that was not imported: its row says so, and our copy is deleted."""
    if file.state == "importing":
        raise Conflict("文件正在导入", remedy="等导入结束")
    if file.path and _ours(Path(file.path)):
        Path(file.path).unlink(missing_ok=True)
    file.path, file.state = "", "discarded" if file.state != "done" else file.state
    file.save(update_fields=["path", "state"])


def store_upload(shop: m.Shop, name: str, chunks: Any) -> Path:
    """Writes an uploaded file's chunks into our folder, readable by its owner only; returns where. Raises BadInput over 4 GB."""
    folder = Path(settings.FILES) / str(shop.pk) / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    suffix = "".join(Path(Path(name).name).suffixes[-2:])[-12:]
    suffix = "".join(c for c in suffix if c.isascii() and (c.isalnum() or c == "."))
    path = folder / f"{clock.now():%Y%m%d%H%M%S}-{os.urandom(6).hex()}{suffix}"
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > readers.MAX_BYTES:
                out.close()
                path.unlink()
                raise BadInput("文件超过 4 GB", remedy="按月份分成几个文件导出")
            out.write(chunk)
    return path


__all__ = [
    "Preview",
    "Summary",
    "discard",
    "open_upload",
    "preview",
    "propose",
    "refused_folder",
    "remember",
    "run",
    "store_upload",
]
