"""`zhanggui backup` and `zhanggui restore`: the embedded database and the files, copied while the shop runs, checked before it is believed.

    <folder>/zhanggui.sqlite3     a consistent copy, made by SQLite's own online backup
    <folder>/files/               uploads and refused rows
    <folder>/backup.json          when, from which version, sizes and SHA-256 of the database
    <folder>/keys/                only with --with-keys: whoever has data and keys can read everything

The lake is left out: it is rebuilt from the database.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from zhanggui.doors.cli import house
from zhanggui.kernel.errors import BadInput, Conflict, NotAllowed, Unconfigured

DATABASE, LIST = "zhanggui.sqlite3", "backup.json"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use, whole or not at all."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    origin, copy = sqlite3.connect(f"file:{source}?mode=ro", uri=True), sqlite3.connect(fresh)
    with contextlib.closing(origin), contextlib.closing(copy):
        origin.backup(copy)
        whole = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    if not whole:
        fresh.unlink()
        raise BadInput("数据库本身已损坏，没有备份", remedy="请从上一份备份恢复")
    os.chmod(fresh, 0o600)
    os.replace(fresh, target)


def embedded() -> Path:
    """The embedded database's file. Raises Unconfigured on PostgreSQL, naming its own tools."""
    from django.db import connection

    if connection.vendor != "sqlite":
        raise Unconfigured("现在用的是 PostgreSQL", remedy="请用 pg_dump -Fc 备份、pg_restore 恢复，另外备份 files 目录和密钥")
    return Path(str(connection.settings_dict["NAME"]))


@click.command("backup", help="备份内置数据库和文件到一个新目录，店铺运行时也可以做。密钥默认不放进去，请另外保管。")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--with-keys", is_flag=True, help="连密钥一起放进去：拿到这份备份的人能看到所有内容。")
def backup(folder: Path, with_keys: bool) -> None:
    """Copies and checks; refuses a folder that already holds something."""
    house.ready()
    from django.conf import settings

    from zhanggui import __version__

    database, home = embedded(), Path(settings.HOME)
    if not database.exists():
        raise Conflict("还没有数据可备份", remedy="先运行 zhanggui serve 开店")
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} 不是空目录", remedy="换一个新目录，例如加上日期")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy_database(database, folder / DATABASE)
    files = Path(settings.FILES)
    if files.exists():
        shutil.copytree(files, folder / "files")
    if with_keys and (home / "keys").exists():
        shutil.copytree(home / "keys", folder / "keys")
    size = (folder / DATABASE).stat().st_size
    facts = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "database_bytes": size,
        "database_sha256": digest(folder / DATABASE),
        "with_keys": with_keys,
    }
    (folder / LIST).write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n", "utf-8")
    click.echo(f"已备份到 {folder}（数据库 {size / 1e6:.1f} MB）。")
    if not with_keys:
        click.echo(f"密钥没有放进去。请把 {home / 'keys'} 另外保管一份：没有它，备份里的个人信息和平台密钥打不开。")


def checked(folder: Path) -> dict[str, Any]:
    """What the backup says of itself, after its database was found whole. Raises BadInput."""
    try:
        facts: dict[str, Any] = json.loads((folder / LIST).read_text("utf-8"))
    except (OSError, ValueError):
        raise BadInput(f"{folder} 不是掌柜的备份", remedy="请指定 zhanggui backup 生成的目录") from None
    if not (folder / DATABASE).exists() or digest(folder / DATABASE) != facts.get("database_sha256"):
        raise BadInput("备份里的数据库不完整", remedy="请换另一份备份")
    return facts


@click.command("restore", help="把 zhanggui backup 的备份放回数据目录。先停下掌柜；现有数据库会改名保留，不会被覆盖。")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--yes", is_flag=True, help="不再询问。")
def restore(folder: Path, yes: bool) -> None:
    """Puts a checked backup in place; what was there is renamed, never removed."""
    house.ready()
    from django.conf import settings
    from django.db import connection

    from zhanggui.doors.cli.worker import seconds_since_alive

    facts = checked(folder)
    database, home = embedded(), Path(settings.HOME)
    lives = None
    if database.exists():
        with contextlib.suppress(Exception):  # an old or broken database has no sign of life to read
            lives = seconds_since_alive()
    if lives is not None and lives < 30:
        raise Conflict("掌柜正在运行", remedy="先在运行它的终端按 Ctrl-C，再恢复")
    if not yes and not click.confirm(f"把 {facts['made_at']} 的备份恢复到 {home}？"):
        raise NotAllowed("没有恢复", remedy="确定要恢复时再运行一次")
    connection.close()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    for part in ("", "-wal", "-shm"):  # what a killed process left in the log belongs to the old database
        if Path(f"{database}{part}").exists():
            os.replace(f"{database}{part}", f"{database}.before-{stamp}{part}")
    copy_database(folder / DATABASE, database)
    for name, target in (("files", Path(settings.FILES)), ("keys", home / "keys")):
        if not (folder / name).exists():
            continue
        if target.exists():
            os.replace(target, target.with_name(f"{target.name}.before-{stamp}"))
        shutil.copytree(folder / name, target)
    lake = Path(settings.LAKE)
    if lake.exists():
        os.replace(lake, lake.with_name(f"{lake.name}.before-{stamp}"))
    click.echo("已恢复。启动后数据湖和指标会自动重建；请运行 zhanggui doctor 看一遍。原来的数据改名保留，确认无误后可以删掉。")
