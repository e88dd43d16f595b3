"""`zhanggui doctor`: what is missing or wrong, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click

from zhanggui.doors.cli import house
from zhanggui.kernel.errors import ZhangguiError

State = Literal["ok", "warn", "bad"]
MARKS: dict[State, tuple[str, str]] = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "bad": ("✗", "red")}
LEAST_FREE = 1 << 30
CLOCK_SKEW = 60.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    about: str
    state: State
    message: str
    remedy: str = ""


@click.command("doctor", help="体检：运行环境、数据库、数据目录、密钥、后台、平台连接。有问题时退出码为 1。")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
@click.option("--network", is_flag=True, help="另外问一次微信服务器，核对时钟（需要联网）。")
def doctor(as_json: bool, network: bool) -> None:
    """Looks at everything; a look that fails itself is a finding too."""
    findings = list(examine(network=network))
    bad = sum(f.state == "bad" for f in findings)
    warned = sum(f.state == "warn" for f in findings)
    if as_json:
        click.echo(json.dumps({"healthy": not bad, "findings": [asdict(f) for f in findings]}, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            mark, colour = MARKS[finding.state]
            click.echo(click.style(f" {mark} {finding.about}", fg=colour) + f"  {finding.message}")
            if finding.remedy:
                click.echo(f"     怎么办：{finding.remedy}")
        click.echo(f"\n{'有 ' + str(bad) + ' 处要处理' if bad else '可以正常使用'}{f'，{warned} 处提醒' if warned else ''}。")
    if bad:
        raise SystemExit(1)


def examine(*, network: bool = False) -> Iterator[Finding]:
    """Every finding, in the order in which one would mend them."""
    yield python()
    try:
        house.ready()
    except ZhangguiError as error:
        yield Finding("配置", "bad", error.message, error.remedy)
        return
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("配置", configuration), ("数据目录", folder), ("密钥", keys), ("数据库", database),
    ]  # fmt: skip
    reachable = True
    for about, look in looks:
        for finding in guarded(about, look):
            reachable = reachable and not (about == "数据库" and finding.state == "bad")
            yield finding
    if reachable:
        for about, look in (("后台", background), ("账号", people), ("平台连接", connections), ("数据湖", lake)):
            yield from guarded(about, look)
    yield from guarded("推送地址", public_address)
    if network:
        yield from guarded("时钟", clock_skew)


def guarded(about: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of one look; its own failure becomes a finding."""
    try:
        yield from look()
    except Exception as error:
        yield Finding(about, "bad", f"检查时出错：{type(error).__name__}: {error}"[:300], "请把这一行告诉维护者")


def python() -> Finding:
    """The interpreter."""
    fits = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("Python", "ok" if fits else "bad", platform.python_version(), "" if fits else "请用 Python 3.11 至 3.13")


def configuration() -> Iterator[Finding]:
    """Where settings come from."""
    from django.conf import settings

    from zhanggui.settings import CONFIG_FILE

    named = sorted(name for name in os.environ if name.startswith("ZHANGGUI_"))
    source = f"{CONFIG_FILE}" if CONFIG_FILE.is_file() else "没有 zhanggui.toml，用默认值"
    yield Finding("配置", "ok", f"{source}；环境变量 {len(named)} 个" + (f"（{'、'.join(named)}）" if named else ""))
    if settings.DEBUG:
        yield Finding("配置", "warn", "调试模式开着，出错页会露出内部信息", "正式使用时去掉 ZHANGGUI_DEBUG")
    if os.environ.get("ZHANGGUI_CONFIG") and not CONFIG_FILE.is_file():
        yield Finding("配置", "warn", f"ZHANGGUI_CONFIG 指向的文件不存在：{CONFIG_FILE}", "检查路径")


def folder() -> Iterator[Finding]:
    """The data folder: may we write, is there room."""
    from django.conf import settings

    from zhanggui.doors.cli.serve import check_home

    home = Path(settings.HOME)
    try:
        check_home(home)
    except ZhangguiError as error:
        yield Finding("数据目录", "bad", error.message, error.remedy)
        return
    free = shutil.disk_usage(home).free
    enough = free >= LEAST_FREE
    yield Finding(
        "数据目录",
        "ok" if enough else "bad",
        f"{home}，剩余空间 {free / (1 << 30):.1f} GB",
        "" if enough else "请清理磁盘，至少留 1 GB",
    )
    for name, path in (("数据湖", Path(settings.LAKE)), ("上传文件", Path(settings.FILES))):
        if path.exists() and not os.access(path, os.W_OK):
            yield Finding("数据目录", "bad", f"{name}目录不可写：{path}", "改正目录的所有者或权限")


