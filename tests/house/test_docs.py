"""Documents agree with the code: tables made from it, commands, targets, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhanggui.doors.cli import docs, messages
from zhanggui.doors.cli.main import COMMANDS, cli, exists

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))


@pytest.mark.parametrize("name", docs.PAGES)
def test_a_generated_page_is_as_the_code_says(name: str) -> None:
    assert (docs.DOCS / name).read_text("utf-8") == docs.PAGES[name][1](), f"docs/{name} is stale: make docs"


def test_every_command_can_be_loaded_and_is_documented() -> None:
    text = (docs.DOCS / "cli.md").read_text("utf-8")
    for name, entry in COMMANDS.items():
        if not exists(entry):
            continue
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.name == name
        assert command.help or command.short_help, name
        assert f"## zhanggui {name}\n" in text, name


def test_every_command_module_is_in_the_tree() -> None:
    """A command file that nobody can call is a lost one."""
    helpers = {"__init__", "main", "house", "processes", "leash", "docs", "messages", "demo_shop"}
    here = {p.stem for p in (ROOT / "src/zhanggui/doors/cli").glob("*.py")} - helpers
    assert here == {entry.module for entry in COMMANDS.values() if exists(entry)}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "#", "mailto:")):
            continue
        if not (path.parent / target.split("#")[0]).exists():
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_named_commands_and_targets_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    commands = set(re.findall(r"(?:^|[`\s])zhanggui ([a-z][a-z-]+)", text))
    known = {name for name, entry in COMMANDS.items() if exists(entry)}
    assert commands <= known, commands - known
    targets = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^ *make ([a-z-]+)", text, re.M))
    assert targets <= TARGETS, targets - TARGETS


def test_the_message_catalogue_is_complete_and_chinese() -> None:
    assert messages.not_chinese() == []
    assert messages.CATALOGUE.read_text("utf-8") == messages.render(), "make messages"


def test_every_setting_is_documented() -> None:
    """A setting that the deployment guide does not explain does not exist for whoever deploys."""
    used = set(re.findall(r"""(?:setting|flag)\("([a-z_]+)\"""", (ROOT / "src/zhanggui/settings.py").read_text("utf-8")))
    guide = (ROOT / "docs/guides/部署与备份.md").read_text("utf-8")
    assert sorted(f"ZHANGGUI_{name.upper()}" for name in used if f"ZHANGGUI_{name.upper()}" not in guide) == []


def test_every_dependency_is_explained() -> None:
    text = (ROOT / "docs/dependencies.md").read_text("utf-8")
    for name in (ROOT / "requirements/core.in").read_text("utf-8").split():
        plain = re.split(r"[~=<>\[]", name)[0]
        assert f"| {plain} |" in text, plain
