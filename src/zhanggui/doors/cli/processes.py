"""The processes of a running house: free ports, children under one supervisor, health checks, an orderly end.

    ports       free_port() avoids busy ones and says which
    Child       one process in its own group, its log file, and how it says that it is ready
    Supervisor  starts children, restarts what crashed (pausing longer each time), stops all of them in reverse order

A child never outlives the supervisor: it is stopped by group on a clean end, and by the kernel (see leash.py) if the supervisor is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zhanggui.kernel.errors import ZhangguiError

LEASH = Path(__file__).with_name("leash.py")
STEADY = 60.0
"""A child that ran this many seconds is well again: its next crash is counted as the first."""
LONGEST_PAUSE = 30.0
LOG_BYTES = 8 * 1024 * 1024


class NotStarted(ZhangguiError):
    """A process that should run does not."""

    code = "not_started"


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(
    wanted: int, host: str = "127.0.0.1", *, taken: Sequence[int] = (), say: Callable[[str], None] | None = None
) -> int:
    """`wanted` if it is free, else the next free one of the following hundred, told through `say`. Raises NotStarted."""
    for port in range(wanted, min(wanted + 100, 65536)):
        if port not in taken and is_free(port, host):
            if port != wanted and say is not None:
                say(f"端口 {wanted} 已被别的程序占用，改用 {port}。")
            return port
    raise NotStarted(f"从 {wanted} 起的 100 个端口都被占用", remedy="请关掉占用端口的程序，或用 --port 另选一个")


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether an HTTP address answers with success. Never goes through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as reply:  # our own process's address
            return bool(200 <= reply.status < 300)
    except (urllib.error.URLError, OSError, ValueError):
        return False


@dataclass
class Child:
    """One process: `ready` is its health address, empty for none. `essential` ones that cannot stay up end the house."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""
    essential: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    crashes: int = 0
    due: float = 0.0

    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""


class Supervisor:
    """Starts, watches and ends children. Use as a context manager: leaving it ends all of them."""

    def __init__(self, say: Callable[[str], None] = lambda text: None, *, grace: float = 12.0, pause: float = 1.0) -> None:
        self.children: list[Child] = []
        self.stop = threading.Event()
        self.said_by = ""
        self._say, self._grace, self._pause = say, grace, pause

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_why: object) -> None:
        self.end()

    def start(self, child: Child) -> Child:
        """Starts the child and keeps it."""
        if child not in self.children:
            self.children.append(child)
        child.log.parent.mkdir(parents=True, exist_ok=True)
        if child.log.exists() and child.log.stat().st_size > LOG_BYTES:
            os.replace(child.log, child.log.with_suffix(".old.log"))
        with child.log.open("ab") as out:
            child.process = subprocess.Popen(
                [sys.executable, "-S", "-E", str(LEASH), str(os.getpid()), *child.command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **child.env},
                start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and we end them in order
            )
        child.started = time.monotonic()
        return child

    def wait_ready(self, child: Child, seconds: float = 60.0, *, wake: Callable[[], None] | None = None) -> None:
        """Returns when the child's health address answers. Raises NotStarted if it died or took too long."""
        deadline = time.monotonic() + seconds
        while not self.stop.is_set():
            if not child.running():
                raise NotStarted(f"{child.name}没有启动起来：\n{child.last_words()}", remedy=f"完整日志在 {child.log}")
            if answers(child.ready):
                return
            if time.monotonic() > deadline:
                raise NotStarted(f"{child.name}在 {seconds:.0f} 秒内没有应答", remedy=f"请看日志 {child.log}")
            if wake is not None:
                wake()
            self.stop.wait(0.1)

    def watch_once(self) -> None:
        """Restarts what has crashed and is due. Raises NotStarted if an essential child crashed five times in a row."""
        now = time.monotonic()
        for child in self.children:
            if child.running():
                if child.crashes and now - child.started > STEADY:
                    child.crashes = 0
                continue
            if child.due == 0.0:
                child.crashes += 1
                pause = min(self._pause * 2.0 ** (child.crashes - 1), LONGEST_PAUSE)
                child.due = now + pause
                status = child.process.returncode if child.process else None
                if child.essential and child.crashes >= 5:
                    raise NotStarted(
                        f"{child.name}连续 {child.crashes} 次意外退出：\n{child.last_words()}", remedy=f"完整日志在 {child.log}"
                    )
                self._say(
                    f"{child.name}意外退出（{_how(status)}），{pause:.0f} 秒后重新启动；没做完的工作会接着做。日志：{child.log}"
                )
            elif now >= child.due:
                child.due = 0.0
                _sweep(child)  # a server's workers may still hold its port
                self.start(child)
                self._say(f"{child.name}已重新启动。")

    def watch(self, each: Callable[[], None] | None = None) -> None:
        """Keeps the house until it is told to stop."""
        while not self.stop.wait(0.25):
            self.watch_once()
            if each is not None:
                each()

    def end(self) -> None:
        """Asks every child to stop, last started first; kills what does not within the grace."""
        self.stop.set()
        for child in reversed(self.children):
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        for child in reversed(self.children):
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL)
                child.process.wait(5)
            _sweep(child)

    @contextlib.contextmanager
    def signals(self, *, with_parent: bool = False) -> Iterator[None]:
        """Inside, Ctrl-C, SIGTERM, SIGHUP and, with `with_parent`, the parent's death ask the house to stop."""
        before = {}

        def asked(number: int, _frame: object) -> None:
            self.said_by = signal.Signals(number).name
            self.stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before[number] = signal.signal(number, asked)
        if with_parent:
            parent = os.getppid()

            def follow() -> None:
                while not self.stop.wait(0.5):
                    if os.getppid() != parent:
                        self.said_by = "parent"
                        self.stop.set()

            threading.Thread(target=follow, name="follow-parent", daemon=True).start()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _how(status: int | None) -> str:
    if status is None:
        return "原因不明"
    if status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"退出码 {status}"


def _signal(child: Child, number: signal.Signals) -> None:
    if child.running() and child.process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            child.process.send_signal(number)


def _sweep(child: Child) -> None:
    """Kills whatever of the child's group is still there: a server's own workers, for example."""
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)


def local(host: str) -> str:
    """The address by which this machine reaches a server bound to `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound


def wsgi_command(host: str, port: int, *, workers: int = 1, threads: int = 4) -> list[str]:
    """The command that serves the desk: granian, WSGI; one worker on SQLite, whose writers would only wait for each other.

    Four threads, so that slow uploads of large files leave room for the platform's pushes.
    """
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(workers),
        "--blocking-threads", str(threads), "--no-ws", "--log-level", "warning", "--respawn-failed-workers", "--workers-kill-timeout", "8",
        "zhanggui.wsgi:application",
    ]  # fmt: skip


def own_command(*arguments: str) -> list[str]:
    """A `zhanggui` subcommand as a child."""
    return [sys.executable, "-m", "zhanggui", *arguments]
