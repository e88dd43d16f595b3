"""`make docs`: the tables in docs/ that are made from code, and the check that they are as the code says.

python -m zhanggui.doors.cli.docs [--check]
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[4]
DOCS = ROOT / "docs"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; bars inside cells are escaped, line breaks become spaces."""

    def cell(value: Any) -> str:
        return " ".join(str(value).split()).replace("|", "\\|")

    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell(v) for v in row)} |" for row in rows]
    return "\n".join(lines)


def page(title: str, source: str, *parts: str) -> str:
    """A whole generated page; `source` says which code it comes from."""
    return "\n\n".join([f"# {title}", f"本页由 `{source}` 生成（`make docs`），请勿手改。", *parts]) + "\n"


def glossary() -> str:
    """The trade's words."""
    from zhanggui.kernel.glossary import TERMS

    parts = []
    for group in dict.fromkeys(t.group for t in TERMS):
        rows = [(t.chinese, f"`{t.identifier}`", t.meaning) for t in TERMS if t.group == group]
        parts.append(f"## {group}\n\n" + table(["说法", "代码里的名字", "含义"], rows))
    return page("词汇表", "zhanggui.kernel.glossary", *parts)


def command_line() -> str:
    """Every command with its options."""
    from zhanggui.doors.cli.main import COMMANDS, exists, load

    parts = []
    for name, entry in COMMANDS.items():
        if not exists(entry):
            continue
        parts.append(f"## zhanggui {name}\n\n{describe(load(entry))}")
    return page(
        "命令行", "zhanggui.doors.cli.main", "每个命令都可以加 `--help`。成功时退出码为 0，被拒绝为 1，用法不对为 2。", *parts
    )


def describe(command: click.Command) -> str:
    """A command's sentence and the table of its parameters; subcommands follow."""
    parts = [" ".join((command.help or command.short_help or "").split())]
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            if parameter.hidden:
                continue
            name = "、".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
            default = (
                ""
                if parameter.is_flag or parameter.default is None or callable(parameter.default) or not parameter.show_default
                else f"默认 {parameter.default}"
            )
            rows.append(
                (
                    name,
                    "；".join(x for x in ((parameter.help or "").rstrip("。"), default) if x),
                    "必填" if parameter.required else "",
                )
            )
        else:
            rows.append(
                (f"`{(parameter.metavar or parameter.name or '').upper()}`", "参数", "必填" if parameter.required else "")
            )
    if rows:
        parts.append(table(["选项", "含义", ""], rows))
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            parts.append(f"### {name}\n\n{describe(sub)}")
    return "\n\n".join(parts)


KINDS = {"threshold": "警戒线", "limit": "限度", "benchmark": "行业参考"}


def policy_classes() -> list[type[Any]]:
    """Every policy of the house: dataclasses with a `room` in a module named policy."""
    found = []
    for path in sorted((ROOT / "src" / "zhanggui").glob("*/policy.py")):
        if path.parent.name == "kernel":
            continue
        module = importlib.import_module(f"zhanggui.{path.parent.name}.policy")
        found += [
            v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__ and hasattr(v, "room")
        ]
    return found


def policies() -> str:
    """Every number that judges."""
    from zhanggui.kernel.policy import describe as declared

    rows = []
    for policy in policy_classes():
        for f in declared(policy):
            d = f.declared
            side = {"above": "高于则提醒", "below": "低于则提醒"}.get(d.side or "", "")
            span = (
                f"{d.low if d.low is not None else '…'} 至 {d.high if d.high is not None else '…'}"
                if d.low is not None or d.high is not None
                else ""
            )
            rows.append(
                (
                    f"`{f.key}`",
                    d.meaning,
                    f.default,
                    d.unit,
                    KINDS[d.kind],
                    side,
                    f"`{d.guards}`" if d.guards else "",
                    span,
                    d.source,
                )
            )
    return page(
        "经营标准", "*/policy.py",
        "默认值都是行业里的说法或本店选择，不是承诺的结果；每家店可以在掌柜台“经营标准”里改成自己的，改动留有记录。",
        table(["键", "含义", "默认", "单位", "种类", "方向", "守着的指标", "可填范围", "来源"], rows),
    )  # fmt: skip


