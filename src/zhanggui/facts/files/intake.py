"""A file given to us: kept, recognised as a table, its mapping proposed and remembered, opened for reading."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from zhanggui.facts import models as m
from zhanggui.facts.files import fields, mapping, orders, plain, readers
from zhanggui.facts.files.orders import Context
from zhanggui.facts.files.rows import RowReader
from zhanggui.kernel import clock, vault
from zhanggui.kernel.errors import BadInput, Conflict

Progress = Callable[[int, int, int], None]
"""Called with (rows so far, done, total): bytes while reading, then rows while writing."""


def store_upload(shop: m.Shop, name: str, chunks: Iterable[bytes]) -> Path:
    """Writes an uploaded file's chunks into our folder, readable by its owner only; returns where. Raises BadInput over 4 GB."""
    folder = Path(settings.FILES) / str(shop.pk) / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    suffix = "".join(Path(Path(name).name).suffixes[-2:])[-12:]
    suffix = "".join(c for c in suffix if c.isascii() and (c.isalnum() or c == "."))
    path = folder / f"{clock.now():%Y%m%d%H%M%S}-{os.urandom(6).hex()}{suffix}"
    size = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            for chunk in chunks:
                size += len(chunk)
                if size > readers.MAX_BYTES:
                    raise BadInput("文件超过 4 GB", remedy="按月份分成几个文件导出")
                out.write(chunk)
    except BaseException:  # a broken upload leaves nothing
        path.unlink(missing_ok=True)
        raise
    return path


def open_upload(shop: m.Shop, path: Path | str, name: str, by: str) -> m.ImportFile:
    """Notes a file that somebody gave us, after making sure that it is a table. The file stays where it is.

    A file under `settings.FILES` is ours and is removed once its rows are in (it holds personal data); any other is
    never touched. Raises BadInput for what is no table.
    """
    path = Path(path).resolve()
    readers.open_table(path)
    settle_dead(shop)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if is_ours(path):
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


def this_process() -> str:
    """The machine and process that is importing."""
    return f"{socket.gethostname()}:{os.getpid()}"


def settle_dead(shop: m.Shop) -> None:
    """Puts right what killed runs on a terminal left behind: such an import has failed, and nothing of it was written.

    Imports by the worker are its own to repeat.
    """
    for file in m.ImportFile.objects.filter(shop=shop, state="importing").exclude(path=""):
        host, _, pid = str(file.summary.get("process", "")).rpartition(":")
        if is_ours(Path(file.path)) or host != socket.gethostname() or not pid.isdigit() or _alive(int(pid)):
            continue
        m.ImportFile.objects.filter(pk=file.pk, state="importing").update(
            state="failed", message="导入中断（进程退出），没有写入任何内容", finished_at=clock.now()
        )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def is_ours(path: Path) -> bool:
    """Whether a file lies in our own folder."""
    return path.is_relative_to(Path(settings.FILES).resolve())


def opened(file: m.ImportFile, sheet: str = "") -> tuple[readers.Table, mapping.Sniffed]:
    """The table of a file and its top. Raises Conflict when the file is gone, BadInput when it is no table."""
    if not file.path:
        raise Conflict("这个文件已经导入完并从服务器删除", remedy="要再导入请重新上传")
    table = readers.open_table(file.path, sheet=sheet or str(file.summary.get("sheet", "")))
    return table, mapping.sniff(table)


def propose(file: m.ImportFile, kind: str | None = None, *, sheet: str = "") -> mapping.Proposal:
    """How the file would be understood; the shop's remembered mapping for this header wins over guessing.

    `sheet` picks a worksheet and is remembered with the file. Raises BadInput when there is no table in it.
    """
    table, sniffed = opened(file, sheet)
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


def reader_of(
    file: m.ImportFile, kind: fields.Kind, columns: Mapping[str, Any], progress: Progress | None = None
) -> tuple[RowReader, mapping.Sniffed, list[str]]:
    """A reader of the file's rows under a mapping, the top of the table, and what to look at. Raises BadInput for what is missing."""
    table, sniffed = opened(file)
    settled, problems = mapping.settle(kind, sniffed, columns)
    lacking = mapping.missing(kind, settled)
    if lacking:
        raise BadInput(f"按{kind.name}导入还缺：{'；'.join(lacking)}", remedy="在原表加上这些列，或指定是哪一列", missing=lacking)
    own = orders.parsers() if kind is fields.ORDERS else plain.plain_parsers(kind.key)
    return RowReader(table, sniffed, kind, settled, file.shop.zone, progress=progress, parsers=own), sniffed, problems


def kind_of(file: m.ImportFile, kind: str | None) -> fields.Kind:
    """The kind a file is imported as. Raises BadInput when nobody has said."""
    key = kind or file.kind
    if key not in fields.KINDS:
        raise BadInput("还没有选这是什么表", remedy=f"可选：{'、'.join(k.name for k in fields.KINDS.values())}")
    return fields.KINDS[key]


def context_of(shop: m.Shop, mapped: Mapping[str, Any]) -> Context:
    """Sealing, fingerprints and the shop's own codes for reading orders."""
    skus = plain.sku_index(shop) if "code" in mapped or "sku_id" in mapped else {}
    return Context(
        seal=lambda body: vault.seal(body, shop_id=shop.pk),
        fingerprint=lambda text: vault.fingerprint(text, shop_id=shop.pk),
        skus=skus,
    )


def job_of(shop: m.Shop, reader: RowReader) -> plain.Job:
    """What the writers of a plain table need."""
    now = int(clock.now().timestamp() * 1_000_000)
    needs_skus = reader.kind.key in {"costs", "stock", "refunds", "products"}
    return plain.Job(shop, frozenset(reader.columns), now, skus=plain.sku_index(shop) if needs_skus else {})


def discard(file: m.ImportFile) -> None:
    """Gives up a file that was not imported: its row says so, and our copy is deleted."""
    if file.state == "importing":
        raise Conflict("文件正在导入", remedy="等导入结束")
    if file.path and is_ours(Path(file.path)):
        Path(file.path).unlink(missing_ok=True)
    file.path, file.state = "", "discarded" if file.state != "done" else file.state
    file.save(update_fields=["path", "state"])
