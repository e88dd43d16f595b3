"""Processes that the benchmarks measure: the real web server over a work folder, a bare one as the limit."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(command: Sequence[str], ready: str, log: Path, seconds: float = 60.0) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a command with this environment until the block ends; the block begins when `ready` answers."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    with log.open("ab") as out:
        child = subprocess.Popen(list(command), stdout=out, stderr=out, env=env, start_new_session=True)
    try:
        deadline = time.monotonic() + seconds
        while True:
            if child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[:3]} did not start: {log.read_text('utf-8', 'replace')[-400:]}")
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(ready, timeout=2).close()
                break
            time.sleep(0.05)
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, 15)
        child.wait(20)


@contextlib.contextmanager
def web(log: Path, workers: int = 1) -> Iterator[tuple[int, int]]:
    """The desk on granian, as `zhanggui serve` starts it; its port and process."""
    from zhanggui.doors.cli.processes import wsgi_command

    port = free_port()
    with process(wsgi_command("127.0.0.1", port, workers=workers), f"http://127.0.0.1:{port}/healthz", log) as child:
        yield port, child.pid


@contextlib.contextmanager
def bare(log: Path) -> Iterator[tuple[int, int]]:
    """granian with an application that answers "success" and does nothing: what this machine's server can do at most; its port and process."""
    from zhanggui.doors.cli.processes import wsgi_command

    port = free_port()
    command = [*wsgi_command("127.0.0.1", port)[:-1], "bench.servers:nothing"]
    with process(command, f"http://127.0.0.1:{port}/", log) as child:
        yield port, child.pid


def nothing(environ: dict[str, object], start_response) -> list[bytes]:  # type: ignore[no-untyped-def]
    """Reads the body and answers."""
    environ["wsgi.input"].read()  # type: ignore[attr-defined]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"success"]


def tree_cpu(pid: int) -> float:
    """CPU seconds so far of a process and its children."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == pid or stat.parent.name == str(pid):  # same process group: started in its own session
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def postgres() -> str:
    """The address of a PostgreSQL on this machine where a role may make databases; ImportError-like refusal if there is none."""
    sys.path.insert(0, str(ROOT / "tests"))
    from run import answering

    address = answering()
    if not address:
        raise ImportError("no PostgreSQL answers on localhost", name="PostgreSQL on localhost")
    return str(address)
