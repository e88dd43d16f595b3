"""A database that several real processes share: the suite's own PostgreSQL, or a migrated SQLite file of the test."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connection

_template: Path | None = None


class Drill:
    """Runs the drill's commands as processes."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env

    def run(self, *arguments: str) -> Any:
        """One command to its end; what it printed as JSON, if anything."""
        done = subprocess.run(self._command(*arguments), env=self.env, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[str]]:
        """A worker; killed if it still lives at the end."""
        process = subprocess.Popen(self._command("work"), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            with process:
                try:
                    yield process
                finally:
                    process.kill()
        finally:
            process.wait(10)

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "zhanggui.kernel.tests.drill", *arguments]


def environment(home: Path) -> dict[str, str]:
    """The environment of processes that share the test's database; on SQLite one below `home`, migrated."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}
    env |= {
        "ZHANGGUI_HOME": str(home),
        "ZHANGGUI_CONFIG": str(home / "none.toml"),
        "ZHANGGUI_WORKER_LEASE_SECONDS": "2",
        "ZHANGGUI_LOG_LEVEL": "ERROR",
        "PYTHONUTF8": "1",
    }
    if connection.vendor == "postgresql":
        s = connection.settings_dict
        login = quote(s["USER"]) + (f":{quote(s['PASSWORD'])}" if s["PASSWORD"] else "")
        env["ZHANGGUI_DATABASE_URL"] = f"postgresql://{login}@{s['HOST']}:{s['PORT'] or 5432}/{s['NAME']}"
        return env
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(_migrated(env), home / "zhanggui.sqlite3")
    return env


def _migrated(env: dict[str, str]) -> Path:
    """An empty SQLite house, made once per run of the suite."""
    global _template
    if _template is None:
        folder = Path(tempfile.mkdtemp(prefix="zhanggui-test-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        made = {**env, "ZHANGGUI_HOME": str(folder)}
        subprocess.run([sys.executable, "-m", "zhanggui", "manage", "migrate", "-v0"], env=made, check=True, capture_output=True)
        _template = folder / "zhanggui.sqlite3"
    return _template
