"""`zhanggui serve`: the web server and the worker for real use, under one supervisor."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from zhanggui.doors.cli import house
from zhanggui.doors.cli.processes import Child, NotStarted, Supervisor, is_free, local, own_command, wsgi_command


@click.command(
    "serve", help="正式使用：更新数据库结构，启动网站和后台任务；按 Ctrl-C 全部停下。设置来自环境变量或 zhanggui.toml。"
)
@click.option(
    "--host", default=None, help="监听地址；默认 127.0.0.1，要让别的机器访问时写 0.0.0.0（建议放在 HTTPS 反向代理后面）。"
)
@click.option("--port", default=None, type=click.IntRange(1, 65535), help="端口，默认 8000。")
@click.option("--workers", default=None, type=click.IntRange(1, 64), help="网站进程数；内置数据库固定为 1，PostgreSQL 默认 2。")
@click.option("--no-worker", is_flag=True, help="只启动网站，后台任务另行用 zhanggui worker 运行。")
@click.option("--with-parent", is_flag=True, hidden=True)
def serve(host: str | None, port: int | None, workers: int | None, no_worker: bool, with_parent: bool) -> None:
    """Refuses with a remedy when ports, permissions or the database are not in order; otherwise serves until told to stop."""
    house.ready()
    from django.conf import settings
    from django.db import connection

    from zhanggui.settings import setting

    host, port = host or str(setting("host", "127.0.0.1")), port or int(setting("port", 8000))
    check_home(Path(settings.HOME))
    if not is_free(port, host):
        raise NotStarted(f"端口 {port} 已被占用", remedy=f"关掉占用它的程序，或换一个：zhanggui serve --port {port + 1}")
    applied = house.migrate()
    if applied:
        click.echo(f"数据库结构已更新（{applied} 项）。")
    collect_static()
    embedded = connection.vendor == "sqlite"
    address = settings.PUBLIC_URL or f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound
    logs = Path(settings.HOME) / "logs"
    allowed(settings.ALLOWED_HOSTS, address)
    keeper = Supervisor(say=click.echo)
    with keeper.signals(with_parent=with_parent), keeper:  # signals outermost: a second Ctrl-C does not cut the end short
        web = Child(
            "网站",
            wsgi_command(host, port, workers=1 if embedded else workers or 2),
            logs / "web.log",
            ready=f"http://{local(host)}:{port}/healthz",
            essential=True,
        )
        keeper.start(web)
        if not no_worker:
            keeper.start(Child("后台", own_command("worker"), logs / "worker.log"))
        keeper.wait_ready(web)
        if keeper.stop.is_set():
            return
        greet(address, logs)
        connection.close()
        keeper.watch()
    click.echo("已全部停下。")


def check_home(home: Path) -> None:
    """Raises Unconfigured if the data folder cannot be written."""
    from zhanggui.kernel.errors import Unconfigured

    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".write-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise Unconfigured(
            f"数据目录不可写：{home}（{error.strerror}）",
            remedy=f"运行 sudo chown -R {os.getuid()} {home}，或用 ZHANGGUI_HOME 指定别的目录",
        ) from error


def collect_static() -> None:
    """Puts styles, scripts and the charts' library where the web server reads them; nothing is fetched."""
    from django.core.management import call_command

    from zhanggui.doors.ui import charts

    call_command("collectstatic", verbosity=0, interactive=False)
    charts.build_bundle()


def allowed(hosts: list[str], address: str) -> None:
    """Says so when the public address would be refused by the list of allowed hosts."""
    from urllib.parse import urlsplit

    name = urlsplit(address).hostname or ""
    if (
        "*" not in hosts
        and name not in [h.strip("[]") for h in hosts]
        and not any(h.startswith(".") and name.endswith(h) for h in hosts)
    ):
        click.secho(f"提醒：{name} 不在允许的域名里，打开会被拒绝。请设置 ZHANGGUI_ALLOWED_HOSTS={name}", fg="yellow", err=True)


def greet(address: str, logs: Path) -> None:
    """Prints where the house is, and on the first start the one-time link that opens it."""
    from zhanggui.doors.desk import welcome

    token = welcome.issue_token()
    click.secho(f"掌柜已开门：{address}", fg="green", bold=True)
    if token:
        click.echo("这是第一次启动，还没有账号。请打开下面这个一次性链接，建店主账号和第一家店：")
        click.secho(f"  {address}{welcome.welcome_path(token)}", bold=True)
    click.echo(f"日志在 {logs}；按 Ctrl-C 停下。")
    sys.stdout.flush()
