"""The working half of the desk in a real browser, at a phone's width and a desk's: a file goes in, an account is connected, a standard is
changed, orders are found and paged, a customer is looked at. Nothing may stick out, and nothing may complain in the console.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from zhanggui.doors.cli.processes import Child, Supervisor, free_port, wsgi_command

pytestmark = pytest.mark.browser
PHONE, WIDE = WIDTHS = (390, 1280)
ORDERS = "订单编号,下单时间,买家昵称,收货人手机,商品名称,数量,实付金额,订单状态\n" + "".join(
    f"88{n:05d},2026-08-{1 + n % 28:02d} 10:00:00,小王{n},1391234{n:04d},红糖姜茶礼盒,1,{3990 + n * 10},已完成\n"
    for n in range(40)
).replace("2026-08-05 10:00:00", "不知道哪天", 1)
PREPARE = """
import django; django.setup()
from datetime import timedelta
from django.core.management import call_command
call_command("migrate", verbosity=0)
from zhanggui.doors.desk.tests import house
from zhanggui.facts.models import Order
from zhanggui.kernel import clock
mine = house.stocked("巷口茶铺", house.person("laoban"), "A")
house.person("kefu", mine.shop, "service")
now = clock.now()
Order.objects.bulk_create(
    Order(shop=mine.shop, order_id=f"90{n:05d}", customer=mine.customer, status=("paid", "done", "cancelled")[n % 3], channel="live" if n % 10 == 0 else "search",
          created_at=now - timedelta(days=3, minutes=n), paid_at=now - timedelta(days=3, minutes=n), paid_fen=1000 + n, goods_fen=1000 + n)
    for n in range(130)
)
print(mine.shop.pk)
"""
WORK = """
import django; django.setup()
import threading
from zhanggui.kernel import jobs
from zhanggui.kernel.models import Job
Job.objects.exclude(name="import_file").delete()
jobs.run_worker(threading.Event(), once=True)
"""


class Platform(http.server.BaseHTTPRequestHandler):
    """A platform that knows nobody: every secret is wrong."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({"errcode": 40125, "errmsg": "invalid appsecret rid: 1"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_words: Any) -> None:
        """Says nothing."""


class House:
    """A running desk with a shop in it; in this module it stands for the harness's own."""

    owner, password = "laoban", "hongtang-9527"

    def __init__(self, url: str, shop: int, env: dict[str, str]) -> None:
        self.url, self.shop, self.env = url, shop, env

    def at(self, path: str) -> str:
        """The address of a page of the shop."""
        return f"{self.url}/s/{self.shop}{path}"

    def work(self) -> None:
        """The worker takes in what was uploaded."""
        subprocess.run([sys.executable, "-c", WORK], env=self.env, check=True, capture_output=True)


@pytest.fixture(scope="module")
def house(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own: embedded database, one web process, and a platform that refuses. `chromium` skips where there is none."""
    home = tmp_path_factory.mktemp("house")
    port = free_port(8831 + os.getpid() % 500)
    platform = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    threading.Thread(target=platform.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{port}"
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")} | {
        "ZHANGGUI_HOME": str(home), "ZHANGGUI_CONFIG": str(home / "none.toml"), "ZHANGGUI_PUBLIC_URL": url, "ZHANGGUI_WECHAT_API": f"http://127.0.0.1:{platform.server_port}",
        "DJANGO_SETTINGS_MODULE": "zhanggui.settings", "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    made = subprocess.run([sys.executable, "-c", PREPARE], env=env, check=True, capture_output=True, text=True)
    with Supervisor() as supervisor:
        web = supervisor.start(Child("web", wsgi_command("127.0.0.1", port), home / "web.log", env=env, ready=f"{url}/healthz"))
        supervisor.wait_ready(web, 60)
        yield House(url, int(made.stdout.split()[-1]), env)
    platform.shutdown()
    platform.server_close()


@pytest.fixture(params=WIDTHS)
def sheet(request: pytest.FixtureRequest, desk: Any) -> Any:
    """The owner's page at one width; the harness fails a test whose page complained."""
    opened = desk(request.param)
    opened.page.on("dialog", lambda question: question.accept())
    return opened


def sound(sheet: Any) -> None:
    """Nothing sticks out sideways, and on a phone every control of the page can be hit with a thumb."""
    assert sheet.sticks_out() <= 0, sheet.page.url
    if sheet.width == PHONE:
        small = sheet.page.evaluate(
            "[...document.querySelectorAll('main .btn, main .seg a, main input:not([type=hidden]):not(.sr), main select')]"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 40).map(e => e.outerHTML.slice(0, 120))"
        )
        assert small == []


def test_a_file_goes_in(sheet, house, tmp_path):
    page = sheet.page
    file = tmp_path / "八月订单.csv"
    # A header of its own for each width: what the first run taught the house must not help the second.
    file.write_bytes(ORDERS.replace("商品名称", f"商品名称({sheet.width})", 1).encode("gbk"))
    page.goto(house.at("/imports"))
    sound(sheet)
    page.set_input_files("input[type=file]", file)
    page.wait_for_url(re.compile(r"/imports/\d+$"))
    assert "订单" in page.locator(".lede").inner_text()
    sound(sheet)
    understood = page.locator("#understood")
    expect(understood).to_contain_text("39.90")  # taken for 分, and said so
    expect(understood).to_contain_text("暂按分计")
    page.select_option("select[name=u-paid]", "yuan")  # the preview follows without a button
    expect(understood).to_contain_text("3,990.00")
    assert "不知道哪天" in understood.inner_text()
    page.get_by_role("button", name="开始导入").click()
    page.wait_for_selector("text=排队中")
    sound(sheet)
    house.work()
    page.wait_for_selector("text=写入了什么")  # the page finds out by itself
    words = page.locator("#import").inner_text()
    assert re.search(r"收下\s*39", words) and re.search(r"拒收\s*1", words)
    sound(sheet)
    with page.expect_download() as download:
        page.locator("#refused a", has_text="csv").click()
    refused = Path(download.value.path()).read_text("utf-8-sig")
    assert "八月订单-拒收的行.csv" in download.value.suggested_filename
    assert "不知道哪天" in refused and len(refused.splitlines()) == 2
    page.goto(house.at("/imports"))
    assert "记住的列对应" in page.inner_text("main")


