"""The collector: events count once however often they come; what is not ours, too much or unreadable leaves nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhanggui.doors import collect as door
from zhanggui.doors.collect import views
from zhanggui.facts import network
from zhanggui.facts.commands import connections
from zhanggui.facts.models import Connection, Event, LakeDirty, Order, Shop
from zhanggui.kernel import clock

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SNIPPET = Path(door.__file__).parents[1] / "ui" / "static" / "ui" / "collect.js"
Send = Callable[..., Any]


@pytest.fixture(autouse=True)
def fresh() -> Any:
    """The clock stands; nobody has called yet."""
    views.per_collector.clear()
    views.per_visitor.clear()
    with clock.frozen(NOW):
        yield


@pytest.fixture
def collector() -> Connection:
    shop = Shop.objects.create(name="小店")
    return connections.connect(shop, "collector", "小程序", network.Secrets(), by="王")


@pytest.fixture
def send(collector: Connection, client: Client) -> Send:
    def post(events: Any, *, key: str | None = None, path: str = "/collect", body: bytes | None = None, **more: Any) -> Any:
        headers = {"X-Zhanggui-Key": collector.callback_key if key is None else key} if key != "" else {}
        raw = json.dumps({"events": events}).encode() if body is None else body
        return client.post(path, raw, content_type=more.pop("content_type", "application/json"), headers=headers, **more)

    return post


def event(n: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{n}", "ts": 1767225600000 - n, "kind": "product_view", "openid": "oABC", "session_id": "s1", "page_path": "pages/product/detail",
        "product_id": "370", "cq": "moments", "scene": "1007", "device": "ios", "region": "浙江", **more,
    }  # fmt: skip


def test_events_are_kept_with_what_they_say(send: Send, collector: Connection) -> None:
    answer = send([event(1), event(2, kind="add_to_cart", sku_id="2081"), event(3, kind="invite_open", referrer="oFRIEND")])
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3, "repeated": 0, "refused": []})
    view, cart, invite = Event.objects.order_by("-at")
    assert (view.kind, view.session, view.page, view.product_id, view.channel, view.scene, view.device) == (
        "product_view", "s1", "pages/product/detail", "370", "moments", "1007", "ios",
    )  # fmt: skip
    assert (cart.kind, cart.sku_id, cart.customer_id) == ("add_to_cart", "2081", view.customer_id)
    assert invite.referrer_id not in (None, view.customer_id)
    assert LakeDirty.objects.filter(shop=collector.shop, table="events").exists()
    collector.refresh_from_db()
    assert collector.last_push_at == NOW


def test_the_same_event_counts_once(send: Send) -> None:
    assert send([event(1), event(1)]).json() == {"accepted": 1, "repeated": 1, "refused": []}
    assert send([event(1), event(2)]).json() == {"accepted": 1, "repeated": 1, "refused": []}
    assert Event.objects.count() == 2


def test_fields_of_tomorrow_are_ignored_and_bad_rows_are_named(send: Send) -> None:
    rows = [
        event(1, color="red", nested={"a": [1]}),
        {"event_id": "x"},
        "no object",
        event(4, kind="dance"),
        event(5, openid=""),
        event(6, ts="2027-01-01"),
    ]
    answer = send(rows)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert [row["at"] for row in answer.json()["refused"]] == [1, 2, 3, 4, 5]
    assert all(row["reason"] for row in answer.json()["refused"])
    assert Event.objects.count() == 1


def test_a_payment_is_no_event_but_tells_how_its_buyer_came(send: Send, collector: Connection) -> None:
    Order.objects.create(shop=collector.shop, order_id="77", status="paid", created_at=NOW, paid_at=NOW, paid_fen=100)
    assert send([event(1, kind="pay", order_id="77")]).json()["accepted"] == 1
    assert not Event.objects.exists()
    assert Order.objects.get().channel == "moments"


def test_the_key_may_stand_in_the_address_or_in_a_beacon(send: Send, collector: Connection) -> None:
    assert send([event(1)], key="", path=f"/collect/{collector.callback_key}").json()["accepted"] == 1
    assert send([event(2)], path=f"/collect/{collector.callback_key}").json()["accepted"] == 1
    beacon = json.dumps({"key": collector.callback_key, "events": [event(3)]}).encode()
    assert send(None, key="", body=beacon, content_type="text/plain;charset=UTF-8").json()["accepted"] == 1
    assert Event.objects.count() == 3


@pytest.mark.parametrize("key", ["", "wrong-wrong-wrong-wrong", "短", "x" * 500])
def test_a_wrong_key_opens_nothing(send: Send, key: str) -> None:
    answer = send([event(1)], key=key.encode().decode("latin1"))
    assert answer.status_code == 403
    assert not Event.objects.exists()


def test_a_header_that_does_not_fit_the_address_is_refused_and_counted(send: Send, collector: Connection) -> None:
    answer = send([event(1)], key="wrong-wrong-wrong-wrong", path=f"/collect/{collector.callback_key}")
    assert answer.status_code == 403
    collector.refresh_from_db()
    assert collector.refused_pushes == 1
    assert not Event.objects.exists()


def test_another_kind_of_account_is_no_collector(send: Send, collector: Connection) -> None:
    Connection.objects.update(kind="store")
    assert send([event(1)]).status_code == 403
    assert not Event.objects.exists()


def test_a_closed_collector_takes_nothing(send: Send, collector: Connection) -> None:
    connections.disconnect(collector, "王")
    assert send([event(1)]).status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"events": 3}', b'{"events": {"a": 1}}', b"\xff\xfe", b'{"events": ["\\ud800"]}']
)
def test_what_is_unreadable_is_refused(send: Send, body: bytes) -> None:
    answer = send(None, body=body)
    assert answer.status_code == 400
    assert "events" in answer.json()["message"]
    assert not Event.objects.exists()


def test_too_much_at_once_is_refused(send: Send) -> None:
    assert send([event(n) for n in range(1001)]).status_code == 413
    assert send(None, body=b" " * ((1 << 20) + 1)).status_code == 413
    assert not Event.objects.exists()
    assert send([event(n) for n in range(1000)]).json()["accepted"] == 1000


def test_one_address_may_not_knock_without_end_and_is_told_when_to_come_back(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views.per_visitor, "limit", 3)
    answers = [send([event(n)], REMOTE_ADDR="8.8.8.8") for n in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert send([event(9)], REMOTE_ADDR="8.8.4.4").status_code == 200
    assert Event.objects.count() == 4


def test_one_collector_may_not_take_the_house(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views.per_collector, "limit", 2)
    assert [send([event(n)]).status_code for n in range(3)] == [200, 200, 429]
    assert Event.objects.count() == 2


def test_while_the_database_is_busy_the_page_is_told_to_send_again(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(views.commands, "record_events", locked)
    answer = send([event(1)])
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"


def test_any_page_may_call_without_cookies(client: Client, send: Send) -> None:
    asked = client.options(
        "/collect", headers={"Origin": "https://m.example.com", "Access-Control-Request-Headers": "x-zhanggui-key"}
    )
    assert asked.status_code == 204
    for answer in (asked, send([event(1)]), send([event(2)], key="wrong")):
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "X-Zhanggui-Key" in answer["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer
        assert not answer.cookies
    assert client.get("/collect").status_code == 405


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    [
        "event_id",
        "ts",
        "kind",
        "openid",
        "session_id",
        "page_path",
        "product_id",
        "cq",
        "referrer",
        "order_id",
        "region",
        "device",
    ]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=8).map(lambda odd: event() | odd), max_size=4))
def test_no_event_breaks_the_door(send: Send, rows: list[dict[str, Any]]) -> None:
    views.per_collector.clear()
    assert send(rows).status_code in (200, 400)


SCRIPT = """
const sent = [];
globalThis.localStorage = { held: {}, getItem(k) { return this.held[k]; }, setItem(k, v) { this.held[k] = v; } };
globalThis.location = { pathname: "/p/1", search: "?cq=moments" };
Object.defineProperty(globalThis, "navigator", { value: { userAgent: "iPhone" }, configurable: true });
globalThis.document = { addEventListener() {} };
const states = [503, 200];
globalThis.setTimeout = (work) => { queueMicrotask(work); return 1; };
globalThis.fetch = async (url, options) => { sent.push({ url, ...options }); return { status: states.shift() || 200, headers: { get: () => null } }; };
const zhanggui = require(process.argv[1]);
zhanggui.start({ url: "https://x/collect", key: "k" });
zhanggui.track("product_view", { product_id: 370 });
zhanggui.identify({ openid: "oABC" });
zhanggui.track("dance");
zhanggui.track("add_to_cart", { product_id: "370", sku_id: "2" });
setImmediate(() => setImmediate(() => console.log(JSON.stringify(sent))));
"""


def test_the_snippet_sends_what_the_door_takes_and_again_what_did_not_arrive(send: Send, collector: Connection) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here to run the snippet")
    ran = subprocess.run([node, "-e", SCRIPT, str(SNIPPET)], capture_output=True, text=True, check=True)
    calls = json.loads(ran.stdout)
    assert {c["url"] for c in calls} == {"https://x/collect"}
    assert calls[0]["headers"]["X-Zhanggui-Key"] == "k"
    assert calls[0]["credentials"] == "omit"
    batches = [json.loads(c["body"])["events"] for c in calls]
    first = {e["event_id"] for e in batches[0]}
    assert first <= {e["event_id"] for batch in batches[1:] for e in batch}, (
        "what met a busy house is sent again under the same ids"
    )
    with clock.frozen(datetime.now(UTC)):
        accepted = sum(send(batch).json()["accepted"] for batch in batches)
    kinds = sorted(Event.objects.values_list("kind", flat=True))
    assert kinds == ["add_to_cart", "page_view", "product_view"]
    assert accepted == 3
    assert set(Event.objects.values_list("channel", flat=True)) == {"moments"}
    assert Event.objects.values("session").distinct().count() == 1
