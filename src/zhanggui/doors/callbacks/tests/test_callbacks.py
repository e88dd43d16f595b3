"""The platform's door: genuine pushes are kept and answered, everything else is refused, counted, and leaves nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhanggui.doors.callbacks.tests.conftest import APP, KEY, NOW, OLD_KEY, STAMP, TOKEN, event, keys, seal
from zhanggui.facts import commands, network
from zhanggui.facts.commands import connections, inbound
from zhanggui.facts.models import Connection, Inbound, Shop
from zhanggui.kernel import clock, vault
from zhanggui.kernel.models import Job
from zhanggui.wechat import crypto

pytestmark = pytest.mark.django_db
Push = Callable[..., Any]


@pytest.fixture(autouse=True)
def at_now() -> Any:
    """The house's clock stands at the moment of the pushes."""
    with clock.frozen(NOW):
        yield


def refused(store: Connection) -> int:
    store.refresh_from_db()
    return store.refused_pushes


def assert_nothing_kept() -> None:
    assert not Inbound.objects.exists()
    assert not Job.objects.exists()


# -- the address is checked ------------------------------------------------------------------------------------------------------


def test_the_address_check_of_shop_and_accounts_gets_its_echo(store: Connection, client: Client) -> None:
    query = {"signature": crypto.signature(TOKEN, STAMP, "7"), "timestamp": STAMP, "nonce": "7", "echostr": "4375120948345356249"}
    answer = client.get(connections.callback_path(store), query)
    assert (answer.status_code, answer.content) == (200, b"4375120948345356249")
    assert answer["Content-Type"].startswith("text/plain")


def test_the_address_check_of_wecom_is_decrypted(shop: Shop, client: Client) -> None:
    wecom = connections.connect(
        shop, "wecom", "ww0123456789", network.Secrets(secret="s"), callback_token=TOKEN, aes_key=KEY, by="王"
    )
    echo = crypto.encrypt(b"1616140317555161061", KEY, "ww0123456789")
    query = {"msg_signature": crypto.signature(TOKEN, STAMP, "7", echo), "timestamp": STAMP, "nonce": "7", "echostr": echo}
    answer = client.get(connections.callback_path(wecom), query)
    assert (answer.status_code, answer.content) == (200, b"1616140317555161061"), "no quotes, no BOM, no newline"


def test_a_forged_address_check_is_refused_and_counted(store: Connection, client: Client) -> None:
    query = {"signature": "0" * 40, "timestamp": STAMP, "nonce": "7", "echostr": "<script>"}
    answer = client.get(connections.callback_path(store), query)
    assert (answer.status_code, answer.content) == (403, b"forged")
    assert refused(store) == 1


def test_nobody_lives_at_an_address_that_was_never_given(store: Connection, push: Push, client: Client) -> None:
    body, query = seal(event())
    assert client.post("/callbacks/nobody", body, content_type="application/json", query_params=query).status_code == 404
    store.callback_key = "another"
    assert push(body, query, store).status_code == 404
    assert_nothing_kept()


def test_a_disconnected_account_takes_nothing_in(store: Connection, push: Push) -> None:
    body, query = seal(event())
    Connection.objects.update(state="off")
    assert push(body, query).status_code == 404
    assert_nothing_kept()


def test_other_methods_are_refused(store: Connection, client: Client) -> None:
    answer = client.put(connections.callback_path(store), b"{}")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, POST"


# -- pushes ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["json", "xml"])
def test_a_push_is_kept_sealed_and_answered(push: Push, store: Connection, shape: str) -> None:
    content = event(receiver_info={"phone": "13800138000"})
    answer = push(*seal(content, shape=shape))
    assert (answer.status_code, answer.content) == (200, b"success")
    row = Inbound.objects.get()
    assert (row.kind, row.entity_id, row.state, row.received_at) == ("channels_ec_order_pay", "3705115058471208928", "new", NOW)
    assert b"13800138000" not in bytes(row.body_sealed)
    assert json.loads(vault.unseal(row.body_sealed, shop_id=store.shop_id)) == content
    job = Job.objects.get()
    assert (job.name, job.shop_id, job.unique_key) == (inbound.JOB, store.shop_id, f"{inbound.JOB}:{store.shop_id}")
    store.refresh_from_db()
    assert (store.last_push_at, store.refused_pushes) == (NOW, 0)


