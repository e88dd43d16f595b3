"""`zhanggui connect KIND --account ID`: connects the shop to a platform account and says what each permission is for and what is missing.

Secrets come from the environment, from standard input or from a hidden prompt, never from the command line: that is seen by every process
of the machine and stays in the shell's history.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from zhanggui.doors.cli import house
from zhanggui.kernel.errors import BadInput

if TYPE_CHECKING:
    from zhanggui.facts.models import Connection
    from zhanggui.facts.network import Secrets

ENVIRONMENT = "ZHANGGUI_CONNECT_"


@dataclass(frozen=True)
class _Ask:
    """One secret of a kind of account, and how it is asked for."""

    name: str
    label: str
    needed: bool = True


ASKED: dict[str, tuple[_Ask, ...]] = {
    "store": (_Ask("secret", "AppSecret"),),
    "wecom": (_Ask("secret", "应用 Secret"),),
    "official": (_Ask("secret", "AppSecret"),),
    "mini": (_Ask("secret", "AppSecret"),),
    "ads": (
        _Ask("client_secret", "应用密钥 client_secret"),
        _Ask("refresh_token", "刷新令牌 refresh_token", needed=False),
        _Ask("access_token", "访问令牌 access_token", needed=False),
    ),
}


@click.command(
    "connect",
    help="把店铺连接到平台账号并检测权限。密钥不写在命令行上：从环境变量 "
    "ZHANGGUI_CONNECT_SECRET（广告为 ZHANGGUI_CONNECT_CLIENT_SECRET、ZHANGGUI_CONNECT_REFRESH_TOKEN）、标准输入（一行一个）或提示里读。",
)
@click.argument("kind", type=click.Choice(list(ASKED)))
@click.option("--account", required=True, help="AppID、企业 ID 或广告账号 ID。")
@click.option("--shop", "shop_name", default=None, help="店铺编号或名称；只有一家店时可不写。")
@click.option("--agent-id", default="", help="企业微信自建应用的 AgentId。")
@click.option("--client-id", default="", help="广告应用的 client_id。")
@click.option("--no-sync", is_flag=True, help="只连接和检测，不开始同步。")
def connect(kind: str, account: str, shop_name: str | None, agent_id: str, client_id: str, no_sync: bool) -> None:
    """Connects, tests, prints. Exit status 1 when the account cannot be used."""
    house.ready()
    from zhanggui.facts import commands, sync

    shop = house.the_shop(shop_name)
    row = commands.connect(shop, kind, account, read_secrets(kind, agent_id, client_id), by=house_user())
    click.echo(f"已保存：{shop.name} ← {row}。正在检测权限……")
    commands.check(row)
    show(row)
    if row.state != "ok":
        raise SystemExit(1)
    if not no_sync:
        asked = sync.ask(shop.pk, connection_id=row.pk, by=house_user())
        click.echo(f"已排队同步 {asked} 项；后台会自动开始，也可以运行 zhanggui sync 马上同步。")


def house_user() -> str:
    """Who the audit trail names for what is done on the terminal."""
    import getpass

    try:
        return f"命令行 {getpass.getuser()}"
    except (KeyError, OSError):
        return "命令行"


def read_secrets(kind: str, agent_id: str = "", client_id: str = "") -> Secrets:
    """The secrets of a kind of account, from the environment, standard input or a prompt. Raises BadInput where one is missing."""
    from zhanggui.facts.network import Secrets

    found = {ask.name: os.environ.get(ENVIRONMENT + ask.name.upper(), "") for ask in ASKED[kind]}
    if not any(found.values()):
        if sys.stdin is None or not sys.stdin.isatty():
            found = _from_lines(kind, [] if sys.stdin is None else sys.stdin.read().splitlines())
        else:
            found = {
                ask.name: click.prompt(ask.label, hide_input=True, default="" if not ask.needed else None) for ask in ASKED[kind]
            }
    lacking = [ask.label for ask in ASKED[kind] if ask.needed and not found[ask.name].strip()]
    if lacking:
        raise BadInput(f"没有读到{'、'.join(lacking)}", remedy="从标准输入给出，或设置 ZHANGGUI_CONNECT_ 开头的环境变量")
    return Secrets(**found, agent_id=agent_id, client_id=client_id)


def _from_lines(kind: str, lines: list[str]) -> dict[str, str]:
    """The secrets line by line, bare or as name=value."""
    names = [ask.name for ask in ASKED[kind]]
    found, bare = dict.fromkeys(names, ""), list[str]()
    for line in (text.strip() for text in lines):
        name, mark, value = line.partition("=")
        if mark and name.strip() in found:
            found[name.strip()] = value.strip()
        elif line:
            bare.append(line)
    for name, value in zip([n for n in names if not found[n]], bare, strict=False):
        found[name] = value
    return found


def show(row: Connection) -> None:
    """What each permission is for, and what is missing, line by line; then the push address."""
    from django.conf import settings

    from zhanggui.facts import commands

    marks = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
    for result in commands.checks_of(row):
        mark, colour = marks[result.ok]
        click.echo(f"  {click.style(mark, fg=colour)} {result.title}：{result.message}（{result.purpose}）")
        if not result.ok and result.remedy:
            click.echo(f"      怎么办：{result.remedy}")
    if row.state != "ok":
        click.secho(row.message, fg="red", err=True)
    if row.callback_token_sealed is not None and row.kind in ("store", "wecom", "official", "mini"):
        address = (settings.PUBLIC_URL or "https://你的域名") + commands.callback_path(row)
        click.echo(f"消息推送地址：{address}\n  Token 与 EncodingAESKey 在掌柜台“平台连接”里查看。")
