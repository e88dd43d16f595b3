"""`make test`: the whole suite on SQLite, and the same suite on PostgreSQL where one answers.

    python tests/run.py [--only sqlite|postgres] [pytest arguments]

Where PostgreSQL is: ZHANGGUI_TEST_DATABASE_URL, else libpq's own environment (PGHOST, PGUSER …), else localhost:5432 as postgres or as
the current user. The suite makes databases of its own name and drops them; what opens no
database is not run a second time. The exit status is 0 only if every run passed.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
WITHOUT_A_DATABASE = ("src/zhanggui/emulator", "src/zhanggui/stats", "tests/house", "tests/browser")
"""Run once: they open no shop database, or (the browser) serve a house of their own on the embedded one."""


def candidates() -> list[str]:
    """Addresses to try, best first, without a database name."""
    named = os.environ.get("ZHANGGUI_TEST_DATABASE_URL", "")
    if named:
        parts = urlsplit(named)
        return [f"{parts.scheme}://{parts.netloc}"]
    host, port = os.environ.get("PGHOST", "localhost"), os.environ.get("PGPORT", "5432")
    if host.startswith("/"):
        host = quote(host, safe="")
    people = [os.environ["PGUSER"]] if "PGUSER" in os.environ else ["postgres", getpass.getuser()]
    password = os.environ.get("PGPASSWORD", "")
    words = [password] if password else ["", "postgres"]
    return [f"postgresql://{quote(who)}{':' + quote(word) if word else ''}@{host}:{port}" for who in people for word in words]


def answering() -> str:
    """The first address where a role that may make databases gets in; empty if none."""
    import psycopg

    for address in dict.fromkeys(candidates()):
        try:
            with psycopg.connect(f"{address}/postgres", connect_timeout=3) as link:
                row = link.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
                if row and row[0]:
                    return address
        except psycopg.Error:
            continue
    return ""


def run(title: str, database: str, arguments: list[str]) -> bool:
    """One run of the suite; whether it passed."""
    print(f"\n════ {title} ════", flush=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}
    env |= {
        "ZHANGGUI_HOME": str(ROOT / "var" / "test"),
        "ZHANGGUI_CONFIG": str(ROOT / "var" / "test" / "none.toml"),
        "PYTHONUTF8": "1",
    }
    if database:
        env["ZHANGGUI_DATABASE_URL"] = database
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *arguments]
    if (
        not any(a == "-n" or a.startswith(("-n", "--numprocesses", "-x", "--pdb", "src/", "tests/")) for a in arguments)
        and (os.cpu_count() or 1) > 1
    ):
        command += ["-n", str(min(os.cpu_count() or 2, 4)), "--dist", "loadfile"]
    status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
    print(
        f"════ {title}：{'通过' if status == 0 else f'没有通过（pytest 状态 {status}）'}，{time.monotonic() - began:.0f} 秒 ════",
        flush=True,
    )
    return status == 0


def main() -> int:
    """Runs what can be run and says plainly what was."""
    arguments = sys.argv[1:]
    only = ""
    if arguments[:1] == ["--only"]:
        only, arguments = arguments[1], arguments[2:]
    results: dict[str, bool | None] = {}
    if only in ("", "sqlite"):
        results["SQLite（内置数据库）"] = run("SQLite（内置数据库）", "", arguments)
    if only in ("", "postgres"):
        address = answering()
        if address:
            again = arguments or [f"--ignore={folder}" for folder in WITHOUT_A_DATABASE]
            results["PostgreSQL"] = run("PostgreSQL", f"{address}/zhanggui_{os.getpid()}", again)
        else:
            results["PostgreSQL"] = None
    print()
    for name, passed in results.items():
        said = {True: "passed 通过", False: "FAILED 没有通过", None: "not run 没有运行：localhost:5432 上没有可用的 PostgreSQL"}[
            passed
        ]
        print(f"{name}: {said}")
    refused = only == "postgres" and results.get("PostgreSQL") is None
    return 1 if refused or any(passed is False for passed in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
