"""A file from the browser into the books: recognised, corrected, previewed, taken in by the worker, refused rows handed back."""

from __future__ import annotations

import csv
import io
import re
import threading
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from zhanggui.doors.desk.tests import house
from zhanggui.facts import files
from zhanggui.facts.files.export import workbook
from zhanggui.facts.models import ImportFile, Mapping, Order, Spend
from zhanggui.kernel import jobs
from zhanggui.kernel.models import Job, Role

pytestmark = pytest.mark.django_db
ORDERS = """订单编号,下单时间,买家昵称,商品名称,数量,实付金额,订单状态
8800001,2026-08-01 10:00:00,小王,红糖姜茶,2,79.80,已完成
8800002,2026-08-02 11:30:00,小李,坚果礼盒,1,"1,128.00",待发货
8800003,不知道哪天,小张,坚果礼盒,1,128.00,待发货
8800004,2026-08-03 09:00:00,小赵,红糖姜茶,1,39.90,已取消
"""


def upload(client, url, text=ORDERS, name="八月订单.csv", encoding="utf-8", **headers):
    body = text if isinstance(text, bytes) else text.encode(encoding)
    return client.post(url("imports"), {"file": SimpleUploadedFile(name, body)}, headers=headers)


def uploaded(client, url, *args, **kwargs) -> ImportFile:
    """The file that was just uploaded, waiting for somebody to look at its mapping."""
    answer = upload(client, url, *args, **kwargs)
    assert answer.status_code == 302, answer.content.decode()
    file = ImportFile.objects.latest("pk")
    assert answer["Location"] == url("import", file.pk)
    return file


def form_of(page: str) -> dict[str, str]:
    """What the mapping form would send as it stands."""
    sent = {"kind": re.search(r'name="kind" value="(\w+)"', page)[1]}
    for name, options in re.findall(r'<select[^>]*name="([cuf]-\w+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r"<option(?: value=\"([^\"]*)\")? selected>([^<]*)", options)
        sent[name] = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return sent


def work() -> None:
    """The worker does what is due."""
    jobs.run_worker(threading.Event(), once=True)


def test_an_uploaded_file_is_recognised_and_shown_before_anything_is_written(client, url, mine):
    orders = Order.objects.count()
    file = uploaded(client, url, encoding="gbk")
    page = client.get(url("import", file.pk)).content.decode()
    assert "看起来是 <b>订单</b>" in page
    sent = form_of(page)
    assert (sent["c-order_id"], sent["c-created_at"], sent["c-paid"]) == ("订单编号", "下单时间", "实付金额")
    assert "1,128.00" in page and "8800002" in page  # as it will be understood
    assert "不知道哪天" in page and "其中拒收" in page
    assert (Order.objects.count(), Job.objects.filter(state="ready").count()) == (orders, 0)
    assert Path(file.path).exists() and Path(file.path).stat().st_mode & 0o777 == 0o600


def test_a_script_is_told_where_to_go_on(client, url, mine):
    answer = upload(client, url, **{"X-Requested-With": "upload"})
    assert (answer.status_code, answer["X-Next"]) == (201, url("import", ImportFile.objects.latest("pk").pk))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("照片.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 200, ""),
        ("空的.csv", b"", ""),
        ("假的.xlsx", b"PK\x03\x04 not a workbook", ""),
    ],
)
def test_what_is_no_table_is_refused_and_not_kept(name, content, words, client, url, mine, settings):
    before = house.everything()
    answer = upload(client, url, content, name, **{"X-Requested-With": "upload"})
    assert answer.status_code == 400
    assert re.search(r"[\u4e00-\u9fff]", answer.json()["message"])
    assert house.everything() == before
    assert [p for p in Path(settings.FILES).rglob("*") if p.is_file()] == []


def test_a_form_without_a_file_is_told_so(client, url, mine):
    before = house.everything()
    answer = client.post(url("imports"))
    assert answer.status_code == 400 and "没有收到文件" in answer.content.decode()
    assert house.everything() == before


