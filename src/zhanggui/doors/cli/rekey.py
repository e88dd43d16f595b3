"""`zhanggui rekey`: after the vault key was changed, seals everything anew that an earlier key sealed."""

from __future__ import annotations

import click

from zhanggui.doors.cli import house


@click.command(
    "rekey", help="换过加密密钥后运行：把所有密封的内容换成新密钥。可以中断，再运行会接着做；全部完成后才能删掉旧密钥。"
)
def rekey() -> None:
    """Goes shop by shop; says how much was sealed anew."""
    house.ready()
    from zhanggui.facts import commands
    from zhanggui.facts.models import Shop

    house.migrate()
    for shop in Shop.objects.order_by("pk"):
        click.echo(f"{shop.name}：{commands.reseal(shop):,} 处换成了新密钥。")
