"""`zhanggui demo`: the emulator, the web server and the worker together, the demo shop connected over HTTP, one address printed.

var/demo/                 everything of the demo; a second start goes on with it, `demo-reset` removes it
var/demo/.zhanggui-demo   the marker: without it nothing here is ever removed
var/demo/logs/            what each process said
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from zhanggui.doors.cli import house
from zhanggui.doors.cli.processes import Child, Supervisor, free_port, local, own_command, wsgi_command
from zhanggui.kernel.errors import Conflict, NotAllowed, ZhangguiError

MARKER = ".zhanggui-demo"
OWNER = "demo"
WEB_PORT, EMULATOR_PORT = 8000, 8788
PATIENCE = 55.0
"""Seconds after which the address is printed even if the first sync still runs; the browser shows its progress too."""
IGNORED = (
    "DATABASE_URL",
    "LAKE",
    "FILES",
    "STATIC_ROOT",
    "SECRET_KEY",
    "VAULT_KEY",
    "PREVIOUS_VAULT_KEYS",
    "DEBUG",
    "CSRF_TRUSTED_ORIGINS",
)
"""Settings of a real house that must not reach into the demo."""


def demo_home() -> Path:
    """The demo's folder: ZHANGGUI_DEMO_HOME, else var/demo below the current folder."""
    return Path(os.environ.get("ZHANGGUI_DEMO_HOME", "var/demo")).resolve()


def claim(home: Path) -> None:
    """Makes the demo's folder and its marker. Raises NotAllowed if the folder holds something that is not a demo."""
    marker = home / MARKER
    if marker.exists():
        return
    if home.exists() and any(home.iterdir()):
        raise NotAllowed(f"{home} 里已有别的文件，不能当作演示目录", remedy="用 ZHANGGUI_DEMO_HOME 指定一个空目录")
    home.mkdir(parents=True, exist_ok=True)
    marker.write_text("掌柜的演示数据。make demo-reset 会删掉这个目录。\n", "utf-8")


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds the demo for this process. Raises Conflict if another runs it."""
    with (home / "demo.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            where = file.read().strip()
            raise Conflict(
                "演示已经在运行" + (f"：{where}" if where else ""), remedy="直接打开上面的地址，或先在那个终端按 Ctrl-C"
            ) from None
        file.truncate(0)
        yield


def note_address(home: Path, address: str) -> None:
    """Leaves the address for whoever starts a second demo meanwhile."""
    (home / "demo.lock").write_text(address, "utf-8")


def enter_environment(home: Path, web: str, emulator: str, hosts: str) -> None:
    """Points this process and its children at the demo's folder and the emulator; must come before settings are read."""
    for name in IGNORED:
        os.environ.pop(f"ZHANGGUI_{name}", None)
    os.environ.update(
        ZHANGGUI_HOME=str(home),
        ZHANGGUI_CONFIG=str(home / "none.toml"),
        ZHANGGUI_DEMO="1",
        ZHANGGUI_WORKER_LEASE_SECONDS=os.environ.get(
            "ZHANGGUI_WORKER_LEASE_SECONDS", "20"
        ),  # who kills the worker watches it go on
        ZHANGGUI_PUBLIC_URL=web,
        ZHANGGUI_ALLOWED_HOSTS=hosts,
        ZHANGGUI_WECHAT_API=f"{emulator}/api.weixin.qq.com",
        ZHANGGUI_WECOM_API=f"{emulator}/qyapi.weixin.qq.com",
        ZHANGGUI_ADS_API=f"{emulator}/api.e.qq.com",
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
    )


