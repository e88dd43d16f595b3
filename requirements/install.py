"""Makes `.venv` hold exactly what a lock file says. Run by the Makefile with the environment's own Python; standard library only.

    python requirements/install.py core|dev

core is what the shop needs to run, dev adds what the tests and checks need; dev includes core at the same versions. A stamp in the
environment keeps the hashes of what was installed, so a second call costs a few milliseconds and a changed lock is installed.
uv does the work; where it cannot run (an unusual machine, a mirror it cannot reach) pip does the same, only slower.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
VENV = Path(sys.prefix)
STAMP = VENV / "zhanggui-installed.json"


def digest(*names: str) -> str:
    """One hash over the named lock files."""
    total = hashlib.sha256()
    for name in names:
        total.update((HERE / name).read_bytes())
    return total.hexdigest()


def wanted(level: str) -> dict[str, str]:
    """What the stamp says after installing `level`."""
    return {"level": level, "lock": digest(f"{level}.txt"), "home": str(ROOT)}


def installed(level: str) -> bool:
    """Whether the environment already holds `level` (dev serves for core too) as the locks are now."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return stamp in ([wanted("core"), wanted("dev")] if level == "core" else [wanted("dev")])


def pip_settings() -> dict[str, list[str]]:
    """What pip is configured with here, by the option's name without "-url": index, extra-index, find-links, cert."""
    found: dict[str, list[str]] = {}
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        found[name.rsplit(".", 1)[-1].removesuffix("-url")] = (
            value.strip().strip("'\"").split()
        )  # :env: comes last and wins, as in pip
    return found


def uv_environment() -> dict[str, str]:
    """The environment for uv: it does not read pip's configuration, and many a machine's mirror is named only there."""
    env, pip = dict(os.environ), pip_settings()
    env.setdefault("VIRTUAL_ENV", str(VENV))
    known = {"index": "UV_DEFAULT_INDEX", "extra-index": "UV_INDEX", "find-links": "UV_FIND_LINKS", "cert": "SSL_CERT_FILE"}
    for theirs, ours in known.items():
        if pip.get(theirs) and ours not in env:
            env[ours] = " ".join(pip[theirs])
    env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip does; the hashes decide what is accepted
    env.setdefault("UV_LINK_MODE", "copy")
    return env


def pip(*arguments: str) -> int:
    """Runs pip quietly; its exit status."""
    return subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=False).returncode


def with_uv(lock: Path) -> bool:
    """Whether uv brought the environment to the lock."""
    stamp = VENV / "zhanggui-bootstrap"
    uv = VENV / "bin" / "uv"
    if not uv.exists() or not stamp.exists() or stamp.read_text() != digest("bootstrap.txt"):
        if pip("install", "--quiet", "--require-hashes", "-r", str(HERE / "bootstrap.txt")):
            return False
        stamp.write_text(digest("bootstrap.txt"))
    command = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", sys.executable, str(lock)]
    try:
        return subprocess.run(command, env=uv_environment(), check=False).returncode == 0
    except OSError:
        return False


def with_pip(lock: Path) -> bool:
    """Whether pip brought the environment to the lock."""
    return pip("install", "--quiet", "--require-hashes", "-r", str(lock)) == 0


def put_in_place() -> None:
    """Makes the sources importable and gives the environment its `zhanggui` command, without building a package."""
    Path(sysconfig.get_paths()["purelib"], "zhanggui.pth").write_text(f"{ROOT / 'src'}\n")
    command = VENV / "bin" / "zhanggui"
    command.write_text(
        f"#!{sys.executable}\nimport sys\n\nfrom zhanggui.doors.cli.main import main\n\nif __name__ == '__main__':\n    sys.exit(main())\n"
    )
    command.chmod(0o755)


def main() -> int:
    """Installs the asked level; 0 if the environment is then as it should be."""
    if len(sys.argv) != 2 or sys.argv[1] not in ("core", "dev"):
        print(__doc__)
        return 2
    level = sys.argv[1]
    if sys.prefix == sys.base_prefix:
        print("要用 .venv 里的 Python 运行；直接用 make demo 或 make test 即可。", file=sys.stderr)
        return 2
    if installed(level):
        return 0
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        print(f"需要 Python 3.11 至 3.13，.venv 里是 {sys.version.split()[0]}；请删除 .venv 后再试。", file=sys.stderr)
        return 1
    began = time.monotonic()
    print(f"安装依赖（{level}），只接受锁文件里登记过的内容；第一次约半分钟到几分钟，看网速……", flush=True)
    lock = HERE / f"{level}.txt"
    STAMP.unlink(missing_ok=True)
    if not with_uv(lock):
        print("uv 没能完成，改用 pip（慢一些）……", flush=True)
        if not with_pip(lock):
            print(
                "依赖没有装上。常见原因：网络不通，或公司镜像没有这些版本。\n"
                "怎么办：检查网络；用镜像时设置 PIP_INDEX_URL 再运行一次（本项目的文件里不写任何下载地址）。",
                file=sys.stderr,
            )
            return 1
    put_in_place()
    STAMP.write_text(json.dumps(wanted(level)))
    print(f"依赖就绪，用时 {time.monotonic() - began:.0f} 秒。", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
