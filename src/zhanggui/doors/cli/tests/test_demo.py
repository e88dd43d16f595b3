"""`zhanggui demo`, the real thing in a small world: an address that works, a worker that may be killed, an orderly end, and again."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest
from django.db import connection

from zhanggui.doors.cli import demo, demo_shop
from zhanggui.doors.cli.processes import is_free
from zhanggui.doors.cli.tests.running_demo import ADDRESS, RunningDemo, opener, port, run
from zhanggui.kernel.errors import Conflict, NotAllowed

embedded = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the demo keeps its own embedded database whatever the suite runs on"
)


@embedded
def test_from_the_first_start_to_the_reset(tmp_path: Path) -> None:
    home, wanted = tmp_path / "demo", port()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", wanted))
        busy.listen()
        with RunningDemo(home, "--port", str(wanted), "--orders", "300", "--seed", "5") as first:
            first.until(f"端口 {wanted} 已被别的程序占用")
            first.until("第一次同步 ")
            os.kill(first.child("zhanggui worker"), signal.SIGKILL)  # in the middle of the sync
            first.until("后台意外退出（SIGKILL）")
            first.until("后台已重新启动")
            counted, _ = first.until_all(r"第一次同步：订单 ([\d,]+) 笔.*行为 ([\d,]+) 条", ADDRESS)
            address, events = first.address, int(counted.group(2).replace(",", ""))
            first.agrees(lambda: first.rows("SELECT count(*) FROM facts_order")[0][0] == first.control("/status")["orders"] > 200)
            assert first.rows("SELECT count(*) FROM facts_event")[0][0] >= events > 1000
            assert not first.rows("SELECT name, error FROM kernel_job WHERE state = 'dead'")
            states = dict(first.rows("SELECT kind, state FROM facts_connection"))
            assert states == dict.fromkeys(("store", "wecom", "official", "mini", "ads", "collector"), "ok")
            assert dict(first.rows("SELECT kind, state FROM facts_importfile")) == {"costs": "done", "reviews": "done"}
            browser = opener()
            with browser.open(address, timeout=60) as page:
                html = page.read().decode()
            assert re.search(r"/s/\d+/$", page.url), "the link leads to the shop's home"
            assert "演示数据" in html
            assert "健康" in html, "the numbers are there"

            second = run(home, "demo")
            assert second.returncode == 1
            assert f"演示已经在运行：{address}" in second.stderr
            reset = run(home, "demo-reset")
            assert reset.returncode == 1
            assert "正在运行" in reset.stderr
            assert (home / "zhanggui.sqlite3").exists()

            ports = [wanted + 1, int(first.emulator.rsplit(":", 1)[1])]
            children = first.children()
            assert len(children) >= 3
            assert first.stop() == 0
            assert not [line for pid, line in children.items() if Path(f"/proc/{pid}").exists() and "zhanggui" in line]
            assert all(is_free(p) for p in ports)
    with RunningDemo(home, "--port", str(wanted), "--orders", "9999", "--seed", "6") as again:
        again.until("接着用上次的演示数据")
        again.until_all(ADDRESS)
        assert again.address.split("?")[1] == address.split("?")[1], "the link of the first start still signs in"
        with opener().open(again.address, timeout=60) as page:
            assert page.status == 200
        orders = again.control("/status")["orders"]
        assert 200 < orders < 2000, "the world is that of the first start, whatever is asked later"
        again.process.send_signal(signal.SIGINT)
        assert again.stop() == 0, "a second Ctrl-C does not cut the end short"
    assert run(home, "demo-reset").returncode == 0
    assert not home.exists()


# -- small things ----------------------------------------------------------------------------------------------------------------


def test_a_folder_with_something_else_in_it_is_never_taken_or_removed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(NotAllowed):
        demo.claim(tmp_path)
    reset = run(tmp_path, "demo-reset")
    assert reset.returncode == 1
    assert "没有演示标记" in reset.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    demo.claim(home)
    demo.claim(home)
    with demo.alone(home):
        demo.note_address(home, "http://there")
        with pytest.raises(Conflict, match="http://there"), demo.alone(home):
            raise AssertionError("not reached")
    with demo.alone(home):
        assert (home / "demo.lock").read_text() == "", "an old address misleads nobody"


def test_the_world_keeps_the_size_of_its_first_start(tmp_path: Path) -> None:
    assert demo.world_of(tmp_path, 300, 5) == (300, 5)
    assert demo.world_of(tmp_path, 20_000, 1) == (300, 5)


def test_a_real_house_does_not_reach_into_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*demo.IGNORED, "HOME"):
        monkeypatch.setenv(f"ZHANGGUI_{name}", "real")
    for name in ("CONFIG", "DEMO", "PUBLIC_URL", "ALLOWED_HOSTS", "WECHAT_API", "WECOM_API", "ADS_API", "WORKER_LEASE_SECONDS"):
        monkeypatch.setenv(f"ZHANGGUI_{name}", "")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    demo.enter_environment(tmp_path, "http://127.0.0.1:8000", "http://127.0.0.1:8788", "127.0.0.1")
    assert os.environ["ZHANGGUI_HOME"] == str(tmp_path)
    assert not [name for name in demo.IGNORED if f"ZHANGGUI_{name}" in os.environ]
    assert os.environ["ZHANGGUI_WECHAT_API"] == "http://127.0.0.1:8788/api.weixin.qq.com"


def test_the_log_of_the_past_goes_on_where_it_stood(tmp_path: Path, settings: object) -> None:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    assert demo_shop.Reached.load() == demo_shop.Reached()
    demo_shop.Reached.begin(1000.0)
    demo_shop.Reached(500.0, 3, 42).save()
    demo_shop.Reached.begin(2000.0)
    assert demo_shop.Reached.load() == demo_shop.Reached(500.0, 3, 42)
    demo_shop.Reached.file().write_text("torn")
    assert demo_shop.Reached.load() == demo_shop.Reached()


def test_costs_hold_for_the_past(tmp_path: Path) -> None:
    dated = demo_shop.dated("\ufeff商品ID,成本(元)\r\n1,2.50\r\n".encode()).decode().splitlines()
    assert dated[0] == "商品ID,成本(元),生效日期"
    assert re.fullmatch(r"1,2.50,20\d\d-\d\d-\d\d", dated[1])