@click.command(
    "demo",
    help="一条命令看演示：在 var/demo 里准备数据，启动模拟平台、网站和后台，打印一个可以直接登录的地址。按 Ctrl-C 全部停下。",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="网站监听地址；要用手机打开时写 0.0.0.0（演示数据没有隐私，但请只在自己的网络里用）。",
)
@click.option(
    "--port", default=WEB_PORT, show_default=True, type=click.IntRange(1, 65535), help="网站端口，被占用时自动换下一个。"
)
@click.option(
    "--orders",
    default=20_000,
    show_default=True,
    type=click.IntRange(100, 5_000_000),
    help="第一次启动时模拟多少笔订单（18 个月）。",
)
@click.option("--seed", default=20260101, show_default=True, help="第一次启动时的随机种子。")
@click.option("--with-parent", is_flag=True, hidden=True)
def demo(host: str, port: int, orders: int, seed: int, with_parent: bool) -> None:
    """Starts everything, connects, syncs, prints the address, and keeps it running until told to stop."""
    began = time.monotonic()
    home = demo_home()
    claim(home)
    keeper = Supervisor(say=click.echo)
    # The signals are outermost: a second Ctrl-C does not cut the orderly end short.
    with alone(home), keeper.signals(with_parent=with_parent), keeper:
        plan = plan_for(home, host, port, *world_of(home, orders, seed))
        click.echo("启动模拟平台（演示数据，不连任何真实平台）……")
        password = open_house(keeper, plan)
        if not keeper.stop.is_set():
            introduce(keeper, plan, password, began)
        if not keeper.stop.is_set():
            keeper.watch()
        click.echo("\n正在停下……")
    click.echo("演示已停下，数据留在 var/demo；再次 make demo 接着用，make demo-reset 从头开始。")


@dataclass(frozen=True)
class Plan:
    """Who listens where, and the three processes."""

    home: Path
    web_url: str
    emulator_url: str
    emulator: Child
    site: Child
    worker: Child


def world_of(home: Path, orders: int, seed: int) -> tuple[int, int]:
    """Size and seed of the demo's world: those of its first start, whatever is asked later."""
    kept = home / "world.json"
    if not kept.exists():
        kept.write_text(json.dumps({"orders": orders, "seed": seed}), "utf-8")
    world = json.loads(kept.read_text("utf-8"))
    return int(world["orders"]), int(world["seed"])


def plan_for(home: Path, host: str, port: int, orders: int, seed: int) -> Plan:
    """Finds free ports, sets this process's environment, and says what is to be started."""
    web_port = free_port(port, host, say=click.echo)
    emulator_port = free_port(EMULATOR_PORT, taken=(web_port,), say=click.echo)
    shown_host = lan_address() if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    web_url, emulator_url = f"http://{shown_host}:{web_port}", f"http://127.0.0.1:{emulator_port}"
    enter_environment(home, web_url, emulator_url, "*" if shown_host != host else f"localhost,127.0.0.1,{host}")
    world = ("--data-dir", str(home / "emulator"), "--orders", str(orders), "--seed", str(seed))
    logs, healthy = home / "logs", f"http://{local(host)}:{web_port}/healthz"
    return Plan(
        home, web_url, emulator_url,
        Child("模拟平台", own_command("emulator", "--port", str(emulator_port), *world), logs / "emulator.log", ready=f"{emulator_url}/emulator/status", essential=True),
        Child("网站", wsgi_command(host, web_port), logs / "web.log", ready=healthy, essential=True),
        Child("后台", own_command("worker"), logs / "worker.log"),
    )  # fmt: skip


def open_house(keeper: Supervisor, plan: Plan) -> str:
    """Starts emulator, site and worker over an up-to-date database; the owner's password. Returns early when told to stop."""
    keeper.start(plan.emulator)
    house.ready()
    house.migrate(say=lambda text: None)
    keeper.start(plan.site)
    password = open_shop()
    from zhanggui.doors.ui import charts

    charts.build_bundle()  # while the emulator makes its market: the first page with a chart need not wait for it
    keeper.wait_ready(plan.emulator, 120)
    keeper.wait_ready(plan.site, 60)
    if not keeper.stop.is_set():
        keeper.start(plan.worker)
    return password


