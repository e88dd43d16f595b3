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
from zhanggui.facts.events import FileImported
from zhanggui.facts.files import fields, intake, mapping, orders, plain, sink
from zhanggui.facts.files.intake import Progress, discard, open_upload, propose, store_upload
from zhanggui.facts.files.orders import Stage
from zhanggui.facts.files.rows import Refusals, RowReader
from zhanggui.facts.files.shown import Preview, preview
from zhanggui.facts.files.sink import Counts, Spool
from zhanggui.kernel import audit, clock
from zhanggui.kernel.errors import BadInput, Conflict


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
    chosen = intake.kind_of(file, kind)
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
        reader, sniffed, problems = intake.reader_of(file, chosen, columns, reading)
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
        if intake.is_ours(Path(file.path)):
            Path(file.path).unlink(missing_ok=True)
            file.path = ""
            file.save(update_fields=["path"])
    return summary


def _claim(file: m.ImportFile, kind: fields.Kind) -> None:
    """Marks the file as being imported, and by which process: a run that was killed leaves the mark, see `intake.settle_dead`."""
    file.state, file.kind, file.message, file.rows_done = "importing", kind.key, "", 0
    file.summary = {**file.summary, "process": intake.this_process()}
    file.save(update_fields=["state", "kind", "message", "rows_done", "summary"])


def _run_orders(
    file: m.ImportFile, reader: RowReader, sniffed: mapping.Sniffed, refusals: Refusals, summary: Summary, progress: Progress | None,
    atomic: Callable[[], AbstractContextManager[Any]], dry_run: bool, started: float,
) -> None:  # fmt: skip
    with Stage() as stage:
        rows = orders.stage_file(reader, intake.context_of(file.shop, reader.columns), refusals, stage)
        refusals.close()
        if rows.statuses:
            summary.problems.append(f"不认识的订单状态：{'、'.join(sorted(rows.statuses)[:8])}；有支付时间的按已付款计")
        levels = orders.levels(stage, reader)
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
                summary.problems.append(f"{counts.held_rows:,} 行属于平台已同步的订单，以平台为准，没有改动")
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
    job = intake.job_of(file.shop, reader)
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
            if not any(x.touched for x in job.counts.merged.values()):
                job.counts.unchanged_rows = spool.rows
                job.counts.tables.clear()
            elif main is not None and not job.counts.unchanged_rows:
                job.counts.unchanged_rows = main.unchanged
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
    if counts.tables:
        FileImported(file.pk, reader.kind.key, summary.accepted, summary.first_day, summary.last_day).emit(
            shop.pk, f"import:{file.pk}"
        )
    intake.remember(shop, reader.kind.key, sniffed, reader.columns)
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
    """Holds memory and pauses down while a large file is taken in: the embedded database's file is not mapped into memory and its cache is
    smaller, and the collector of reference cycles (of which rows have none) does not walk them all again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _small_database():
            yield
    finally:
        if collecting:
            gc.enable()


_SMALL = {"mmap_size": 0, "cache_size": -24_576}


@contextlib.contextmanager
def _small_database() -> Iterator[None]:
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    before = {name: _pragma(name) for name in _SMALL}
    for name, value in _SMALL.items():
        _pragma(name, value)
    try:
        yield
    finally:
        if connection.connection is not None:
            for name, value in before.items():
                _pragma(name, value)


def _pragma(name: str, value: int | None = None) -> int:
    """Sets (or reads) a whole number that the embedded database goes by."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}" + ("" if value is None else f" = {value}"))
        row = cursor.fetchone()
    return int(row[0]) if row else value or 0


__all__ = [
    "Preview", "Summary", "discard", "open_upload", "preview", "propose", "refused_folder", "run", "store_upload",
]  # fmt: skip
