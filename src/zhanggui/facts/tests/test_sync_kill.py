"""kill -9 in the middle of a first sync, and two workers at once: nothing lost, nothing twice. Real processes, a real database, a real socket."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db import connection

from zhanggui.emulator.config import EmulatorConfig
from zhanggui.emulator.testing import Running, running

LEASE = 2
"""Seconds a killed worker's job is waited out."""


class Drill:
    """A house of its own: folder, database and emulator, worked by processes."""

    def __init__(self, emu: Running, home: Path, database_url: str) -> None:
        self.emu, k = emu, emu.keys
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ZHANGGUI_")} | {
            "ZHANGGUI_HOME": str(home),
            "ZHANGGUI_CONFIG": str(home / "none.toml"),
            "ZHANGGUI_DATABASE_URL": database_url,
            "ZHANGGUI_WECHAT_API": emu.api,
            "ZHANGGUI_WORKER_LEASE_SECONDS": str(LEASE),
            "ZHANGGUI_LOG_LEVEL": "ERROR",
            "PYTHONPATH": str(Path(settings.PACKAGE).parent),
        }
        self.shop = self.step("begin", json.dumps({"account": k.shop_appid, "secret": k.shop_secret}))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "zhanggui.facts.tests.drill", *words]

    def step(self, *words: str) -> str:
        """Runs one step to its end; what it printed."""
        done = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts a process."""
        return subprocess.Popen(self.command(*words), env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def written(self) -> int:
        """How many orders are in the books, seen from outside."""
        url = self.env["ZHANGGUI_DATABASE_URL"]
        if not url:
            with closing(sqlite3.connect(Path(self.env["ZHANGGUI_HOME"]) / "zhanggui.sqlite3", timeout=20)) as link:
                return int(link.execute("SELECT count(*) FROM facts_order").fetchone()[0])
        import psycopg

        with psycopg.connect(url) as link:
            row = link.execute("SELECT count(*) FROM facts_order").fetchone()
            return int(row[0]) if row else 0

    def check(self) -> dict[str, Any]:
        """Compares the books with the platform's own truth."""
        w = self.emu.emulator.world
        o, a = w.orders, w.aftersales
        found = json.loads(self.step("dump", self.shop))
        truth = {str(w.order_id(r)): int(o["price"][r]) for r in np.flatnonzero(o["t_create"] <= w.now).tolist()}
        assert found["orders"] == truth
        assert {name: fen + found["freight"][name] for name, fen in found["lines"].items()} == truth, "each line once"
        assert found["aftersales"] == sorted(str(w.aftersale_id(r)) for r in np.flatnonzero(a["t_create"] <= w.now).tolist())
        done = np.flatnonzero((a["t_end"] <= w.now) & (a["outcome"] == 0) & (a["t_create"] <= w.now))
        assert found["refunds"] == {f"as:{w.aftersale_id(r)}": int(a["amount"][r]) for r in done.tolist()}
        assert found["dense"], "customer numbers have no gap"
        assert found["history"] == int((o["t_pay"] <= w.now).sum()) and found["news"] == 0, "every payment is told once"
        assert set(found["states"].values()) == {"idle"} and found["jobs"] == ["done"]
        assert found["done"]["orders"] == len(truth)
        return found


@pytest.fixture
def drill(tmp_path: Path, django_db_blocker: Any) -> Iterator[Drill]:
    """A drill on the same kind of database as the suite."""
    with running(EmulatorConfig(orders=3000, days=60, speed=0.0, seed=11, latency_ms=4.0)) as emu:
        if connection.vendor == "sqlite":
            yield Drill(emu, tmp_path, "")
            return
        import psycopg

        given = SimpleNamespace(**{k.lower(): v for k, v in settings.DATABASES["default"].items() if isinstance(v, str)})
        name = f"zg_drill_{os.getpid()}"
        where = {"host": given.host, "port": given.port, "user": given.user, "password": given.password}
        where = {k: v for k, v in where.items() if v}
        with psycopg.connect(dbname="postgres", autocommit=True, **where) as link:
            link.execute(f'DROP DATABASE IF EXISTS "{name}"')
            link.execute(f'CREATE DATABASE "{name}"')
            try:
                password = f":{given.password}" if given.password else ""
                yield Drill(emu, tmp_path, f"postgresql://{given.user}{password}@{given.host}:{given.port or 5432}/{name}")
            finally:
                link.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def wait_until(condition: Any, seconds: float = 60.0) -> None:
    """Waits for something another process does."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.02)


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(drill: Drill) -> None:
    last = 0
    for _ in range(3):
        worker = drill.start("work")
        try:
            wait_until(lambda last=last: drill.written() > last)
        finally:
            worker.send_signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
        last = drill.written()
    everything = int((drill.emu.emulator.world.orders["t_create"] <= drill.emu.emulator.world.now).sum())
    assert 0 < last < everything, "it was in the middle"

    drill.step("work-once")

    found = drill.check()
    assert found["attempts"]["orders"] >= 3, "it was taken up again after its lease"


def test_two_workers_share_the_work(drill: Drill) -> None:
    workers = [drill.start("work-once") for _ in range(2)]
    try:
        assert [worker.wait(150) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
    drill.check()
