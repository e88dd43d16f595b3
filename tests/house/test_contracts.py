"""The order of the house holds, and the contracts that say so really bite: planted faults are named by them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and words of lint-imports over the sources in `folder`."""
    command = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports_command as run; sys.argv=['lint-imports', '--no-cache']; run()",
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "240"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources and the contracts, to be spoiled."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.html", "*.js", ".mypy_cache"))
    shutil.copy(ROOT / ".importlinter", folder / ".importlinter")
    return folder


def test_the_contracts_hold() -> None:
    status, words = lint(ROOT)
    assert status == 0, words
    assert "0 broken" in words


FAULTS = {
    "an upward import": ("facts/channels.py", "from zhanggui.metrics import catalogue", "Rooms call downwards only", r"zhanggui\.facts\.channels -> zhanggui\.metrics"),
    "a rule that reaches Django through the kernel": ("facts/rules.py", "from zhanggui.kernel import audit", "Rules, policies and stats know no framework", r"zhanggui\.facts\.rules -> zhanggui\.kernel\.audit"),
    "a second way out": ("facts/commands/trade.py", "from zhanggui.wechat.writes.shop import ShopWrites", "One way out", r"zhanggui\.facts\.commands\.trade -> zhanggui\.wechat\.writes\.shop"),
    "another place that knows the engine": ("facts/dirty.py", "import duckdb", "One place knows the engine", r"zhanggui\.facts\.dirty -> duckdb"),
    "an emulator that reads our facts": ("emulator/faults.py", "from zhanggui.facts import channels", "The emulator shares words", r"zhanggui\.emulator\.faults -> zhanggui\.facts\.channels"),
    "a circle": ("wechat/codes.py", "from zhanggui.wechat import client", "No circles between neighbours", r"zhanggui\.wechat"),
    "mathematics that knows a shop": ("stats/shares.py", "from zhanggui.facts import models", "Rooms call downwards only", r"zhanggui\.stats\.shares -> zhanggui\.facts\.models"),
}  # fmt: skip


def test_planted_faults_are_named(copy: Path) -> None:
    status, words = lint(copy)
    assert status == 0, words
    for file, line, _contract, _where in FAULTS.values():
        path = copy / "src" / "zhanggui" / file
        path.write_text(
            path.read_text("utf-8").replace(
                "from __future__ import annotations\n", f"from __future__ import annotations\n\n{line}\n", 1
            ),
            "utf-8",
        )
    status, words = lint(copy)
    flat = " ".join(words.split())
    broken = [line for line in words.splitlines() if " BROKEN" in line]
    assert status != 0
    for fault, (_file, _line, contract, where) in FAULTS.items():
        assert any(line.startswith(contract) for line in broken), f"{fault} was not noticed"
        assert re.search(where, flat), f"{fault} was not named"


def test_an_unlisted_room_fails_by_name(copy: Path) -> None:
    room = copy / "src" / "zhanggui" / "utils"
    room.mkdir(exist_ok=True)
    (room / "__init__.py").write_text('"""A thing without a name."""\n')
    status, words = lint(copy)
    shutil.rmtree(room)
    assert status != 0
    assert "zhanggui.utils" in words
