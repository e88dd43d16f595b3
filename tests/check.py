"""`make check`: everything that must hold besides the tests, each step named, all of them run even if one fails.

python tests/check.py [step …]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PY = sys.executable
CODE = ["src", "tests", "bench", "requirements"]
STEPS: dict[str, tuple[str, list[str]]] = {
    "format": ("格式 ruff format", [str(BIN / "ruff"), "format", "--check", "--quiet", *CODE]),
    "lint": ("检查 ruff check", [str(BIN / "ruff"), "check", "--quiet", *CODE]),
    "types": ("类型 mypy", [PY, "-m", "mypy", "src/zhanggui"]),
    "contracts": ("层次与约定 import-linter", [str(BIN / "lint-imports")]),
    "migrations": ("迁移 makemigrations --check", [PY, "-m", "django", "makemigrations", "--check", "--dry-run"]),
    "docs": ("文档表 docs", [PY, "-m", "zhanggui.doors.cli.docs", "--check"]),
    "messages": ("界面文案 messages", [PY, "-m", "zhanggui.doors.cli.messages", "--check"]),
}


def main() -> int:
    """Runs the asked steps (all); 0 if each held."""
    asked = sys.argv[1:] or list(STEPS)
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}
    env |= {
        "DJANGO_SETTINGS_MODULE": "zhanggui.settings",
        "ZHANGGUI_HOME": str(ROOT / "var" / "test"),
        "ZHANGGUI_CONFIG": str(ROOT / "var" / "test" / "none.toml"),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONUTF8": "1",
    }
    failed = []
    for name in asked:
        if name not in STEPS:
            print(f"没有这一步：{name}；可选：{'、'.join(STEPS)}")
            return 2
        title, command = STEPS[name]
        began = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        held = done.returncode == 0
        print(f"{'✓' if held else '✗'} {title}（{time.monotonic() - began:.1f} 秒）", flush=True)
        if not held:
            failed.append(name)
            print((done.stdout + done.stderr).strip()[-6000:], flush=True)
    print(f"\ncheck: {'passed 全部通过' if not failed else 'FAILED 没有通过：' + '、'.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
