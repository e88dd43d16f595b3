"""`zhanggui manage …`: Django's own commands, for those who keep the house."""

from __future__ import annotations

import os

import click


@click.command(
    "manage",
    help="运行 Django 的管理命令，例如 zhanggui manage dbshell。",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> None:
    """Passes everything through."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zhanggui.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["zhanggui manage", *(arguments or ("help",))])
