"""`zhanggui`: the command tree. A command's module is imported only when it is called, so that small ones start at once."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass

import click

from zhanggui.kernel.errors import ZhangguiError


@dataclass(frozen=True)
class Entry:
    """Where a command lives and its one line in the help, readable without importing it."""

    module: str
    attribute: str
    about: str
    group: str


_RUN, _DATA, _LOOK = "运行", "数据", "查看与维护"
COMMANDS: dict[str, Entry] = {
    "demo": Entry("demo", "demo", "一条命令看演示：模拟平台、网站和后台一起启动。", _RUN),
    "demo-reset": Entry("demo", "demo_reset", "删掉演示数据，下次从头开始。", _RUN),
    "serve": Entry("serve", "serve", "正式使用：启动网站和后台。", _RUN),
    "worker": Entry("worker", "worker", "只运行后台任务（同步、导入、重算指标）。", _RUN),
    "emulator": Entry("emulator", "emulator", "只运行微信平台模拟器，供演练和测试。", _RUN),
    "connect": Entry("connect", "connect", "把店铺连接到平台账号。", _DATA),
    "sync": Entry("sync", "sync", "立即同步平台数据。", _DATA),
    "import": Entry("import_", "import_command", "导入订单、商品、成本、花费等表格文件。", _DATA),
    "metrics": Entry("metrics", "metrics", "打印指标；也可以直接对一个订单文件计算。", _DATA),
    "payload": Entry("payload", "payload", "看客户端怎样读懂一个平台报文（JSON 或 XML）。", _LOOK),
    "compare": Entry("compare", "compare_command", "比较两组或多组数据，判断差别是否可信。", _LOOK),
    "lifetime": Entry("lifetime", "lifetime_command", "算每位客户还会不会再买、再买多少。", _LOOK),
    "uplift": Entry("uplift", "uplift_command", "算发给谁才有用：按“发了才会变”的程度排序。", _LOOK),
    "doctor": Entry("doctor", "doctor", "体检：缺什么、哪里不对、怎么办。", _LOOK),
    "backup": Entry("backup", "backup", "备份内置数据库和文件，运行时也可以做。", _LOOK),
    "restore": Entry("backup", "restore", "把备份放回来。", _LOOK),
    "rekey": Entry("rekey", "rekey", "换过加密密钥后，把已密封的内容换成新密钥。", _LOOK),
    "account": Entry("account", "account", "建店主账号，或重设一个账号的密码。", _LOOK),
    "manage": Entry("manage", "manage", "运行 Django 的管理命令。", _LOOK),
    "version": Entry("version", "version", "显示版本。", _LOOK),
}
HERE = "zhanggui.doors.cli"


def exists(entry: Entry) -> bool:
    """Whether the command's module is part of this version of the house."""
    return importlib.util.find_spec(f"{HERE}.{entry.module}") is not None


def load(entry: Entry) -> click.Command:
    """The command itself, imported now."""
    command = getattr(importlib.import_module(f"{HERE}.{entry.module}"), entry.attribute)
    assert isinstance(command, click.Command)
    return command


class House(click.Group):
    """The lazy group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands of this version, in the order of the table."""
        return [name for name, entry in COMMANDS.items() if exists(entry)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        entry = COMMANDS.get(cmd_name)
        if entry is None or not exists(entry):
            return None
        return load(entry)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, in Chinese when there is no such command."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"没有“{args[0]}”这个命令。可用的命令：{'、'.join(self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by what they are for, without importing them."""
        for group in (_RUN, _DATA, _LOOK):
            rows = [(name, entry.about) for name, entry in COMMANDS.items() if entry.group == group and exists(entry)]
            with formatter.section(group):
                formatter.write_dl(rows)


@click.group(
    cls=House,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="掌柜：微信小店商家的经营系统。",
)
def cli() -> None:
    """The root of the tree."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; the exit status. Errors of the house are told with their remedy, not as a trace."""
    os.environ.setdefault("PYTHONUTF8", "1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        result = cli.main(arguments, prog_name="zhanggui", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.Abort:
        click.echo("\n已取消。", err=True)
        return 130
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except ZhangguiError as error:
        click.secho(error.message, fg="red", err=True)
        if error.remedy:
            click.echo(f"怎么办：{error.remedy}", err=True)
        return 1
    except BrokenPipeError:  # `zhanggui … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    sys.exit(main())
