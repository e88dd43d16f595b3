"""The desk in a real Chromium: one server with a seeded shop for all tests of a process, and pages that remember every complaint.

    house      the running desk: addresses, people, shops
    desk       desk(width, theme, who) → a Sheet: a page of a signed-in browser
    Sheet      open(), shot(), charts(), and `complaints`; a test that leaves complaints behind fails

A complaint is a console error, an exception, a refusal by the Content-Security-Policy, a request to anywhere but our own server, or an
answer of 400 and more that the test did not expect.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from zhanggui.doors.cli.processes import Child, Supervisor, free_port, wsgi_command

HERE = Path(__file__).parent
SHOTS = HERE / "shots"
ORDERS, DAYS = 700, 150
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--lang=zh-CN"]
LISTENING = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", (e) => window.__refused.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


def chromium_path() -> str:
    """Where Chromium is; empty if it is not installed."""
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), "")


@dataclass(frozen=True)
class House:
    """A running desk."""

    url: str
    shop: int
    empty: int
    owner: str
    analyst: str
    password: str
    home: Path

    def at(self, path: str = "", *, shop: int | None = None) -> str:
        """The address of a page of the seeded shop (or another)."""
        return f"{self.url}/s/{shop or self.shop}/{path}"


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server over a home of its own, with a simulated market of some months in it."""
    if not chromium_path():
        pytest.skip("没有装 Chromium：浏览器测试没有运行（Debian：apt install chromium）")
    home = tmp_path_factory.mktemp("house")
    for kept, name in ((Path(settings.HOME) / "numba", "numba"), (Path(settings.STATIC_ROOT), "static")):
        kept.mkdir(parents=True, exist_ok=True)  # compiled once for all runs: the kernels and the charts' library
        (home / name).symlink_to(kept, target_is_directory=True)
    port = free_port(8400 + os.getpid() % 400)
    url = f"http://127.0.0.1:{port}"
    env = {k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")} | {
        "ZHANGGUI_HOME": str(home), "ZHANGGUI_CONFIG": str(home / "none.toml"), "ZHANGGUI_PUBLIC_URL": url, "DJANGO_SETTINGS_MODULE": "zhanggui.settings",
        "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    seeding = [sys.executable, str(HERE / "seed.py"), str(ORDERS), str(DAYS)]
    made = subprocess.run(seeding, env=env, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    ids = json.loads(made.stdout.splitlines()[-1])
    with Supervisor() as keeper:
        web = keeper.start(Child("web", wsgi_command("127.0.0.1", port), home / "web.log", env=env, ready=f"{url}/healthz"))
        keeper.wait_ready(web, 90)
        yield House(url, ids["shop"], ids["empty"], ids["owner"], ids["analyst"], ids["password"], home)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser. By module: while Playwright runs, its event loop would keep Django's database from other tests of the process."""
    path = chromium_path()
    if not path:
        pytest.skip("没有装 Chromium：浏览器测试没有运行（Debian：apt install chromium）")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Sheet:
    """A page of a browser, with what it complained of."""

    page: Any
    house: House
    width: int
    theme: str
    complaints: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    """Statuses of 400 and more that the test wants to see."""

    def listen(self) -> Sheet:
        """Hears everything the page complains of."""
        self.page.add_init_script(LISTENING)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        return self

    def _said(self, message: Any) -> None:
        refused = self.expected and "Failed to load resource" in message.text
        if message.type in ("error", "warning") and not refused:
            self.complaints.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.house.url, "data:", "blob:", "about:")):
            self.complaints.append(f"asked outside: {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.status}: {response.url}")

    def open(self, address: str) -> Any:
        """Opens a page and waits until nothing moves: fragments are in, charts are drawn. Nothing may stick out sideways."""
        self.page.goto(address)
        self.settle()
        assert self.sticks_out() == 0, f"{address} sticks out by {self.sticks_out()} px at {self.width} px"
        return self.page

    def settle(self) -> None:
        """Waits until fragments are in and charts are drawn."""
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function("[...document.querySelectorAll('[data-chart]')].every((box) => box.dataset.drawn)")
        self.complaints += [f"refused by policy: {x}" for x in self.page.evaluate("window.__refused.splice(0)")]

    def sticks_out(self) -> int:
        """By how many pixels the page is wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width

    def charts(self) -> list[str]:
        """For each chart whether it was drawn: "1", or "0" where the words instead of it stand there."""
        drawn: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('[data-chart]')].map((box) => box.querySelector('svg') ? box.dataset.drawn : '0')"
        )
        return drawn

    def text(self, selector: str = "main") -> str:
        """What a person reads there."""
        return " ".join(str(self.page.inner_text(selector)).split())

    def shot(self, name: str) -> Path:
        """The whole page as a picture in tests/browser/shots, for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}-{self.width}-{self.theme}.png"
        self.page.screenshot(path=str(path), full_page=True)
        return path


Open = Callable[..., Sheet]


@pytest.fixture
def desk(house: House, chromium: Any) -> Iterator[Open]:
    """desk(width, theme="light", who=owner) → a Sheet; `who=""` for nobody. At the end no Sheet may have complained."""
    contexts: list[Any] = []
    sheets: list[Sheet] = []

    def enter(width: int, theme: str = "light", who: str | None = None) -> Sheet:
        phone = width < 600
        context = chromium.new_context(
            viewport={"width": width, "height": 844 if phone else 900}, color_scheme=theme, locale="zh-CN", timezone_id="Asia/Shanghai",
            has_touch=phone, is_mobile=phone, device_scale_factor=1,
        )  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(20_000)
        name = house.owner if who is None else who
        if name:
            _sign_in(context, house, name)
        sheet = Sheet(context.new_page(), house, width, theme).listen()
        sheets.append(sheet)
        return sheet

    yield enter
    for context in contexts:
        with suppress(Exception):  # a test that closed its own
            context.close()
    assert [c for s in sheets for c in s.complaints] == []


_cookies: dict[tuple[str, str], list[Any]] = {}


def _sign_in(context: Any, house: House, name: str) -> None:
    """Signs in once per person and server; further browsers get the cookie."""
    key = (house.url, name)
    if key not in _cookies:
        page = context.new_page()
        page.goto(f"{house.url}/sign-in")
        page.fill("#id_username", name)
        page.fill("#id_password", house.password)
        page.click("button.primary")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        _cookies[key] = context.cookies()
        page.close()
    context.add_cookies(_cookies[key])
