"""What was done to the shop, in order, kept in SQLite: with seed and anchor it makes the same shop again on the next start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Ledger:
    """An append-only log of time slices and writes, and a few settings (anchor, push targets). In memory without a folder."""

    def __init__(self, folder: str | None) -> None:
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
        self.path = None if folder is None else Path(folder) / "emulator.sqlite3"
        self._db = sqlite3.connect(":memory:" if self.path is None else self.path, check_same_thread=False, isolation_level=None)
        if self.path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS entry (serial INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, body TEXT NOT NULL)")

    def append(self, at: float, kind: str, body: Any) -> None:
        """Adds one entry that happened at market time `at`."""
        self._db.execute("INSERT INTO entry (at, kind, body) VALUES (?, ?, ?)", (at, kind, json.dumps(body, ensure_ascii=False)))

    def entries(self) -> Iterator[tuple[float, str, Any]]:
        """All entries in the order they were made."""
        for at, kind, body in self._db.execute("SELECT at, kind, body FROM entry ORDER BY serial").fetchall():
            yield at, kind, json.loads(body)

    def setting(self, name: str, default: Any = None) -> Any:
        """A kept setting."""
        row = self._db.execute("SELECT body FROM setting WHERE name = ?", (name,)).fetchone()
        return default if row is None else json.loads(row[0])

    def keep(self, name: str, value: Any) -> None:
        """Keeps a setting."""
        self._db.execute(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (name, json.dumps(value, ensure_ascii=False)),
        )

    def clear(self) -> None:
        """Forgets everything."""
        self._db.execute("DELETE FROM entry")
        self._db.execute("DELETE FROM setting")

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
