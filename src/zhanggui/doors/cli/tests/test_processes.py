"""The supervisor: ready when it answers, restarted when it crashes, never left behind; and ports that are busy."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from zhanggui.doors.cli import processes
from zhanggui.doors.cli.processes import Child, NotStarted, Supervisor, free_port, is_free, local

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *a): pass
print("listening", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie that waits for its parent does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int) -> None:
    """Waits until the process has ended."""
    import select

    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 20)[0], f"{pid} still lives"
    finally:
        os.close(handle)


def until_log(child: Child, word: str) -> str:
    """The child's log once it holds `word`."""
    import time

    end = time.monotonic() + 20
    while word not in child.last_words():
        assert time.monotonic() < end, child.last_words()
        assert child.running(), child.last_words()
        time.sleep(0.01)
    return child.last_words()


# -- ports -----------------------------------------------------------------------------------------------------------------------


def test_a_busy_port_is_said_and_avoided() -> None:
    said: list[str] = []
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert not is_free(port)
        found = free_port(port, say=said.append)
        assert found > port
        assert said == [f"端口 {port} 已被别的程序占用，改用 {found}。"]
        assert free_port(port, taken=range(port, found + 1)) > found
    assert free_port(port, say=said.append) == port
    assert len(said) == 1


def test_no_free_port_is_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "is_free", lambda port, host="": False)
    with pytest.raises(NotStarted) as caught:
        free_port(8000)
    assert "--port" in caught.value.remedy


@pytest.mark.parametrize(
    ("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("192.168.1.5", "192.168.1.5")]
)
def test_how_this_machine_reaches_itself(host: str, reached: str) -> None:
    assert local(host) == reached


# -- children --------------------------------------------------------------------------------------------------------------------


def test_a_child_is_ready_when_it_answers_and_gone_at_the_end(tmp_path: Path) -> None:
    port = free_port(18500)
    with Supervisor() as keeper:
        child = keeper.start(Child("网站", python(SERVER, str(port)), tmp_path / "web.log", ready=f"http://127.0.0.1:{port}/"))
        keeper.wait_ready(child, 30)
        assert child.process is not None
        pid = child.process.pid
    assert not alive(pid)
    assert is_free(port)


def test_a_child_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Supervisor() as keeper:
        child = keeper.start(
            Child("网站", python("print('no luck'); raise SystemExit(3)"), tmp_path / "web.log", ready="http://127.0.0.1:9/")
        )
        with pytest.raises(NotStarted) as caught:
            keeper.wait_ready(child, 30)
    assert "no luck" in caught.value.message
    assert str(tmp_path / "web.log") in caught.value.remedy


def test_a_child_that_never_answers_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with Supervisor() as keeper:
        child = keeper.start(
            Child("网站", python("import time; time.sleep(600)"), tmp_path / "web.log", ready="http://127.0.0.1:9/")
        )
        with pytest.raises(NotStarted):
            keeper.wait_ready(child, 0.3)


def test_a_crashed_child_comes_back_after_a_pause_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    said: list[str] = []
    with Supervisor(said.append, pause=1.0) as keeper:
        child = keeper.start(
            Child("后台", python("print('up', flush=True); import time; time.sleep(600)"), tmp_path / "worker.log")
        )
        for pause in (1, 2, 4):
            assert child.process is not None
            child.process.kill()
            child.process.wait(20)
            keeper.watch_once()
            assert not child.running()
            assert f"{pause} 秒后重新启动" in said[-1]
            assert "SIGKILL" in said[-1]
            now[0] += pause - 0.1
            keeper.watch_once()
            assert not child.running()
            now[0] += 0.2
            keeper.watch_once()
            assert child.running()
            assert said[-1] == "后台已重新启动。"
        now[0] += processes.STEADY + 1
        keeper.watch_once()
        assert child.crashes == 0, "one that runs for a minute is well again"


def test_an_essential_child_that_cannot_stay_up_ends_the_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    with Supervisor() as keeper:
        child = keeper.start(Child("网站", python("raise SystemExit(3)"), tmp_path / "web.log", essential=True))
        with pytest.raises(NotStarted, match="5 次"):
            for _ in range(20):
                assert child.process is not None
                child.process.wait(20)
                now[0] += 40
                keeper.watch_once()


def test_what_does_not_listen_is_killed_with_all_it_started(tmp_path: Path) -> None:
    with Supervisor(grace=0.2) as keeper:
        child = keeper.start(Child("网站", python(STUBBORN), tmp_path / "web.log"))
        pids = [int(word) for word in until_log(child, " ").split()[:2]]
        assert all(alive(pid) for pid in pids)
    for pid in pids:
        gone(pid)


def test_children_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    """kill -9 of the whole house's keeper leaves nothing running behind."""
    keeper = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from zhanggui.doors.cli.processes import Child, Supervisor
        keeper = Supervisor()
        child = keeper.start(Child("x", [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"], Path({str(tmp_path / "x.log")!r})))
        while "up" not in child.last_words(): time.sleep(0.01)
        print(child.process.pid, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen(python(keeper), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert alive(pid)
        process.kill()
    gone(pid)


def test_a_log_that_grew_large_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_BYTES", 10)
    path = tmp_path / "web.log"
    path.write_text("x" * 11)
    with Supervisor() as keeper:
        keeper.start(Child("网站", python("print('new')"), path))
    assert (tmp_path / "web.old.log").read_text() == "x" * 11


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_the_house_to_stop_and_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    keeper = Supervisor()
    with keeper.signals():
        os.kill(os.getpid(), number)
        assert keeper.stop.wait(20)
        os.kill(os.getpid(), number)  # again: harmless
        assert keeper.said_by == number.name
    assert signal.getsignal(number) is before