def test_correcting_the_mapping_reads_anew_at_once(client, url, mine):
    file = uploaded(client, url, "日期,渠道,消耗\n2026-08-01,微信广告,51230\n2026-08-02,微信广告,40000\n", "花费.csv")
    page = client.get(url("import", file.pk)).content.decode()
    sent = form_of(page)
    assert sent["kind"] == "spend"
    yuan = client.post(url("import", file.pk), {**sent, "u-cost": "yuan"}, headers={"HX-Request": "true"}).content.decode()
    fen = client.post(url("import", file.pk), {**sent, "u-cost": "fen"}, headers={"HX-Request": "true"}).content.decode()
    assert "51,230.00" in yuan and "512.30" not in yuan
    assert "512.30" in fen and "51,230.00" not in fen
    assert 'id="understood"' in fen and "<html" not in fen
    assert Spend.objects.count() == 0


def test_a_remark_stays_until_it_is_settled(client, url, mine):
    rows = "".join(f"2026-08-{n:02d},微信广告,{39900 + n * 10}\n" for n in range(1, 20))
    file = uploaded(client, url, "日期,渠道,消耗\n" + rows, "花费.csv")
    remark = "没有写单位，暂按分计"
    page = client.get(url("import", file.pk)).content.decode()
    sent = form_of(page)
    assert remark in page and sent["u-cost"] == "fen"
    other = client.post(url("import", file.pk), {**sent, "c-channel": ""}, headers={"HX-Request": "true"}).content.decode()
    assert remark in other  # another column was changed
    settled = client.post(url("import", file.pk), {**sent, "u-cost": "yuan"}, headers={"HX-Request": "true"}).content.decode()
    assert remark not in settled and "39,910.00" in settled


def test_a_missing_column_is_named_and_nothing_starts(client, url, mine):
    file = uploaded(client, url)
    sent = form_of(client.get(url("import", file.pk)).content.decode())
    lacking = {**sent, "c-order_id": ""}
    page = client.post(url("import", file.pk), lacking, headers={"HX-Request": "true"}).content.decode()
    assert "还不能导入" in page and "订单号" in page
    assert re.search(r'value="run"\s+disabled', page)
    answer = client.post(url("import", file.pk), {**lacking, "do": "run"})
    assert answer.status_code == 400 and "还缺" in answer.content.decode()
    file.refresh_from_db()
    assert (file.state, Job.objects.filter(state="ready").exists()) == ("uploaded", False)


def test_a_kind_or_column_nobody_offered_is_refused(client, url, mine):
    file = uploaded(client, url)
    before = house.everything()
    assert client.post(url("import", file.pk), {"kind": "nothing", "do": "run"}).status_code == 400
    assert client.get(url("import", file.pk) + "?kind=nothing").status_code == 200
    assert house.everything() == before
    answer = client.post(
        url("import", file.pk), {"kind": "orders", "c-order_id": "没有的列", "c-created_at": "下单时间", "do": "run"}
    )
    assert answer.status_code == 400
    assert not Job.objects.filter(state="ready").exists()


def test_the_whole_way(client, url, mine):
    file = uploaded(client, url)
    sent = form_of(client.get(url("import", file.pk)).content.decode())
    started = client.post(url("import", file.pk), {**sent, "do": "run"})
    assert started["Location"] == url("import", file.pk)
    live = client.get(url("import", file.pk)).content.decode()
    assert 'hx-trigger="every 1s"' in live and "排队中" in live
    twice = client.post(url("import", file.pk), {**sent, "do": "run"})
    assert twice.status_code == 409
    assert Job.objects.filter(name="import_file", state="ready").count() == 1
    work()
    done = client.get(url("import", file.pk)).content.decode()
    assert "hx-trigger" not in done.split("<main")[1]
    assert "新增订单" in done and "已付款" in done and "¥1,207.80" in done
    assert set(Order.objects.filter(shop=mine.shop, order_id__startswith="880").values_list("order_id", "paid_fen")) == {
        ("8800001", 7980), ("8800002", 112800), ("8800004", 3990),
    }  # fmt: skip
    file.refresh_from_db()
    assert (file.state, file.accepted, file.refused, file.path) == ("done", 3, 1, "")
    assert "不知道哪天" in done


