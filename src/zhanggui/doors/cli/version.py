"""`zhanggui version`."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click

import zhanggui


@click.command("version", help="显示版本；--json 连同 Python 与关键依赖的版本。")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON。")
def version(as_json: bool) -> None:
    """The house's version, and with --json what it stands on."""
    if not as_json:
        click.echo(f"掌柜 zhanggui {zhanggui.__version__}")
        return
    from importlib import metadata

    parts = {name: metadata.version(name) for name in ("django", "granian", "duckdb", "sqlglot", "pyarrow", "numpy", "aiohttp")}
    where = str(Path(zhanggui.__file__).parent)
    click.echo(
        json.dumps(
            {"zhanggui": zhanggui.__version__, "python": platform.python_version(), "at": where, **parts}, ensure_ascii=False
        )
    )
