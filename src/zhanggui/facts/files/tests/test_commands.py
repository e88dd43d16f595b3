"""Taking a file in: everything or nothing, with progress, whatever happens in between; what is kept and what is removed."""

from __future__ import annotations

import csv
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings as configured

from zhanggui.facts import files
from zhanggui.facts.files import commands, intake
from zhanggui.facts.files.tests.make import Importer, csv_file
from zhanggui.facts.models import Customer, Identity, ImportFile, LakeDirty, Mapping, Order, OrderLine, Product, Shop
from zhanggui.facts.tests.elsewhere import MIGRATED, ask
from zhanggui.kernel.errors import BadInput, Conflict
from zhanggui.kernel.models import AuditEntry
from zhanggui.kernel.outbox import OutboxEvent

HEAD = ["订单号", "下单时间", "买家ID", "商品名称", "数量", "单价"]


def many(count: int) -> list[list[str]]:
    return [
        HEAD,
        *[
            [str(10_000_000 + i), f"2026-{i % 8 + 1:02d}-03 10:00:00", f"u{i % 997}", f"商品{i % 40}", "1", "12.50"]
            for i in range(count)
        ],
    ]


def traces() -> dict[str, int]:
    return {
        m.__name__: m.objects.count()
        for m in (Order, OrderLine, Customer, Identity, Product, LakeDirty, Mapping, OutboxEvent, AuditEntry)
    }


def test_an_import_notes_what_it_did_and_who_did_it(take, shop):
    summary = take([*many(3), ["x", "昨天", "u", "甲", "1", "1"]])
    file = take.file
    assert (file.state, file.kind, file.rows_total, file.accepted, file.refused, file.by) == ("done", "orders", 4, 3, 1, "老王")
    assert file.summary["gross_fen"] == summary.gross_fen == 3750 and file.finished_at is not None
    entry = AuditEntry.objects.get(verb="import")
    assert entry.actor == "老王" and "订单表 4 行" in entry.sentence and entry.subject == f"import:{file.pk}"
    assert OutboxEvent.objects.get(name="FileImported").body["rows"] == 3
    assert {"orders", "events", "order_lines", "customers", "products"} <= set(LakeDirty.objects.values_list("table", flat=True))
    assert summary.sentence() == "订单表 4 行：新增商品 3、新增订单 3，拒收 1 行"


def test_progress_goes_over_reading_and_writing(take, monkeypatch):
    from zhanggui.facts.files import rows, sink

    monkeypatch.setattr(rows, "BATCH", 100)
    monkeypatch.setattr(sink, "CHUNK", 100)
    seen: list[tuple[int, int, int]] = []
    take(many(1000), progress=lambda *step: seen.append(step))
    size = take.file.size
    reading = [s for s in seen if s[2] == size]
    writing = seen[len(reading) :]
    assert [s[0] for s in reading] == list(range(100, 1001, 100)) and reading[-1][1] <= size
    assert [s[1] for s in writing][:3] == [100, 200, 300] and writing[-1] == (1000, 1000, 1000)


@pytest.mark.parametrize("phase", ["reading", "writing"])
def test_an_error_in_the_middle_leaves_nothing(take, monkeypatch, phase):
    from zhanggui.facts.files import rows, sink

    monkeypatch.setattr(rows, "BATCH", 100)
    monkeypatch.setattr(sink, "CHUNK", 100)
    before = traces()

    def stop(rows_read: int, done: int, total: int) -> None:
        if (total == 600) == (phase == "writing") and done >= 300:
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        take([*many(600), ["bad", "row", "", "", "", ""]], progress=stop)
    assert traces() == before
    file = ImportFile.objects.get()
    assert file.state == "failed" and "没有写入任何内容" in file.message
    assert (
        not list((Path(configured.FILES) / str(file.shop_id) / "refused").glob("*")) if Path(configured.FILES).exists() else True
    )


