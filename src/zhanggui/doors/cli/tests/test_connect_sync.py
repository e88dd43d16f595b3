"""`zhanggui connect` and `zhanggui sync` as a shopkeeper runs them: real processes, a real socket, secrets that never show."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from zhanggui.doors.cli.connect import read_secrets
from zhanggui.emulator.config import EmulatorConfig
from zhanggui.emulator.testing import Running, running
from zhanggui.kernel.errors import BadInput


class House:
    """A house of its own, worked from the command line."""

    def __init__(self, emu: Running, home: Path) -> None:
        self.emu, self.home = emu, home
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ZHANGGUI_")} | {
            "ZHANGGUI_HOME": str(home),
            "ZHANGGUI_CONFIG": str(home / "none.toml"),
            "ZHANGGUI_WECHAT_API": emu.api,
            "ZHANGGUI_WECOM_API": emu.qyapi,
            "ZHANGGUI_ADS_API": emu.ads,
            "ZHANGGUI_LOG_LEVEL": "INFO",
            "PYTHONPATH": str(Path(settings.PACKAGE).parent),
        }
        self.run("manage", "migrate", "-v0")
        self.run("manage", "shell", "-c", "from zhanggui.facts.models import Shop; Shop.objects.create(name='试验店')")

    def run(self, *words: str, typed: str = "", **env: str) -> tuple[int, str]:
        """Exit status and everything that was said."""
        done = subprocess.run(
            [sys.executable, "-m", "zhanggui", *words],
            env={**self.env, **env},
            input=typed,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with closing(sqlite3.connect(self.home / "zhanggui.sqlite3", timeout=20)) as link:
            return int(link.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running(EmulatorConfig(orders=300, days=20, speed=0.0, seed=5)) as emu:
        yield House(emu, tmp_path_factory.mktemp("house"))


def test_a_wrong_secret_is_said_with_the_way_out_and_not_repeated(house: House) -> None:
    secret = "0badc0de" * 4
    status, said = house.run("connect", "store", "--account", house.emu.keys.shop_appid, typed=secret + "\n")
    assert status == 1 and "✗ 账号与密钥" in said and "AppSecret" in said
    assert secret not in said and "? 订单" in said
    assert house.count("kernel_job") == 0, "nothing is asked for through a closed door"


def test_connect_tells_what_each_permission_is_for_then_sync_reads(house: House) -> None:
    k = house.emu.keys
    status, said = house.run("connect", "store", "--account", k.shop_appid, ZHANGGUI_CONNECT_SECRET=k.shop_secret)
    assert status == 0, said
    assert "✓ 订单：可以用（" in said and "已排队同步 9 项" in said and "/callbacks/" in said
    assert k.shop_secret not in said

    status, said = house.run("sync")
    assert status == 0, said
    assert "✓ 订单：读了" in said and "✓ 资金流水" in said and k.shop_secret not in said
    world = house.emu.emulator.world
    assert house.count("facts_order") == int((world.orders["t_create"] <= world.now).sum())

    status, said = house.run("sync", "--stream", "orders")
    assert status == 0 and "没有新变化" in said and "资金流水" not in said


def test_a_stream_that_fails_is_the_exit_status(house: House) -> None:
    house.emu.control("settings", {"closed_paths": []})
    house.emu.control(
        "faults", {"kind": "errcode", "errcode": 61004, "errmsg": "ip 203.0.113.9", "path": "api.weixin.qq.com/channels/*"}
    )
    try:
        status, said = house.run("sync", "--stream", "stock")
    finally:
        house.emu.request("DELETE", "/emulator/faults")
    assert status == 1 and "203.0.113.9" in said and "白名单" in said


def test_what_does_not_exist_is_said_with_the_choice(house: House) -> None:
    assert house.run("sync", "--stream", "dreams")[0] == 1
    status, said = house.run("sync", "--shop", "nobody")
    assert status == 1 and "没有找到店铺" in said
    status, said = house.run("connect", "store", "--account", "wx0123456789abcdef", typed="")
    assert status == 1 and "没有读到AppSecret" in said
    assert house.run("connect", "store", "--account", "wx1", "--secret", "x")[0] == 2, "no secret on the command line"


def test_secrets_line_by_line_or_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def typed(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    typed("one\n")
    assert read_secrets("store").secret == "one"
    typed("refresh_token=r\nc\n")
    found = read_secrets("ads", client_id="7")
    assert (found.client_secret, found.refresh_token, found.client_id) == ("c", "r", "7")
    typed("c\nr\n")
    found = read_secrets("ads")
    assert (found.client_secret, found.refresh_token) == ("c", "r")
    typed("\n")
    with pytest.raises(BadInput, match="应用 Secret"):
        read_secrets("wecom")
    monkeypatch.setenv("ZHANGGUI_CONNECT_SECRET", "env")
    assert read_secrets("mini").secret == "env"
