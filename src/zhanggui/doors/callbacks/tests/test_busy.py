"""The platform is answered in time whatever the house is doing: here somebody holds the embedded database's one write lock."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from zhanggui.doors.callbacks.tests.conftest import APP, KEY, TOKEN, event, seal
from zhanggui.doors.cli.processes import Child, Supervisor, free_port, wsgi_command
from zhanggui.kernel.tests.processes import environment

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no one writer to wait for"),
]
SETUP = f"""
import django; django.setup()
from zhanggui.facts import commands, network
from zhanggui.facts.models import Shop
row = commands.connect(Shop.objects.create(name="小店"), "store", {APP!r}, network.Secrets(secret="s"), callback_token={TOKEN!r}, aes_key={KEY!r}, by="王")
print(commands.callback_path(row))
"""
BEAT = "import django; django.setup(); from zhanggui.switchboard.run import make_beat; make_beat()()"


def test_pushes_are_answered_while_another_writes_and_taken_in_afterwards(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = environment(home) | {"DJANGO_SETTINGS_MODULE": "zhanggui.settings"}

    def run(code: str) -> str:
        return subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True).stdout.strip()

    path, port = run(SETUP), free_port(18900)
    stamp = str(int(time.time()))
    site = Child("网站", wsgi_command("127.0.0.1", port), tmp_path / "web.log", env=env, ready=f"http://127.0.0.1:{port}/healthz")
    with Supervisor() as keeper, closing(sqlite3.connect(home / "zhanggui.sqlite3", isolation_level=None)) as writer:
        keeper.start(site)
        keeper.wait_ready(site, 120)

        def push(name: str) -> tuple[float, bytes]:
            body, query = seal(event(name), stamp=stamp)
            address = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}"
            began = time.monotonic()
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                urllib.request.Request(address, data=body), timeout=30
            ) as reply:
                return time.monotonic() - began, reply.read()

        assert push("channels_ec_order_new")[1] == b"success"
        writer.execute("BEGIN IMMEDIATE")
        took, answer = push("channels_ec_order_pay")
        assert answer == b"success"
        assert took < 5, "the platform has given up by then"
        assert len(list((home / "inbox").glob("*.push"))) == 1
        writer.execute("ROLLBACK")
        run(BEAT)
        kinds = sorted(row[0] for row in writer.execute("SELECT kind FROM facts_inbound"))
        assert kinds == ["channels_ec_order_new", "channels_ec_order_pay"]
        assert not list((home / "inbox").iterdir())
        assert "3705115058471208928" not in (tmp_path / "web.log").read_text()
        assert json.dumps(event()) not in (tmp_path / "web.log").read_text()