def test_the_sheets_known_answer_is_taken_in(shop: Shop, client: Client) -> None:
    """The fact sheet's own vector, whose padding is longer than a common library undoes."""
    sealed = (
        "Q3stYC6hdFzMh9T8HCvyDILX3ZwECedF7muuWB/q+fEXisRCQkBbINwPVSNxvX2qzQh+Iu1VswyGRy+PhBPNMPMmQC9sg9WUOfHlpaZ0pPK0Wz7mOK0fRWpLdqFakTfgqMMVrcepGjErsuNH"
        "527ew/oa5iYqLXYwVVbkr+Qa11feXngIZ4kru3/3NaVTSNqd+jbF5lEsv2hEtPRU4uKXRaBEqcaRPQbzRDNUlpsVb7rsQjVnss3Uk4qEGV+2XGa5aYW2tzJjuKpA7N/b6fK/3mfTg+jD0rxab"
        "5+hsgaz9QxeQGi3QaA2zf98nKsuTXzumS3+7UpQt5Ujv7cGSyvsqg=="
    )
    row = Connection.objects.create(
        shop=shop, kind="store", account_id=APP, callback_key="vector",
        callback_token_sealed=vault.seal("zhanggui-token", shop_id=shop.pk), aes_key_sealed=vault.seal(KEY, shop_id=shop.pk),
    )  # fmt: skip
    query = {
        "signature": "a941f2e65c22fc707788effaeed959033430511f", "msg_signature": "50cc888355c059087f43fc97ac83a04b71a571d6",
        "timestamp": "1700000001", "nonce": "1234567890", "encrypt_type": "aes", "openid": "OPENID",
    }  # fmt: skip
    body = json.dumps({"ToUserName": "gh_test", "Encrypt": sealed})
    with clock.frozen(NOW.fromtimestamp(1700000002, NOW.tzinfo)):
        answer = client.post(f"/callbacks/{row.callback_key}", body, content_type="application/json", query_params=query)
    assert (answer.status_code, answer.content) == (200, b"success")
    assert Inbound.objects.get().entity_id == "3700000000000000001"


def test_wecom_is_answered_with_an_empty_body(shop: Shop, push: Push) -> None:
    wecom = connections.connect(
        shop, "wecom", "ww0123456789", network.Secrets(secret="s"), callback_token=TOKEN, aes_key=KEY, by="王"
    )
    content = (
        b"<xml><ToUserName>ww0123456789</ToUserName><FromUserName>sys</FromUserName><CreateTime>1767225600</CreateTime><MsgType>event</MsgType>"
        b"<Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType><UserID>li</UserID><ExternalUserID>wm1</ExternalUserID></xml>"
    )
    body, query = seal(content, shape="xml", by=keys(receiver="ww0123456789"))
    del query["encrypt_type"], query["signature"]
    answer = push(body, query, wecom)
    assert (answer.status_code, answer.content) == (200, b"")
    assert Inbound.objects.get().kind == "change_external_contact"


def test_the_same_push_again_is_one_row_and_a_success(push: Push) -> None:
    body, query = seal(event())
    assert {push(body, query).content for _ in range(3)} == {b"success"}
    assert push(*seal(event(), stamp=str(int(STAMP) + 20))).content == b"success", "the platform may sign each try anew"
    assert Inbound.objects.get().repeats == 3
    assert Job.objects.count() == 1


@pytest.mark.parametrize(("hours", "status"), [(3.7, 200), (-3.7, 200), (6.1, 403), (-6.1, 403), (24 * 365, 403)])
def test_a_repetition_hours_later_is_accepted_and_an_old_replay_is_not(
    push: Push, store: Connection, hours: float, status: int
) -> None:
    body, query = seal(event())
    with clock.frozen(NOW + timedelta(hours=hours)):
        answer = push(body, query)
    assert answer.status_code == status
    assert refused(store) == (status != 200)
    assert Inbound.objects.count() == (status == 200)


def test_while_keys_change_both_are_accepted_and_an_older_one_is_not(push: Push, store: Connection) -> None:
    connections.connect(store.shop, "store", APP, network.Secrets(), aes_key=OLD_KEY, by="王")
    assert push(*seal(event())).content == b"success", "sealed with the key before"
    assert push(*seal(event("channels_ec_order_new"), by=keys(OLD_KEY))).content == b"success"
    connections.rotate_callback(store, "王")
    answer = push(*seal(event("channels_ec_order_cancel")))
    assert (answer.status_code, answer.content) == (400, b"undecryptable")
    assert Inbound.objects.count() == 2