def imported(client, url, text=ORDERS, name="八月订单.csv") -> ImportFile:
    """A file taken in as proposed."""
    file = uploaded(client, url, text, name)
    sent = form_of(client.get(url("import", file.pk)).content.decode())
    assert client.post(url("import", file.pk), {**sent, "do": "run"}).status_code == 302
    work()
    file.refresh_from_db()
    assert file.state == "done", file.message
    return file


def test_refused_rows_come_back_as_a_file(client, url, mine):
    file = imported(client, url)
    answer = client.get(url("import-refused", file.pk) + "?form=csv")
    assert "filename*=UTF-8''" in answer["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["行号", "列", "原值", "原因", "怎么改"]
    assert len(rows) == 2 and rows[1][:3] == ["4", "下单时间", "不知道哪天"] and rows[1][3] and rows[1][4]
    assert client.get(url("import-refused", file.pk) + "?form=xlsx").content[:2] == b"PK"
    assert client.get(url("import-refused", file.pk) + "?form=exe").status_code == 400


def test_a_file_without_refusals_has_no_such_file(client, url, mine):
    file = imported(client, url, ORDERS.replace("不知道哪天", "2026-08-02"))
    assert client.get(url("import-refused", file.pk)).status_code == 404
    assert "拒收的行" not in client.get(url("import", file.pk)).content.decode()


def test_the_mapping_is_remembered_and_can_be_forgotten(client, url, mine):
    imported(client, url)
    kept = Mapping.objects.exclude(pk=mine.mapping.pk).get()
    again = uploaded(client, url, ORDERS.replace("880000", "990000"))
    assert "沿用上次的列对应" in client.get(url("import", again.pk)).content.decode()
    assert "记住的列对应" in client.get(url("imports")).content.decode()
    assert client.post(url("import-forget", kept.pk)).status_code == 302
    assert not Mapping.objects.filter(pk=kept.pk).exists()
    assert "沿用上次的列对应" not in client.get(url("import", again.pk)).content.decode()


def test_the_same_file_again_is_announced_and_changes_nothing(client, url, mine):
    imported(client, url)
    orders = list(Order.objects.order_by("pk").values())
    again = uploaded(client, url)
    assert "导入过" in client.get(url("import", again.pk)).content.decode()
    sent = form_of(client.get(url("import", again.pk)).content.decode())
    client.post(url("import", again.pk), {**sent, "do": "run"})
    work()
    assert "没有新内容" in client.get(url("import", again.pk)).content.decode()
    assert list(Order.objects.order_by("pk").values()) == orders


def test_giving_up_a_file_removes_it(client, url, mine):
    file = uploaded(client, url)
    path = Path(file.path)
    assert client.post(url("import", file.pk), {"do": "discard"})["Location"] == url("imports")
    file.refresh_from_db()
    assert (file.state, file.path, path.exists()) == ("discarded", "", False)
    assert "已放弃" in client.get(url("import", file.pk)).content.decode()
    for what in ("run", "discard", "preview"):
        answer = client.post(url("import", file.pk), {"do": what, "kind": "orders"})
        assert answer.status_code in {302, 409} if what == "discard" else answer.status_code == 409


def test_a_file_that_is_in_cannot_be_given_up_or_run_again(client, url, mine):
    file = imported(client, url)
    before = house.everything()
    for what in ("run", "discard"):
        assert client.post(url("import", file.pk), {"do": what, "kind": "orders"}).status_code == 409
    assert house.everything() == before


def test_a_worker_that_died_for_good_is_told_as_a_failure_and_the_file_can_be_tried_again(client, url, mine):
    file = uploaded(client, url)
    sent = form_of(client.get(url("import", file.pk)).content.decode())
    client.post(url("import", file.pk), {**sent, "do": "run"})
    ImportFile.objects.filter(pk=file.pk).update(state="importing")
    Job.objects.filter(unique_key=f"import:{file.pk}").update(state="dead", error="多次中断（进程退出或超时）")
    page = client.get(url("import", file.pk)).content.decode()
    assert "没有导入" in page and "多次中断" in page and "?again=1" in page
    again = client.get(url("import", file.pk) + "?again=1").content.decode()
    assert client.post(url("import", file.pk), {**form_of(again), "do": "run"}).status_code == 302
    work()
    file.refresh_from_db()
    assert (file.state, file.accepted) == ("done", 3)


def test_a_run_that_broke_off_and_will_be_tried_again_is_still_under_way(client, url, mine):
    file = uploaded(client, url)
    sent = form_of(client.get(url("import", file.pk)).content.decode())
    client.post(url("import", file.pk), {**sent, "do": "run"})
    ImportFile.objects.filter(pk=file.pk).update(state="failed", message="导入中断：OperationalError，没有写入任何内容")
    assert "hx-trigger" in client.get(url("import", file.pk)).content.decode().split("<main")[1]
    assert client.post(url("import", file.pk), {**sent, "do": "run"}).status_code == 409


def test_a_workbook_of_several_sheets_is_read_where_the_person_says(client, url, mine):
    body = workbook([
        ("说明", ("看这里", "和这里"), [("请填", "数据页")], (20, 20)),
        ("八月", ("订单编号", "下单时间", "实付金额"), [("8800009", "2026-08-09 10:00", "12.50")], (20, 20, 20)),
    ])  # fmt: skip
    file = uploaded(client, url, body, "两页.xlsx")
    page = client.get(url("import", file.pk)).content.decode()
    assert "工作表：" in page and "八月" in page
    chosen = client.get(url("import", file.pk) + "?sheet=八月").content.decode()
    assert "8800009" in chosen and form_of(chosen)["c-order_id"] == "订单编号"


@pytest.mark.parametrize("kind", sorted(files.KINDS))
def test_every_template_is_recognised_as_what_it_is(kind, client, url, mine):
    answer = client.get(url("import-template", kind))
    assert answer["Content-Disposition"].startswith("attachment")
    file = uploaded(client, url, answer.content, "模板.xlsx")
    assert f"看起来是 <b>{files.KINDS[kind].name}</b>" in client.get(url("import", file.pk)).content.decode()


def test_there_is_no_template_for_what_we_do_not_read(client, url, mine):
    assert client.get(url("import-template", "nothing")).status_code == 404


def test_the_history_pages_on(client, url, mine):
    for n in range(60):
        ImportFile.objects.create(shop=mine.shop, name=f"第{n}个.csv", path="", size=1, sha256="0" * 64, state="discarded")
    first = client.get(url("imports")).content.decode()
    assert "第59个.csv" in first and "第5个.csv" not in first
    following = re.search(r'href="(\?[^"]*after=[^"]*)"', first)[1].replace("&amp;", "&")
    second = client.get(url("imports") + following).content.decode()
    assert "第5个.csv" in second and "第59个.csv" not in second
    assert client.get(url("imports") + "?after=garbage").status_code == 400


def test_a_name_cannot_lead_out_of_the_folder(client, url, mine, settings):
    file = uploaded(client, url, name="../../etc/cron.d/订单.csv")
    assert file.name == "订单.csv"
    assert Path(file.path).resolve().is_relative_to(Path(settings.FILES).resolve())


def test_personal_samples_are_for_who_brought_the_file_or_may_look(as_, url, mine):
    text = ORDERS.replace("买家昵称", "收货人", 1)
    file = uploaded(as_(Role.OPERATOR), url, text)
    assert "小王" in as_(Role.OPERATOR).get(url("import", file.pk)).content.decode()
    assert "小王" in as_(Role.OWNER).get(url("import", file.pk)).content.decode()
    page = as_(Role.AGENCY).get(url("import", file.pk)).content.decode()
    assert "小王" not in page and "（已隐藏）" in page and "看文件原样的前几行" not in page


def test_the_operator_imports_and_the_analyst_does_not(as_, url, mine):
    assert upload(as_(Role.OPERATOR), url).status_code == 302
    assert upload(as_(Role.ANALYST), url).status_code == 403
    assert ImportFile.objects.exclude(pk=mine.file.pk).count() == 1
    assert reverse("desk:imports", args=(mine.shop.pk,)) not in as_(Role.ANALYST).get(url("orders")).content.decode()