def test_a_refused_import_writes_nothing_and_can_be_tried_again(take):
    proposal = take.open([["订单号", "下单时间", "备注"], ["1", "2026-08-01", "x"]], "orders")
    before = traces()
    with pytest.raises(BadInput, match="还缺：实付金额"):
        files.run(take.file, proposal.columns, kind="orders")
    assert traces() == before
    take.file.refresh_from_db()
    assert take.file.state == "failed"


def test_refused_rows_come_back_as_a_file(take, tmp_path):
    rows = [*many(2), ["=1+1", "坏", "u", "甲", "1", "1"], ["5", "2026-01-01", "u", "甲", "三个", "1"]]
    summary = take(rows)
    path = Path(summary.refused_path)
    assert path.is_relative_to(Path(configured.FILES)) and stat.S_IMODE(path.stat().st_mode) == 0o600
    found = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    assert found[0] == ["行号", "列", "原值", "原因", "怎么改"]
    assert [r[:3] for r in found[1:]] == [["4", "下单时间", "坏"], ["5", "数量", "三个"]] and all(
        r[3] and r[4] for r in found[1:]
    )
    target = tmp_path / "mine.csv"
    take(rows, refused=target)
    assert target.read_text("utf-8-sig").count("\n") == 3


def test_personal_values_do_not_stand_in_the_refused_rows(take):
    head = ["订单号", "下单时间", "商品名称", "实付金额", "收件人", "手机号"]
    summary = take(
        [head, ["1", "坏", "甲", "5", "张三丰", "13800138000"], ["2", "2026-01-01", "甲", "5", "张三丰", "13800138000"]]
    )
    assert "张三丰" not in Path(summary.refused_path).read_text("utf-8-sig") and summary.refused == 1


def test_uploads_are_private_and_gone_once_taken_in(shop, tmp_path, settings):
    settings.FILES = tmp_path / "ours"
    content = "订单号,下单时间,实付金额\n1,2026-08-01,5\n".encode()
    path = files.store_upload(shop, "../../etc/订单 8月.tar.csv", [content[:9], content[9:]])
    assert path.is_relative_to(tmp_path / "ours" / str(shop.pk)) and stat.S_IMODE(path.stat().st_mode) == 0o600
    file = files.open_upload(shop, path, "../../etc/订单 8月.csv", "老王")
    assert file.name == "订单 8月.csv"
    files.run(file, files.propose(file).columns)
    file.refresh_from_db()
    assert not path.exists() and file.path == ""
    with pytest.raises(Conflict, match="已经导入完"):
        files.propose(file)


def test_a_broken_upload_leaves_no_file(shop, tmp_path, settings):
    settings.FILES = tmp_path / "ours"

    def chunks():
        yield b"abc"
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        files.store_upload(shop, "a.csv", chunks())
    assert not [p for p in (tmp_path / "ours").rglob("*") if p.is_file()]


def test_a_discarded_upload_is_gone_and_a_strangers_file_is_never_touched(take, shop, tmp_path, settings):
    ours = files.store_upload(shop, "a.csv", [",".join(HEAD).encode() + b"\n1,2026-08-01,u,x,1,1\n"])
    file = files.open_upload(shop, ours, "a.csv", "老王")
    files.discard(file)
    assert not ours.exists() and file.state == "discarded"
    summary = take(many(2))
    assert summary.accepted == 2 and Path(take.file.path).exists()
    files.discard(take.file)
    assert list(tmp_path.glob("*.csv"))


def test_the_same_file_twice_is_mentioned(take):
    take(many(2))
    take.open(many(2))
    assert "已在" in take.file.message and "不会重复计数" in take.file.message