def test_a_kind_we_do_not_know_is_kept_and_acknowledged(push: Push, store: Connection) -> None:
    assert push(*seal(event("channels_ec_invented_tomorrow", order_info={"x": 1}))).content == b"success"
    strange = {"hello": "neither an event nor a message"}
    assert push(*seal(strange)).content == b"success"
    assert push(*seal(strange)).content == b"success"
    kinds = dict(Inbound.objects.values_list("kind", "repeats"))
    assert kinds == {"channels_ec_invented_tomorrow": 0, "unsupported": 1}
    row = Inbound.objects.get(kind="unsupported")
    assert json.loads(vault.unseal(row.body_sealed, shop_id=store.shop_id)) == strange
    assert refused(store) == 0


# -- refusals --------------------------------------------------------------------------------------------------------------------


def forged() -> tuple[bytes, dict[str, str]]:
    body, query = seal(event())
    return body, query | {"msg_signature": "0" * 40}


def changed() -> tuple[bytes, dict[str, str]]:
    body, query = seal(event())
    return body.replace(b'"Encrypt": "', b'"Encrypt": "AAAA'), query


def plain() -> tuple[bytes, dict[str, str]]:
    return json.dumps(event()).encode(), {"signature": crypto.signature(TOKEN, STAMP, "7"), "timestamp": STAMP, "nonce": "7"}


def pretended() -> tuple[bytes, dict[str, str]]:
    """An unsealed event that says it is sealed."""
    body, query = plain()
    return body, query | {"encrypt_type": "aes", "msg_signature": "0" * 40}


def bomb() -> tuple[bytes, dict[str, str]]:
    _, query = seal(event())
    return b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>', query


@pytest.mark.parametrize(
    ("made", "status", "why"),
    [
        (forged, 403, b"forged"), (changed, 403, b"forged"), (plain, 403, b"plain"), (pretended, 403, b"forged"), (bomb, 400, b"unreadable"),
        (lambda: seal(event(), by=keys(receiver="wxsomebodyelse")), 403, b"wrong_receiver"),
        (lambda: seal(event(), by=keys(token="guessedtoken")), 403, b"forged"),
        (lambda: seal(event(), by=keys(OLD_KEY)), 400, b"undecryptable"),
        (lambda: seal(b"no json at all"), 400, b"unreadable"),
        (lambda: (b"x" * ((1 << 20) + 1), seal(event())[1]), 413, b"oversized"),
        (lambda: (b"", {}), 400, b"unreadable"),
        (lambda: seal(event(), stamp="yesterday"), 403, b"stale"),
    ],
    ids=["forged", "changed", "plain", "pretended", "bomb", "another shop's", "another token", "another key", "no json", "oversized", "empty", "no time"],
)  # fmt: skip
def test_what_is_not_genuine_is_refused_counted_and_leaves_nothing(
    push: Push, store: Connection, made: Callable[[], tuple[bytes, dict[str, str]]], status: int, why: bytes
) -> None:
    answer = push(*made())
    assert (answer.status_code, answer.content) == (status, why)
    assert refused(store) == 1
    assert_nothing_kept()


def test_without_a_token_nobody_is_believed(push: Push, store: Connection) -> None:
    """An empty token is one that everybody can sign with."""
    Connection.objects.update(callback_token_sealed=None)
    answer = push(*seal(event(), by=keys(token="")))
    assert (answer.status_code, answer.content) == (503, b"unconfigured")
    assert refused(store) == 1
    assert_nothing_kept()


def test_without_a_key_the_platform_shall_come_again(push: Push, store: Connection) -> None:
    Connection.objects.update(aes_key_sealed=None)
    assert push(*seal(event())).status_code == 503
    assert_nothing_kept()


def test_plain_pushes_only_where_a_test_allows_them_and_signed_all_the_same(push: Push, settings: Any) -> None:
    settings.PLAIN_CALLBACKS = True
    body, query = plain()
    assert push(body, query | {"signature": "0" * 40}).status_code == 403
    assert_nothing_kept()
    assert push(body, query).content == b"success"
    assert Inbound.objects.get().kind == "channels_ec_order_pay"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=400),
    query=st.dictionaries(
        st.sampled_from(["timestamp", "nonce", "msg_signature", "signature", "encrypt_type"]), st.text(max_size=20)
    ),
)
def test_no_bytes_break_the_door(push: Push, body: bytes, query: dict[str, str]) -> None:
    assert push(body, query).status_code in (400, 403, 413)
    assert not Inbound.objects.exists()


# -- at once, whatever else is going on --------------------------------------------------------------------------------------------


