"""What several commands share: Django made ready, the shop that is meant, migrations with a message, a bar on the terminal."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from zhanggui.kernel.errors import BadInput, NotFound, Unconfigured, ZhangguiError

if TYPE_CHECKING:
    from zhanggui.facts.models import Shop


def ready() -> None:
    """Django set up for this process. Raises Unconfigured when the settings themselves are wrong."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    try:
        django.setup()
    except PermissionError as error:
        raise Unconfigured(
            f"数据目录不可写：{error.filename}", remedy="请给运行掌柜的用户写权限，或用 ZHANGGUI_HOME 指定别的目录"
        ) from error
    except (ValueError, OSError) as error:
        raise Unconfigured(f"配置有误：{error}", remedy="请检查 zhanggui.toml 和 ZHANGGUI_ 开头的环境变量") from error


def database_problem() -> ZhangguiError | None:
    """Why the database cannot be used, in words; None if it answers."""
    from django.db import DatabaseError, connection

    try:
        connection.ensure_connection()
    except (DatabaseError, OSError) as error:
        if connection.vendor == "sqlite":
            name = connection.settings_dict["NAME"]
            return Unconfigured(f"内置数据库打不开：{name}（{error}）", remedy="请检查这个目录的写权限和磁盘空间")
        return Unconfigured(
            f"数据库连不上：{error}", remedy="请检查 ZHANGGUI_DATABASE_URL，确认 PostgreSQL 正在运行、账号能登录、库已建好"
        )
    return None


def waiting_migrations() -> list[str]:
    """Names of migrations that the database still lacks."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return [f"{m.app_label}.{m.name}" for m, _back in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def migrate(say: Any = click.echo) -> int:
    """Brings the database to this version; how many migrations were applied. Raises Unconfigured if it cannot be reached."""
    from django.core.management import call_command

    problem = database_problem()
    if problem is not None:
        raise problem
    waiting = waiting_migrations()
    if waiting:
        say(f"更新数据库结构（{len(waiting)} 项）……")
        call_command("migrate", verbosity=0, interactive=False)
    return len(waiting)


def the_shop(named: str | None) -> Shop:
    """The shop that is meant: by id or name, or the only one. Raises NotFound or BadInput with the choice."""
    from zhanggui.facts.models import Shop

    shops = Shop.objects.filter(closed_at=None).order_by("pk")
    choice = "、".join(f"{s.pk} {s.name}" for s in shops[:20])
    if named:
        found = list(shops.filter(pk=int(named)) if named.isdigit() else shops.filter(name=named))
        if len(found) != 1:
            raise NotFound(
                f"没有找到店铺“{named}”", remedy=f"可选：{choice}" if choice else "先运行 zhanggui serve，在浏览器里建店"
            )
        return found[0]
    listed = list(shops[:2])
    if not listed:
        raise NotFound("还没有店铺", remedy="先运行 zhanggui serve，在浏览器里建店")
    if len(listed) > 1:
        raise BadInput("有多家店铺，不知道是哪一家", remedy=f"加 --shop，可选：{choice}")
    return listed[0]


class Bar:
    """Progress on one line of a terminal; where there is no terminal, a line per tenth."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._live = sys.stdout.isatty()
        self._last: tuple[Any, ...] = ()
        self._began = time.monotonic()

    def show(self, done: int, total: int | None, note: str = "") -> None:
        """Shows `done` of `total`; without a total only the count."""
        share = min(done / total, 1.0) if total else None
        if self._live:
            bar = f"{'█' * round((share or 0) * 28):░<28} {share:4.0%}" if share is not None else f"{done:,}"
            click.echo(f"\r\x1b[2K{self.title} {bar}  {note}"[:200], nl=False)
            return
        step = (int(share * 10) if share is not None else done // 5000,)
        if step != self._last:
            self._last = step
            click.echo(f"{self.title} {f'{share:.0%}' if share is not None else f'{done:,}'} {note}".rstrip())

    def end(self, note: str) -> None:
        """Closes the line with a sentence."""
        seconds = time.monotonic() - self._began
        click.echo(("\r\x1b[2K" if self._live else "") + f"{self.title}：{note}（{seconds:.0f} 秒）")