def metrics() -> str:
    """Every metric with its formula, and the tables that several are made from."""
    from zhanggui.metrics.catalogue import ALL
    from zhanggui.metrics.metric import DIMENSIONS, SHARED, SOURCES

    ill = {"above": "高了不好", "below": "低了不好", "": "不评判"}
    head = ["键", "名称", "怎么算", "单位", "时段", "哪边不好", "归谁管", "数据来源", "可拆分", "对照的标准"]
    parts = []
    for layer in dict.fromkeys(m.layer for m in ALL):
        rows = [
            (f"`{m.key}`", m.name, m.formula, m.unit, m.grain_words, ill[m.side], m.room, "、".join(SOURCES.get(n, n) for n in m.needs),
             "、".join(DIMENSIONS.get(d, d) for d in m.dimensions), "、".join(f"`{p}`" for p in m.policies))
            for m in ALL if m.layer == layer
        ]  # fmt: skip
        parts.append(f"## {layer}\n\n" + table(head, rows))
    shared = "\n".join(f"- `{s.name}`：{s.meaning}" for s in SHARED.values())
    return page(
        "指标",
        "zhanggui.metrics.catalogue",
        f"共 {len(ALL)} 个。每个指标在掌柜台上都能看到它的算法、语句和背后的每一行。",
        "口径：日子都是店铺自己的日历（默认北京时间）；支付指付款成功且实付大于 0；不知道是谁的订单不进按人算的数字；没有依据的数字是“数据不足”，不是 0；"
        "当天还没过完，不算观察完整。",
        *parts,
        f"## 合用的中间表\n\n{shared}",
    )


def lake() -> str:
    """The lake's tables and columns."""
    from zhanggui.facts.lake_schema import TABLES

    parts = []
    for t in TABLES.values():
        parts.append(
            f"## {t.name}\n\n{t.meaning}。{'按月分开存放。' if t.monthly else '整表存放。'}\n\n"
            + table(["列", "类型"], [(f"`{c}`", k) for c, k in t.columns.items()])
        )
    return page(
        "数据湖", "zhanggui.facts.lake_schema", "时间为 UTC 微秒，`day` 为店铺日，金额为分；`customer` 是合并后的客户序号。文件在 `<lake>/<表>/shop=<编号>/[month=YYYY-MM/]data.parquet`。", *parts
    )  # fmt: skip


def wechat_coverage() -> str:
    """Which calls of the platform the clients offer."""
    from zhanggui.wechat.endpoints import coverage_table

    return coverage_table()


def switchboard() -> str:
    """What leads to what."""
    from zhanggui.kernel import jobs, outbox
    from zhanggui.switchboard import schedule

    rows = [(f"`{event}`", f"`{reaction}`") for event, names in sorted(outbox.reactions().items()) for reaction in names]
    times = [(f"`{t.name}`", t.when, t.about) for t in schedule.SCHEDULE]
    work = [
        (f"`{name}`", {"quick": "短", "push": "推送", "sync": "同步", "heavy": "重"}[lane])
        for name, lane in sorted(jobs.handlers().items())
    ]
    return page(
        "总机", "zhanggui.switchboard",
        "## 什么事引出什么\n\n" + table(["事件", "随后"], rows),
        "## 什么时候做什么\n\n" + table(["工作", "时间", "做什么"], times),
        "## 后台工作\n\n" + table(["名称", "队列"], work),
    )  # fmt: skip


PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "glossary.md": ("zhanggui.kernel.glossary", glossary),
    "cli.md": ("zhanggui.doors.cli.main", command_line),
    "policies.md": ("zhanggui.metrics.policy", policies),
    "metrics.md": ("zhanggui.metrics.catalogue", metrics),
    "lake.md": ("zhanggui.facts.lake_schema", lake),
    "wechat-coverage.md": ("zhanggui.wechat.endpoints", wechat_coverage),
    "switchboard.md": ("zhanggui.switchboard.schedule", switchboard),
}
"""File → the module it needs, and what makes it."""


def stale() -> list[str]:
    """Generated pages that are missing or no longer as the code says."""
    return [
        name for name, (_needs, make) in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != make()
    ]


def main() -> int:
    """Writes the pages, or with --check names those that are stale and returns 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    import django

    django.setup()
    if "--check" in sys.argv[1:]:
        old = stale()
        if old:
            click.echo(f"这些表与代码不一致：{'、'.join(f'docs/{n}' for n in old)}。运行 make docs。")
        return 1 if old else 0
    for name, (_needs, make) in PAGES.items():
        (DOCS / name).write_text(make(), "utf-8")
    click.echo(f"已写好 {len(PAGES)} 页：{'、'.join(PAGES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
