"""`zhanggui serve` from the very first start: structure, one-time link, account, a second start, refusals with a remedy; and the doctor's word."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from zhanggui.doors.cli.processes import is_free
from zhanggui.doors.cli.tests.running_demo import command, descendants, opener, port
from zhanggui.kernel.tests.processes import environment

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A house that was never opened: on SQLite without a database, on PostgreSQL with the suite's empty one."""
    found = environment(tmp_path / "home") | {"PYTHONUNBUFFERED": "1"}
    (tmp_path / "home" / "zhanggui.sqlite3").unlink(missing_ok=True)
    return found


def run(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), env=env, capture_output=True, text=True, check=False, timeout=240)


@contextmanager
def serving(env: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A house that is open; with what it has said. Ended by Ctrl-C, and checked to end."""
    process = subprocess.Popen(command("serve", *arguments), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said: list[str] = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if "按 Ctrl-C 停下" in line:
                break
        else:
            raise AssertionError("".join(said))
        yield process, said
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def post(browser: urllib.request.OpenerDirector, url: str, page: str, **values: str) -> Any:
    """Fills in the form of a page and sends it."""
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": token.group(1), **values}).encode()
    return browser.open(urllib.request.Request(url, data=body, headers={"Referer": url}), timeout=60)


def findings(env: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The doctor's findings: what about → (state, message)."""
    done = run(env, "doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["healthy"] else 1)
    return {f["about"]: (f["state"], f["message"]) for f in report["findings"]}


def test_a_house_is_opened_by_whoever_reads_the_terminal_once(env: dict[str, str], tmp_path: Path) -> None:
    at = str(port())
    before = findings(env)
    if connection.vendor == "sqlite":
        assert before["数据库"][0] == "bad"
        assert "zhanggui serve" in run(env, "doctor").stdout
    with serving(env, "--port", at) as (_, said):
        text = "".join(said)
        if connection.vendor == "sqlite":
            assert "数据库结构已更新" in text
        link = re.search(rf"http://127\.0\.0\.1:{at}/welcome\?token=\S+", text)
        assert link is not None, text
        browser = opener()
        with browser.open(link.group(0), timeout=60) as page:
            form = page.read().decode()
        token = link.group(0).split("token=")[1]
        words = {
            "token": token,
            "shop_name": "小店",
            "display_name": "王姐",
            "username": "wang",
            "password": "correct-horse-battery",
            "again": "correct-horse-battery",
        }
        with post(browser, link.group(0), form, **words) as page:
            assert re.search(r"/s/\d+/$", page.url)
            assert "小店" in page.read().decode()
        with opener().open(link.group(0), timeout=60) as page:
            assert page.url.endswith("/sign-in"), "the link opens nothing a second time"
        during = findings(env)
        assert during["后台"][0] == "ok"
        assert during["账号"][0] == "ok"
        taken = run(env, "serve", "--port", at)
        assert taken.returncode == 1
        assert f"端口 {at} 已被占用" in taken.stderr
        assert "--port" in taken.stderr
    assert is_free(int(at))
    with serving(env, "--port", at, "--no-worker") as (process, said):
        assert "welcome" not in "".join(said)
        assert not [line for line in descendants(process.pid).values() if "zhanggui worker" in line]
        with opener().open(f"http://127.0.0.1:{at}/healthz", timeout=60) as page:
            assert page.read() == b"ok"


def test_a_killed_worker_of_a_real_house_is_started_again(env: dict[str, str]) -> None:
    with serving(env, "--port", str(port())) as (process, _):
        worker = next(pid for pid, line in descendants(process.pid).items() if "zhanggui worker" in line)
        os.kill(worker, signal.SIGKILL)
        assert process.stdout is not None
        assert "SIGKILL" in process.stdout.readline()
        assert "后台已重新启动" in process.stdout.readline()
        now = next(pid for pid, line in descendants(process.pid).items() if "zhanggui worker" in line)
        assert now != worker


def test_what_cannot_be_served_is_said_with_a_remedy(env: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        nowhere = f"postgresql://zhanggui@127.0.0.1:{closed.getsockname()[1]}/zhanggui"
        done = run(env | {"ZHANGGUI_DATABASE_URL": nowhere}, "serve", "--port", str(port()))
    assert done.returncode == 1
    assert "数据库连不上" in done.stderr
    assert "ZHANGGUI_DATABASE_URL" in done.stderr
    done = run(env | {"ZHANGGUI_DATABASE_URL": "mysql://x"}, "serve")
    assert done.returncode == 1
    assert "配置有误" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_worker_does_what_is_due_and_goes(env: dict[str, str]) -> None:
    assert run(env, "manage", "migrate", "-v0").returncode == 0
    done = run(env, "worker", "--once")
    assert done.returncode == 0, done.stderr
    assert re.search(r"做完了 \d+ 件任务", done.stdout)
    assert findings(env)["后台"][0] == "ok"