def keys() -> Iterator[Finding]:
    """The keys outside the database: are they there, may others read them."""
    from django.conf import settings

    from zhanggui.kernel import vault

    kept = Path(settings.HOME) / "keys"
    open_to_others = [p.name for p in kept.glob("*") if p.is_file() and stat.S_IMODE(p.stat().st_mode) & 0o077]
    if open_to_others:
        yield Finding("密钥", "bad", f"别的用户也能读：{'、'.join(open_to_others)}", f"运行 chmod 600 {kept}/*")
    if vault.unseal_text(vault.seal("掌柜", shop_id=0), shop_id=0) != "掌柜":
        yield Finding("密钥", "bad", "加密后解不开", "检查 ZHANGGUI_VAULT_KEY")
        return
    source = "来自配置" if os.environ.get("ZHANGGUI_VAULT_KEY") else f"在 {kept}"
    yield Finding("密钥", "ok", f"{source}；客户隐私用它加密，请与数据库分开备份，丢了就解不开")


def database() -> Iterator[Finding]:
    """Does it answer, is its structure this version's, do sealed values open."""
    from django.db import connection

    problem = house.database_problem()
    if problem is not None:
        yield Finding("数据库", "bad", problem.message, problem.remedy)
        return
    kind = (
        "内置数据库（SQLite）" if connection.vendor == "sqlite" else f"PostgreSQL {connection.settings_dict['HOST'] or 'local'}"
    )
    waiting = house.waiting_migrations()
    if waiting:
        yield Finding(
            "数据库", "bad", f"{kind}，结构还差 {len(waiting)} 项", "运行 zhanggui serve 会自动更新，或 zhanggui manage migrate"
        )
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            said = cursor.fetchone()[0]
        if said != "ok":
            yield Finding("数据库", "bad", f"文件损坏：{said}", "请从备份恢复，见 docs/guides/部署与备份.md")
            return
    yield Finding("数据库", "ok", f"{kind}，结构是最新的")
    from zhanggui.facts.models import Connection
    from zhanggui.kernel import vault

    sealed = Connection.objects.exclude(secret_sealed=None).first()
    if sealed is not None and sealed.secret_sealed is not None:
        try:
            vault.unseal(sealed.secret_sealed, shop_id=sealed.shop_id)
        except ZhangguiError as error:
            yield Finding("密钥", "bad", "数据库里的密文用现在的密钥打不开", error.remedy)


def background() -> Iterator[Finding]:
    """Does a worker live, and does work get done."""
    from datetime import UTC, datetime, timedelta

    from zhanggui.doors.cli.worker import seconds_since_alive
    from zhanggui.kernel.models import Job

    age = seconds_since_alive()
    waiting = Job.objects.filter(state=Job.State.READY, run_at__lt=datetime.now(UTC) - timedelta(minutes=10)).count()
    if age is None:
        yield Finding("后台", "warn", "后台任务还没有运行过", "运行 zhanggui serve（或 zhanggui worker）")
    elif age > 60:
        yield Finding(
            "后台",
            "warn" if not waiting else "bad",
            f"后台 {age / 60:.0f} 分钟没有动静，等待超过十分钟的任务 {waiting} 件",
            "运行 zhanggui serve（或 zhanggui worker）",
        )
    else:
        yield Finding("后台", "ok", "正在运行" + (f"；有 {waiting} 件任务等了十分钟以上" if waiting else ""))
    yield from pushes_beside()
    dead = Job.objects.filter(state=Job.State.DEAD).order_by("-finished_at")
    if dead:
        yield Finding(
            "后台", "warn", f"有 {len(dead)} 件任务失败了，最近一件：{dead[0].error[:120]}", "在掌柜台“后台任务”里看原因并重试"
        )


def pushes_beside() -> Iterator[Finding]:
    """Pushes that were kept beside the database and should have been taken in since."""
    from zhanggui.facts.commands.inbound import spool_folder

    folder = spool_folder()
    if not folder.exists():
        return
    old = [p for p in folder.glob("*.push") if time.time() - p.stat().st_mtime > 60]
    if old:
        yield Finding(
            "后台", "warn", f"有 {len(old)} 条推送在 {folder} 里等着入库", "运行 zhanggui serve（或 zhanggui worker），会自动补上"
        )
    spoilt = list(folder.glob("*.unreadable"))
    if spoilt:
        yield Finding(
            "后台",
            "bad",
            f"有 {len(spoilt)} 条留存的推送打不开",
            "多半是换了加密密钥；把旧密钥放进 ZHANGGUI_PREVIOUS_VAULT_KEYS，再把文件改回 .push",
        )