def test_what_is_no_table_is_told_beside_the_upload(sheet, house, tmp_path):
    page = sheet.page
    sheet.expected.add(400)
    file = tmp_path / "照片.csv"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)
    page.goto(house.at("/imports"))
    page.set_input_files("input[type=file]", file)
    page.wait_for_selector("[data-sent].bad")
    assert "图片" in page.locator("[data-sent]").inner_text()
    assert page.url.endswith("/imports")
    sound(sheet)


def test_an_account_is_connected_and_told_what_is_wrong(sheet, house):
    page = sheet.page
    page.goto(house.at("/connections"))
    sound(sheet)
    page.locator("main .menu a", has_text="公众号").click()
    sound(sheet)
    page.fill("[name=account_id]", f"wx{sheet.width:016d}")
    page.fill("[name=secret]", "a-wrong-secret-0123456789")
    page.get_by_role("button", name="保存并检测").click()
    page.wait_for_url(re.compile(r"/connections/\d+$"))
    words = page.inner_text("main")
    assert "有问题" in words and "AppSecret" in words
    assert "a-wrong-secret" not in page.content()
    sound(sheet)
    assert page.locator("#callback").input_value().startswith(f"{house.url}/callbacks/")
    page.get_by_role("button", name="显示 Token 与 EncodingAESKey").click()
    page.wait_for_selector("#aes")
    assert re.fullmatch(r"[A-Za-z0-9]{43}", page.locator("#aes").input_value())
    sound(sheet)
    page.get_by_role("button", name="断开这个账号").click()
    page.wait_for_url(re.compile(r"/connections$"))
    assert "已断开" in page.locator("#toasts").inner_text()


def test_a_standard_is_changed_with_a_reason(sheet, house):
    page = sheet.page
    page.goto(house.at("/policies"))
    sound(sheet)
    page.get_by_role("link", name="多少天没有再次购买算沉默客户").click()
    sheet.expected.add(400)
    page.fill("#value", "0")
    page.fill("#why", "试一个不行的")
    page.get_by_role("button", name="保存").click()
    assert "1 天 到 730 天" in page.locator("[role=alert]").inner_text()
    sound(sheet)
    page.fill("#value", "45")
    page.fill("#why", "我店是低频品")
    page.get_by_role("button", name="保存").click()
    page.wait_for_selector("text=本店自定")
    assert "45 天" in page.locator("#now").inner_text() and "我店是低频品" in page.inner_text("main")
    page.get_by_role("button", name="恢复默认值").click()
    page.wait_for_selector("text=恢复默认")
    assert "30 天" in page.locator("#now").inner_text()


def test_orders_are_found_and_paged(sheet, house):
    page = sheet.page
    page.goto(house.at("/orders"))
    sound(sheet)
    first = page.locator("a.mono").all_inner_texts()
    page.get_by_role("link", name="下一页").click()
    page.wait_for_url(re.compile("after="))
    second = page.locator("a.mono").all_inner_texts()
    assert len(first) == len(second) == 50 and not set(first) & set(second)
    page.get_by_role("link", name="回到首页").click()
    page.wait_for_url(re.compile(r"/orders\?$|/orders$"))
    page.fill("[name=q]", "9000007")
    page.get_by_role("button", name="查找").click()
    expect(page.locator("a.mono")).to_have_count(1)
    assert page.locator("a.mono").inner_text() == "9000007" and "q=9000007" in page.url
    page.fill("[name=q]", "")
    page.select_option("[name=channel]", "live")
    page.select_option("[name=status]", "done")
    page.get_by_role("button", name="查找").click()
    expect(page.locator("a.mono")).to_have_count(4)
    page.locator("a.mono").first.click()
    assert "视频号直播" in page.inner_text("main")
    sound(sheet)


def test_a_customer_is_looked_at_and_the_look_is_written_down(sheet, house):
    page = sheet.page
    page.goto(house.at("/customers"))
    sound(sheet)
    page.get_by_role("link", name="回头客").click()
    page.get_by_role("link", name="客户 0", exact=True).click()
    sound(sheet)
    assert "欧阳静文" not in page.content()
    page.get_by_role("button", name=re.compile("查看.*姓名原文")).click()
    page.wait_for_selector("text=欧阳静文")
    sound(sheet)
    page.goto(house.at("/audit"))
    assert "laoban 查看了客户 0 的姓名" in page.inner_text("main")
    sound(sheet)


def test_who_may_not_look_has_no_button(desk, house):
    sheet = desk(PHONE, who="kefu")
    sheet.expected.add(403)
    page = sheet.page
    page.goto(house.at("/imports"))
    assert "你的角色不能" in page.inner_text("main")
    page.goto(house.at("/connections"))
    assert page.get_by_role("button", name="同步一次").count() == 0
    page.context.close()


@pytest.mark.parametrize(
    "path",
    ["/jobs", "/members", "/products", "/products/pA", "/connections/1", "/connections/new/ads", "/policies/traffic.cost_high"],
)
def test_nothing_sticks_out(path, sheet, house):
    sheet.open(house.at(path))
    sound(sheet)
