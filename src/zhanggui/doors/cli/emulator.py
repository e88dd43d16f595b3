"""`zhanggui emulator`: the WeChat to practise on, as a process of its own."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("emulator", help="运行微信平台模拟器（演示数据，不连任何真实平台）。同样的种子得到同样的店。")
@click.option("--host", default="127.0.0.1", show_default=True, help="监听地址。")
@click.option("--port", default=8788, show_default=True, type=click.IntRange(1, 65535), help="端口。")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="把世界记在这个目录里，再启动时接着走；不写则只在内存里。",
)
@click.option("--seed", default=20260101, show_default=True, help="随机种子。")
@click.option(
    "--orders", default=20_000, show_default=True, type=click.IntRange(100, 20_000_000), help="18 个月里大约多少笔订单。"
)
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0, 10_000), help="市场时钟走多快，0 为停住。")
@click.option(
    "--pulse", default=30.0, show_default=True, type=click.FloatRange(0), help="平均隔多少秒来一笔新订单，0 为不额外来单。"
)
def emulator(host: str, port: int, data_dir: Path | None, seed: int, orders: int, speed: float, pulse: float) -> None:
    """Serves until interrupted."""
    from zhanggui.emulator.server import run

    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
    click.echo(f"模拟器：http://{host}:{port}/emulator/（演示数据）")
    run(host, port, str(data_dir) if data_dir else None, seed, orders, speed=speed, pulse_seconds=pulse)
