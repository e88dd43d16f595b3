"""`zhanggui sync`: reads the platforms now, in the foreground, with a bar. A worker that runs beside it takes its share."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import click

from zhanggui.doors.cli import house
from zhanggui.kernel.errors import BadInput, NotFound

if TYPE_CHECKING:
    from zhanggui.facts.sync import StreamState, SyncOverview


@click.command("sync", help="立即同步平台数据，显示进度；按 Ctrl-C 停下，下次接着来。")
@click.option("--shop", "shop_name", default=None, help="店铺编号或名称；只有一家店时可不写。")
@click.option(
    "--stream",
    default=None,
    help="只同步一类：orders aftersales products stock coupons members compass fund_flows contacts groups …",
)
@click.option("--full", is_flag=True, help="从头读一遍全部历史（已有的不会重复）。")
def sync(shop_name: str | None, stream: str | None, full: bool) -> None:
    """Asks for the streams, runs them here, and shows how far they are. Exit status 1 when one failed, 130 when stopped."""
    house.ready()
    from zhanggui.facts import network
    from zhanggui.facts import sync as room
    from zhanggui.kernel import jobs

    shop = house.the_shop(shop_name)
    if stream is not None and stream not in room.STREAMS:
        raise BadInput(
            f"没有名为 {stream} 的数据", remedy="可选：" + "、".join(f"{s.name}（{s.title}）" for s in room.STREAMS.values())
        )
    before = room.overview(shop.pk)
    if not any(stream in (None, s.name) for s in before.streams):
        raise NotFound("没有可同步的平台账号", remedy="先运行 zhanggui connect，或在掌柜台“平台连接”里连接")
    from zhanggui.doors.cli.connect import house_user

    room.ask(shop.pk, stream=stream, full=full, by=house_user())
    stop = threading.Event()

    def interrupted(_number: int, _frame: object) -> None:
        stop.set()

    usual = signal.signal(signal.SIGINT, interrupted)
    worker = threading.Thread(target=lambda: jobs.run_worker(stop, lanes={"sync": 2}), name="sync", daemon=True)
    bar = house.Bar("同步")
    worker.start()
    try:
        last = room.overview(shop.pk)
        while any(s.live for s in _wanted(last, stream)) and not stop.wait(0.4):
            bar.show(last.done, last.total, last.note)
            last = room.overview(shop.pk)
        halted = stop.is_set()
    finally:
        stop.set()
        worker.join(30)
        signal.signal(signal.SIGINT, usual)
        network.hang_up()
    if halted:
        bar.end("已停下，下次从这里接着来")
        raise SystemExit(130)
    shown = _wanted(last, stream)
    bar.end(last.note if stream is None else "；".join(s.message for s in shown))
    show(shown)
    if any(s.state in ("failed", "new") for s in shown):
        raise SystemExit(1)


def _wanted(overview: SyncOverview, stream: str | None) -> list[StreamState]:
    return [s for s in overview.streams if stream in (None, s.name)]


def show(streams: list[StreamState]) -> None:
    """One line per stream: what became of it."""
    marks = {"idle": ("✓", "green"), "waiting": ("…", "yellow"), "failed": ("✗", "red"), "off": ("-", "yellow")}
    for s in streams:
        mark, colour = marks.get(s.state, ("·", "white"))
        click.echo(f"  {click.style(mark, fg=colour)} {s.title}：{s.message}")