def introduce(keeper: Supervisor, plan: Plan, password: str, began: float) -> None:
    """Connects the shop to the emulator, shows the first sync, prints the address."""
    from django.db import connection

    from zhanggui.doors.cli import demo_shop
    from zhanggui.doors.demo.views import link

    first = demo_shop.connect(plan.web_url, plan.emulator_url)
    address = f"{plan.web_url}{link(OWNER)}"
    note_address(plan.home, address)
    printed = False
    if first:
        demo_shop.History(plan.emulator_url, keeper.stop).start()
        click.echo("演示店已通过接口连上模拟平台，开始第一次同步：")
        printed = follow(keeper, began, address, password)
    else:
        click.echo("接着用上次的演示数据；离线期间的新订单正在补上。")
    if not printed and not keeper.stop.is_set():
        show_address(address, password, time.monotonic() - began)
    connection.close()


def follow(keeper: Supervisor, began: float, address: str, password: str) -> bool:
    """Shows the first sync on the terminal until it ends; whether the address was printed meanwhile because it took long."""
    from django.db import OperationalError

    from zhanggui.doors.cli import demo_shop

    bar, printed = house.Bar("  第一次同步"), False
    last = demo_shop.progress()
    while not keeper.stop.wait(0.4):
        keeper.watch_once()
        with contextlib.suppress(OperationalError):  # the worker is writing much; the next look will do
            last = demo_shop.progress()
        bar.show(last.done, last.total, last.note)
        if last.over:
            break
        if not printed and time.monotonic() - began > PATIENCE:
            click.echo()
            show_address(address, password, time.monotonic() - began)
            printed = True
    if keeper.stop.is_set():
        return True
    bar.end(last.note)
    if last.failed:
        click.secho(f"  有步骤没有成功：{last.failed}。掌柜台“平台连接”里能看到原因并重试。", fg="yellow")
    return printed


def show_address(address: str, password: str, seconds: float) -> None:
    """The one address, with what is needed to sign in by hand."""
    click.echo()
    click.secho("  打开这个地址即可（已含登录）：", bold=True)
    click.secho(f"  {address}", fg="green", bold=True)
    click.echo(f"  手动登录：账号 {OWNER}，密码 {password}   （{seconds:.0f} 秒；按 Ctrl-C 停下）\n")
    sys.stdout.flush()


def open_shop() -> str:
    """The demo's owner and shop, made on the first start; the owner's password, kept in the demo's folder."""
    from django.conf import settings
    from django.db import transaction

    from zhanggui.facts.models import Shop
    from zhanggui.kernel.models import Grant, Role, User

    kept = Path(settings.HOME) / "keys" / "demo-password"
    if not kept.exists():
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(9))
    password = kept.read_text().strip()
    with transaction.atomic():
        user = User.objects.filter(username=OWNER).first() or User.objects.create_user(
            OWNER, password=password, display_name="演示店主"
        )
        shop = Shop.objects.filter(is_demo=True).first() or Shop.objects.create(name="知味小集（演示店）", is_demo=True)
        Grant.objects.get_or_create(user=user, shop_id=shop.pk, defaults={"role": Role.OWNER})
    return password


def lan_address() -> str:
    """This machine's address in its own network, for a phone; found without sending anything."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


@click.command("demo-reset", help="删掉演示数据（只删带标记的演示目录），下次 make demo 从头开始。")
def demo_reset() -> None:
    """Removes the demo's folder after looking for its marker and for a running demo."""
    home = demo_home()
    if not home.exists():
        click.echo("没有演示数据。")
        return
    if not (home / MARKER).exists() or home.is_symlink():
        raise NotAllowed(f"{home} 没有演示标记，不会删它", remedy="若确定是演示目录，请自行删除")
    try:
        with alone(home):
            shutil.rmtree(home)
    except Conflict as busy:
        raise Conflict("演示正在运行，不能重置", remedy="先在运行它的终端按 Ctrl-C") from busy
    except OSError as error:
        raise ZhangguiError(f"没有删干净：{error}", remedy=f"请检查 {home} 的权限") from error
    click.echo(f"已删除演示数据 {home}。")