def people() -> Iterator[Finding]:
    """Is there anybody who can sign in as an owner."""
    from zhanggui.kernel.models import Grant, Role, User

    if not User.objects.exists():
        yield Finding("账号", "warn", "还没有账号", "运行 zhanggui serve，打开终端里打印的一次性链接")
    elif not Grant.objects.filter(role=Role.OWNER, user__is_active=True).exists():
        yield Finding("账号", "bad", "没有可用的店主账号", "运行 zhanggui account 名字 --shop 店铺")
    else:
        yield Finding("账号", "ok", f"{User.objects.filter(is_active=True).count()} 个账号")


def connections() -> Iterator[Finding]:
    """What each platform account last said."""
    from zhanggui.facts.models import Connection, Shop, SyncState

    if not Shop.objects.filter(closed_at=None).exists():
        yield Finding("平台连接", "warn", "还没有店铺", "运行 zhanggui serve，在浏览器里建店")
        return
    rows = list(Connection.objects.select_related("shop").exclude(state="off"))
    if not rows:
        yield Finding(
            "平台连接",
            "warn",
            "还没有连接任何平台；只靠导入文件也可以用",
            "在掌柜台“平台连接”里填写密钥，或运行 zhanggui connect",
        )
    for row in rows:
        state: State = {"ok": "ok", "failing": "bad"}.get(row.state, "warn")  # type: ignore[assignment]
        refused = f"；拒收推送 {row.refused_pushes} 次" if row.refused_pushes else ""
        said = row.message or {"ok": "正常", "new": "还没有测试"}.get(row.state, row.state)
        yield Finding(
            f"平台连接 {row.shop.name}",
            state,
            f"{row}：{said}{refused}",
            "" if state == "ok" else "在掌柜台“平台连接”里测试，按提示修改",
        )
    for sync in SyncState.objects.filter(state="failed").select_related("shop"):
        yield Finding(
            f"同步 {sync.shop.name}", "bad", f"{sync.stream}：{sync.message}", "在掌柜台“平台连接”里看原因，或运行 zhanggui sync"
        )


def lake() -> Iterator[Finding]:
    """Can every part of the lake be read."""
    from django.conf import settings

    root = Path(settings.LAKE)
    files = sorted(root.rglob("*.parquet")) if root.exists() else []
    import pyarrow.parquet as pq

    broken = []
    for path in files:
        try:
            pq.read_metadata(path)
        except Exception as error:
            broken.append(f"{path.relative_to(root)}（{type(error).__name__}）")
    if broken:
        yield Finding(
            "数据湖",
            "bad",
            f"{len(broken)} 个文件读不出：{'、'.join(broken[:3])}",
            f"停下掌柜，删掉 {root}，再启动；它会从数据库重新生成",
        )
    else:
        size = sum(p.stat().st_size for p in files)
        yield Finding("数据湖", "ok", f"{len(files)} 个文件，{size / (1 << 20):.1f} MB" if files else "还没有数据")


def public_address() -> Iterator[Finding]:
    """Whether the platform can reach us with its pushes."""
    from django.conf import settings

    url = settings.PUBLIC_URL
    if settings.DEMO:
        yield Finding("推送地址", "ok", "演示：推送来自本机的模拟器")
    elif not url:
        yield Finding(
            "推送地址",
            "warn",
            "没有设置公网地址，收不到平台推送；数据靠定时同步，会慢一些",
            "设置 ZHANGGUI_PUBLIC_URL=https://你的域名",
        )
    elif not url.startswith("https://"):
        yield Finding(
            "推送地址",
            "warn",
            f"{url} 不是 HTTPS，平台可能不接受，密码也会明文传输",
            "用带证书的反向代理，并把 ZHANGGUI_PUBLIC_URL 改成 https://",
        )
    else:
        yield Finding("推送地址", "ok", url)


def clock_skew() -> Iterator[Finding]:
    """Our clock against the platform's: signatures and tokens depend on it."""
    import urllib.request
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    from django.conf import settings

    url = settings.WECHAT_HOSTS["api.weixin.qq.com"]
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5) as reply:  # noqa: S310 - the configured platform address
            said: Any = reply.headers.get("Date")
    except OSError as error:
        said = getattr(error, "headers", {}).get("Date") if hasattr(error, "headers") else None
        if not said:
            yield Finding("时钟", "bad", f"连不上 {url}：{error}", "检查服务器的网络与防火墙")
            return
    off = (datetime.now(UTC) - parsedate_to_datetime(str(said))).total_seconds()
    if abs(off) > CLOCK_SKEW:
        yield Finding("时钟", "bad", f"本机时钟与平台差 {off:.0f} 秒", "开启时间同步：sudo timedatectl set-ntp true")
    else:
        yield Finding("时钟", "ok", f"与平台相差 {off:.0f} 秒")
