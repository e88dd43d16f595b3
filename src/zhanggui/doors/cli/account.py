"""`zhanggui account`: the owner's account from the server's terminal, for a lost password or a house without a browser."""

from __future__ import annotations

import click

from zhanggui.doors.cli import house


@click.command("account", help="建一个店主账号；账号已经存在时重设它的密码。密码在终端里输入，不写在命令行上。")
@click.argument("name")
@click.option(
    "--shop", "shop_name", default=None, help="让这个账号成为哪家店的店主（店铺编号或名称；新账号必填，除非只有一家店）。"
)
@click.password_option(
    "--password",
    prompt="新密码（至少 8 位，不要只用数字）",
    confirmation_prompt="再输一遍",
    help="不建议写在命令行上，会留在历史记录里。",
)
def account(name: str, shop_name: str | None, password: str) -> None:
    """Makes or mends an account; recorded in the audit trail."""
    house.ready()
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.db import transaction

    from zhanggui.kernel import audit
    from zhanggui.kernel.errors import BadInput
    from zhanggui.kernel.models import Grant, Role, User

    house.migrate()
    user = User.objects.filter(username=name).first()
    try:
        validate_password(password, user or User(username=name))
    except ValidationError as error:
        raise BadInput("密码太弱：" + "；".join(error.messages), remedy="换一个长一点、不只是数字的密码") from error
    with transaction.atomic():
        if user is None:
            shop = house.the_shop(shop_name)
            user = User.objects.create_user(name, password=password, display_name=name)
            Grant.objects.create(user=user, shop_id=shop.pk, role=Role.OWNER)
            audit.record(shop.pk, "终端", "account.create", f"在服务器终端上新建了店主账号 {name}", subject=f"user:{user.pk}")
            click.echo(f"已新建店主账号 {name}，店铺“{shop.name}”。")
            return
        user.set_password(password)
        user.is_active = True
        user.save(update_fields=["password", "is_active"])
        if shop_name:
            shop = house.the_shop(shop_name)
            Grant.objects.update_or_create(user=user, shop_id=shop.pk, defaults={"role": Role.OWNER})
        audit.record(None, "终端", "account.password", f"在服务器终端上重设了 {name} 的密码", subject=f"user:{user.pk}")
        click.echo(f"{name} 的密码已重设。")