def test_shops_do_not_share_files_rows_or_mappings(take, shop, tmp_path):
    take(many(5))
    other = Importer(Shop.objects.create(name="别家"), tmp_path)
    assert not other.open(many(5)).remembered
    assert other(many(5)).created["orders"] == 5
    assert Order.objects.filter(shop=shop).count() == 5 and Order.objects.filter(shop=other.shop).count() == 5
    assert not Customer.objects.filter(shop=other.shop, orders__shop=shop).exists() if hasattr(Customer, "orders") else True


def test_a_preview_writes_nothing_and_hides_whole_ids(take):
    rows = [
        ["订单号", "下单时间", "买家ID", "商品名称", "数量", "单价", "收件人", "手机号"],
        ["1", "2026-08-01", "openid-of-somebody", "甲", "2", "3", "张三", "13800138000"],
        ["2", "坏", "b", "甲", "2", "3", "", ""],
    ]
    proposal = take.open(rows)
    before = traces()
    shown = files.preview(take.file, proposal.columns)
    assert traces() == before and (shown.read, len(shown.rows), len(shown.refusals)) == (2, 1, 1)
    text = str(shown.rows)
    assert "6.00" in text and "openid-of-somebody" not in text and "张三" not in text and "13800138000" not in text


def test_a_terminal_import_whose_process_died_is_said_to_have_failed(take, shop):
    take.open(many(2))
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    ).stdout.strip()
    take.file.state, take.file.summary = "importing", {"process": intake.this_process().rpartition(":")[0] + f":{dead}"}
    take.file.save()
    alive = ImportFile.objects.create(
        shop=shop, name="b", path="/x", size=1, sha256="", state="importing", summary={"process": intake.this_process()}
    )
    stuck = take.file
    take.open(many(3))
    stuck.refresh_from_db()
    alive.refresh_from_db()
    assert (stuck.state, alive.state) == ("failed", "importing") and "没有写入" in stuck.message


# ------------------------------------------------------------------------------------------------ killed

KILLED = """
import sys, django
django.setup()
from zhanggui.facts import files
from zhanggui.facts.files import rows, sink
from zhanggui.facts.models import Order, Shop
rows.BATCH = sink.CHUNK = 500
def progress(read, done, total):
    if total == 3000 and done >= 1500:
        print("halfway", Order.objects.count(), flush=True)
        sys.stdin.read()
file = files.open_upload(Shop.objects.get(name="杀"), sys.argv[1], "a.csv", "老王")
files.run(file, files.propose(file).columns, progress)
"""


AGAIN = """
from zhanggui.facts import files
from zhanggui.facts.models import *
print(Order.objects.count(), OrderLine.objects.count(), Customer.objects.count(), Identity.objects.count(), LakeDirty.objects.count(), Mapping.objects.count())
file = files.open_upload(Shop.objects.get(name="杀"), sys.argv[1], "a.csv", "x")
summary = files.run(file, files.propose(file).columns)
print(summary.created["orders"], summary.unchanged, Order.objects.count())
print(*ImportFile.objects.order_by("id").values_list("state", flat=True))
"""


def test_killed_in_the_middle_nothing_is_left_and_the_next_run_takes_all(elsewhere, tmp_path):
    path = csv_file(tmp_path / "a.csv", many(3000))
    ask(elsewhere, MIGRATED + "from zhanggui.facts.models import Shop; Shop.objects.create(name='杀')")
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], env=elsewhere, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdin is not None
    assert child.stdout.readline().split() == ["halfway", "1500"], "it stands in the middle of writing"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    counts, again, states = ask(elsewhere, AGAIN, str(path)).splitlines()
    assert counts == "0 0 0 0 0 0"
    assert again == "3000 0 3000"
    assert states == "failed done"
    assert not list(Path(tempfile.gettempdir()).glob(f"zhanggui-import-{child.pid}-*")), (
        "what the killed run had staged on disk was swept up"
    )


def test_names_stay_where_others_look_for_them():
    for name in files.__all__:
        assert getattr(files, name) is not None
    assert commands.refused_folder(1).name == "refused"
    with pytest.raises(AttributeError):
        _ = files.nothing
