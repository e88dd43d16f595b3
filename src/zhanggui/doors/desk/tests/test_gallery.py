"""The desk about itself: every component drawn with sample values, the menu by role, what is kept of whom, the charts' own library."""

from __future__ import annotations

import gzip
import html
import json
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from zhanggui.doors.desk import about
from zhanggui.doors.ui import charts, tags
from zhanggui.doors.ui.values import PolicyLine, tone_of
from zhanggui.kernel.models import Role

pytestmark = pytest.mark.django_db


def words(text: str) -> str:
    """HTML as a person reads it: no tags, single spaces."""
    return " ".join(html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", text, flags=re.S)).split())


# ── the gallery ──────────────────────────────────────────────────────────


def test_every_component_is_on_the_page(client):
    page = client.get("/gallery").content.decode()
    for part in (
        'class="badge good"', 'class="verdict bad"', 'class="card warn"', 'class="rod bad"', 'class="chart "', 'class="funnel"', 'class="heat"', "<progress ", 'class="note bad"',
        'class="empty"', 'class="toast bad"', 'class="btn danger"', "<dialog ", 'class="pager"', 'class="seg"', 'class="chip"', 'class="spark"',
    ):  # fmt: skip
        assert part in page, part
    sprite = (charts.Path(charts.__file__).parent / "static/ui/icons.svg").read_text("utf-8")
    for name in re.findall(r'<symbol id="([a-z-]+)"|id="([a-z]+)" viewBox', sprite):
        assert f'#{name[0] or name[1]}"' in page
    assert set(about.ICONS) == set(re.findall(r'id="([a-z-]+)"', sprite))


def test_colour_never_comes_without_a_word(client):
    page = client.get("/gallery").content.decode()
    for tone, word in about.BADGES:
        assert f'<span class="badge {tone}">{word}</span>' in page
    cards = [words(c) for c in re.findall(r'<a class="card (?:good|warn|bad)".*?</a>', page, re.S)]
    assert len(cards) == 3 and all(re.search("健康|注意|异常", c) for c in cards)
    for rod in re.findall(r'<svg class="rod[^>]*>', page):
        assert re.search(r'aria-label="当前 [^"]+"', rod), rod


def test_the_page_needs_no_shop_and_asks_next_to_nothing(client):
    client.get("/gallery")
    with CaptureQueriesContext(connection) as seen:
        client.get("/gallery")
    assert len(seen) <= 2


@pytest.mark.parametrize("address", ["/gallery", "/about"])
def test_strangers_are_sent_to_the_door(address):
    answer = Client().get(address)
    assert answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in?next=")


@pytest.mark.parametrize(
    ("value", "side", "tone"),
    [(0.61, "above", "bad"), (0.60, "above", "warn"), (0.54, "above", "warn"), (0.53, "above", "good"), (0.59, "below", "bad"), (0.60, "below", "warn"), (0.67, "below", "good"),
     (None, "above", "none"), (0.9, "", "none")],
)  # fmt: skip
def test_a_line_is_near_within_a_tenth_and_crossed_beyond_it(value, side, tone):
    line = PolicyLine("k", 0.6, side, "threshold" if side else "benchmark")
    assert tone_of(value, line) == tone


def test_a_trend_keeps_its_gaps():
    drawn = str(tags.sparkline((1, 2, None, 4, 5)))
    path = re.search(r'<path d="(M[^"]+)"/></svg>', drawn)
    assert path and path[1].count("M") == 2 and path[1].count("L") == 2 and 'class="area"' not in drawn
    assert str(tags.sparkline((1,))) == ""


# ── the menu and the privacy page ────────────────────────────────────────


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        (Role.OWNER, ["转化漏斗", "客户", "导入文件", "操作记录", "成员"], []),
        (Role.ANALYST, ["转化漏斗", "订单", "经营标准"], ["客户", "导入文件", "操作记录", "成员"]),
        (Role.SERVICE, ["客户"], ["导入文件", "操作记录", "成员"]),
        (Role.AGENCY, ["客户", "导入文件", "操作记录"], ["成员"]),
    ],
)
def test_the_menu_holds_what_the_role_may_open(role, seen, unseen, as_, url):
    page = as_(role).get(url("menu")).content.decode()
    names = [words(n).split()[0] for n in re.findall(r'<span class="grow">(.*?)</span>', page, re.S)]
    assert set(seen) <= set(names) and not set(unseen) & set(names)
    assert "退出登录" in page and "数据与隐私" in names


def test_the_privacy_page_says_what_is_kept_and_how_it_leaves(client):
    text = words(client.get("/about").content.decode())
    for said in (
        "存了什么",
        "怎么保护",
        "AES-256-GCM",
        "怎么带走、怎么删除",
        "导出全部资料",
        "删除个人信息",
        "Apache-2.0",
        "Vega",
    ):
        assert said in text, said


# ── the charts' library ──────────────────────────────────────────────────


@pytest.fixture
def library(client) -> str:
    """The address of the library as a page names it."""
    found = re.search(r'data-vega-src="([^"]+)"', client.get("/gallery").content.decode())
    assert found
    return found[1]


def test_the_library_is_our_own_packed_and_kept_by_browsers(library):
    assert library == f"/ui/vega-{charts.version()}.js"
    packed = Client().get(library, headers={"Accept-Encoding": "gzip, br"})
    plain = Client().get(library)
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.content) == plain.content and len(packed.content) < 400_000
    assert b"window.vegaEmbed" in plain.content and packed.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in packed.headers["Cache-Control"] and packed.headers["Vary"] == "Accept-Encoding"


def test_another_build_of_it_is_not_found():
    assert Client().get("/ui/vega-000000000000.js").status_code == 404
    assert Client().get("/ui/vega-..%2f..%2fkeys.js").status_code == 404


def test_drawings_name_nothing_outside_this_server(client):
    page = client.get("/gallery").content.decode()
    drawings = [
        json.loads(html.unescape(x)) for x in re.findall(r'<script id="chart-\d+" type="application/json">(.*?)</script>', page)
    ]
    assert len(drawings) == 2
    for drawing in drawings:
        spec = {k: v for k, v in drawing["spec"].items() if k != "$schema"}
        assert "http" not in json.dumps(spec) and "url" not in json.dumps(spec)


def test_a_series_leaves_out_what_it_does_not_show():
    days = [charts.date(2026, 3, d) for d in (1, 2, 3)]
    bare = charts.series(days, [1, 2, 3], "单")
    styles = {layer["mark"].get("style") for layer in bare["spec"]["layer"]}
    assert styles == {None, "hover", "band"}
    full = charts.series(days, [1, None, 3], "率", previous=[1, 1, 1], line=0.5, line_words="警戒线 50%")
    styles = {layer["mark"].get("style") for layer in full["spec"]["layer"]}
    assert styles == {None, "hover", "band", "lone", "previous", "policy", "policyText"}
    assert [r["lone"] for r in full["data"]["rows"]] == [1.0, None, 3.0]