def test_only_the_rows_needed_are_touched(push: Push) -> None:
    """One look at the account; then, in one transaction, the push, the account's sign of life and the job. No session, no user."""
    body, query = seal(event())
    with CaptureQueriesContext(connection) as seen:
        push(body, query)
    statements = [q["sql"] for q in seen.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    tables = [next(t for t in ("facts_connection", "facts_inbound", "kernel_job") if t in s) for s in statements]
    assert tables == ["facts_connection", "facts_inbound", "facts_connection", "kernel_job", "kernel_job"], statements


def test_nothing_of_a_push_is_logged(push: Push, store: Connection, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="zhanggui"), caplog.at_level(logging.DEBUG, logger="django.request"):
        push(*seal(event(receiver_info={"phone": "13800138000"})))
        push(*forged())
        push(*seal(b"13800138000"))
    for part in ("13800138000", "oABC", "3705115058471208928", store.callback_key, TOKEN, KEY):
        assert part not in caplog.text
    assert "forged" in caplog.text


@pytest.fixture
def inbox(tmp_path: Path, settings: Any) -> Path:
    settings.HOME = tmp_path
    return tmp_path / "inbox"


def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*args: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(inbound, "_store", locked)


def test_while_the_database_is_busy_pushes_are_kept_beside_it(
    push: Push, store: Connection, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "close_old_connections", lambda: None)
    with monkeypatch.context() as patch:
        busy(patch)
        body, query = seal(event(receiver_info={"phone": "13800138000"}))
        assert push(body, query).content == b"success"
        assert push(body, query).content == b"success"
        assert push(*seal(event("channels_ec_order_new"))).content == b"success"
        assert push(*forged()).status_code == 403
    assert_nothing_kept()
    kept = sorted(inbox.iterdir())
    assert [p.suffix for p in kept] == [".push", ".push"], "a repeated push is the same file, a forged one is none"
    for path in kept:
        assert path.stat().st_mode & 0o077 == 0
        assert b"13800138000" not in path.read_bytes()
    assert inbound.take_in_spooled() == 2
    assert list(inbox.iterdir()) == []
    assert sorted(Inbound.objects.values_list("kind", flat=True)) == ["channels_ec_order_new", "channels_ec_order_pay"]
    row = Inbound.objects.get(kind="channels_ec_order_pay")
    assert (row.received_at, row.platform_at, row.entity_id) == (NOW, NOW, "3705115058471208928")
    assert json.loads(vault.unseal(row.body_sealed, shop_id=store.shop_id))["Event"] == "channels_ec_order_pay"
    assert Job.objects.count() == 1


def test_a_push_that_also_came_in_the_usual_way_is_not_doubled(push: Push, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "close_old_connections", lambda: None)
    body, query = seal(event())
    with monkeypatch.context() as patch:
        busy(patch)
        push(body, query)
    push(body, query)
    assert inbound.take_in_spooled() == 1
    assert Inbound.objects.get().repeats == 1
    assert list(inbox.iterdir()) == []


def test_a_spoilt_file_is_set_aside_and_the_others_go_on(
    push: Push, store: Connection, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "close_old_connections", lambda: None)
    with monkeypatch.context() as patch:
        busy(patch)
        push(*seal(event()))
    (inbox / f"{store.pk}-abc.push").write_bytes(b"torn")
    (inbox / "99999999-abc.push").write_bytes(b"an account that is gone")
    assert inbound.take_in_spooled() == 1
    assert [p.name for p in inbox.iterdir()] == [f"{store.pk}-abc.unreadable"]
    assert Inbound.objects.count() == 1


def test_without_an_inbox_there_is_nothing_to_take_in(inbox: Path, db: None) -> None:
    assert inbound.take_in_spooled() == 0


def test_pushes_worked_through_are_kept_a_month(push: Push) -> None:
    for state, name in (
        ("done", "channels_ec_order_pay"),
        ("failed", "channels_ec_order_new"),
        ("new", "channels_ec_order_cancel"),
    ):
        push(*seal(event(name)))
        Inbound.objects.filter(kind=name).update(state=state)
    with clock.frozen(NOW + timedelta(days=30)):
        assert inbound.forget_old() == 0
    with clock.frozen(NOW + timedelta(days=31)):
        assert inbound.forget_old() == 1
    assert sorted(Inbound.objects.values_list("state", flat=True)) == ["failed", "new"]


def test_every_refusal_of_the_library_has_a_status() -> None:
    from zhanggui.doors.callbacks.views import STATUS

    words = {"forged", "oversized", "stale", "unreadable", "undecryptable", "plain", "wrong_receiver"}
    assert words < STATUS.keys()
    assert commands.receive is inbound.receive
