"""The real `zhanggui demo` as a process, for tests: what it says, who its children are, and a browser of the simplest kind."""

from __future__ import annotations

import http.cookiejar
import json
import os
import queue
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from zhanggui.doors.cli.processes import free_port

ADDRESS = r"http://\S+/demo/enter\S+"
"""How the line with the address that signs in is known."""
PATIENCE = 240.0
"""Seconds a test waits for one line: the machines of tests are slow and shared."""
_next_port = [18600 + os.getpid() % 300 * 4]


def port() -> int:
    """A port that nobody has now; another one every time."""
    _next_port[0] = free_port(_next_port[0] + 1)
    return _next_port[0]


class RunningDemo:
    """A demo in `home`. Use as a context manager: leaving it ends the demo whatever happened."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.home, self.said, self.address, self.emulator = home, [""], "", ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            command("demo", *arguments), env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> RunningDemo:
        return self

    def __exit__(self, *why: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(10)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def until(self, pattern: str) -> re.Match[str]:
        """The first line, said from now on, that has `pattern` in it."""
        return self.until_all(pattern)[0]

    def until_all(self, *patterns: str) -> list[re.Match[str]]:
        """The first lines, said from now on, that have these patterns in them, in whatever order they come."""
        end = time.monotonic() + PATIENCE
        found: dict[str, re.Match[str]] = {}
        while len(found) < len(patterns):
            line = self._lines.get(timeout=max(0.1, end - time.monotonic()))
            assert line is not None, f"the demo ended before it said {patterns!r}:\n{''.join(self.said)}"
            self.said.append(line)
            for pattern in patterns:
                match = re.search(pattern, line)
                if match:
                    found.setdefault(pattern, match)
        if ADDRESS in found:
            self.address = found[ADDRESS].group(0)
        return [found[pattern] for pattern in patterns]

    def agrees(self, asked: Callable[[], bool]) -> None:
        """Waits until it is so: the market goes on meanwhile, and its news are seconds behind it."""
        end = time.monotonic() + PATIENCE
        while not asked():
            assert time.monotonic() < end, "it never was"
            time.sleep(0.2)

    @property
    def base(self) -> str:
        """The site's address."""
        return self.address.split("/demo/")[0]

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def children(self) -> dict[int, str]:
        """Process id → command of everything the demo started and that lives."""
        return descendants(self.process.pid)

    def child(self, word: str) -> int:
        """The process whose command has `word` in it."""
        return next(pid for pid, line in self.children().items() if word in line)

    def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One call of the emulator's control surface."""
        if not self.emulator:
            words = self.children()[self.child("zhanggui emulator")].split()
            self.emulator = f"http://127.0.0.1:{words[words.index('--port') + 1]}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.emulator}/emulator{path}", data=data, headers={"content-type": "application/json"}
        )
        with opener().open(request, timeout=60) as reply:
            return json.load(reply)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the demo's database answers, read only."""
        database = sqlite3.connect(f"file:{self.home / 'zhanggui.sqlite3'}?mode=ro", uri=True, timeout=30)
        with closing(database):
            return database.execute(statement, values).fetchall()


def command(*arguments: str) -> list[str]:
    """A `zhanggui` command line."""
    return [sys.executable, "-m", "zhanggui", *arguments]


def environment(home: Path) -> dict[str, str]:
    """The environment of a demo in `home`, with a setting of a real house that must not reach into it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}
    return env | {
        "ZHANGGUI_DEMO_HOME": str(home), "ZHANGGUI_DATABASE_URL": "postgresql://nobody@nowhere/real", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1",
        "ZHANGGUI_WORKER_LEASE_SECONDS": "3",
    }  # fmt: skip


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command to its end, in the demo's environment."""
    return subprocess.run(
        command(*arguments), env=environment(home), capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def opener() -> urllib.request.OpenerDirector:
    """A browser that keeps cookies and uses no proxy."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)


def descendants(pid: int) -> dict[int, str]:
    """Process id → command line of all living descendants."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(path.parent.name)] = int(fields[1])
    found: dict[int, str] = {}
    todo = [pid]
    while todo:
        above = todo.pop()
        for child, parent in parents.items():
            if parent == above:
                todo.append(child)
                try:
                    found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
    return found
