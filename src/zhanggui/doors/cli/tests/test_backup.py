"""A backup is whole, holds no key unless asked, and goes back without losing what was there. Real processes over a real data folder."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest


def zhanggui(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}
    env |= {"ZHANGGUI_HOME": str(home), "ZHANGGUI_CONFIG": str(home / "none.toml"), "PYTHONUTF8": "1"}
    return subprocess.run([sys.executable, "-m", "zhanggui", *arguments], env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a database with something in it."""
    folder = tmp_path_factory.mktemp("house")
    assert zhanggui(folder, "manage", "migrate").returncode == 0
    with closing(sqlite3.connect(folder / "zhanggui.sqlite3")) as database, database:
        database.execute("INSERT INTO django_session VALUES ('first', 'd', '2026-01-01')")
    (folder / "files").mkdir()
    (folder / "files" / "订单.csv").write_text("a", "utf-8")
    return folder


def content(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "zhanggui.sqlite3")) as database:
        return list(database.iterdump())


def test_a_backup_is_whole_without_keys_and_goes_back(home: Path, tmp_path: Path) -> None:
    made = zhanggui(home, "backup", str(tmp_path / "b"))
    assert made.returncode == 0, made.stderr
    facts = json.loads((tmp_path / "b" / "backup.json").read_text("utf-8"))
    assert not facts["with_keys"]
    assert not (tmp_path / "b" / "keys").exists()
    assert (tmp_path / "b" / "files" / "订单.csv").read_text("utf-8") == "a"
    before = content(home)
    with closing(sqlite3.connect(home / "zhanggui.sqlite3")) as database, database:
        database.execute("INSERT INTO django_session VALUES ('later', 'd', '2026-01-02')")
    back = zhanggui(home, "restore", "--yes", str(tmp_path / "b"))
    assert back.returncode == 0, back.stderr
    assert content(home) == before
    kept = [p for p in home.iterdir() if ".sqlite3.before-" in p.name and not p.name.endswith(("-wal", "-shm"))]
    assert len(kept) == 1
    with closing(sqlite3.connect(kept[0])) as old:
        assert old.execute("SELECT count(*) FROM django_session WHERE session_key = 'later'").fetchone() == (1,)


def test_a_torn_backup_is_refused_and_changes_nothing(home: Path, tmp_path: Path) -> None:
    assert zhanggui(home, "backup", str(tmp_path / "b")).returncode == 0
    torn = tmp_path / "b" / "zhanggui.sqlite3"
    torn.write_bytes(torn.read_bytes()[:-1])
    was = {p.name: p.stat().st_mtime_ns for p in home.iterdir()}
    back = zhanggui(home, "restore", "--yes", str(tmp_path / "b"))
    assert back.returncode == 1
    assert "不完整" in back.stderr
    assert {p.name: p.stat().st_mtime_ns for p in home.iterdir()} == was


def test_a_backup_never_overwrites(home: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("x")
    made = zhanggui(home, "backup", str(tmp_path / "b"))
    assert made.returncode == 1
    assert [p.name for p in (tmp_path / "b").iterdir()] == ["mine"]


def test_keys_come_along_only_when_asked(home: Path, tmp_path: Path) -> None:
    assert zhanggui(home, "backup", "--with-keys", str(tmp_path / "b")).returncode == 0
    assert (tmp_path / "b" / "keys" / "vault").read_text() == (home / "keys" / "vault").read_text()
