"""Platform accounts: connected with what a platform gives and nothing else, tested for real, and silent about their secrets."""

from __future__ import annotations

import io
import logging

import pytest

from zhanggui.emulator.testing import small
from zhanggui.facts import commands, network
from zhanggui.facts.commands import connections
from zhanggui.facts.models import Connection, Shop, StoredToken, SyncState
from zhanggui.facts.network import Secrets
from zhanggui.facts.permissions import BY_NAME, GRANTABLE
from zhanggui.kernel import vault
from zhanggui.kernel.errors import BadInput, Conflict, NotFound, Unconfigured, ZhangguiError
from zhanggui.kernel.models import AuditEntry, Job
from zhanggui.wechat.crypto import decode_aes_key

pytestmark = pytest.mark.django_db
SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="试验店")


def connect(shop: Shop, kind: str = "store", account: str = "wx0123456789abcdef", **more) -> Connection:
    secrets = more.pop("secrets", Secrets(secret=SECRET))
    return commands.connect(shop, kind, account, secrets, by="店主", **more)


def test_secrets_are_sealed_and_never_shown(shop, caplog):
    caplog.set_level(logging.DEBUG)
    row = connect(shop, secrets=Secrets(secret=f"  {SECRET}\n"))
    assert (row.state, row.kind, row.account_id) == ("new", "store", "wx0123456789abcdef")
    assert SECRET.encode() not in bytes(row.secret_sealed)
    assert network.secrets_of(row).secret == SECRET
    told = [repr(row), str(row), repr(network.secrets_of(row)), *AuditEntry.objects.values_list("sentence", flat=True)]
    told += [str(v) for v in Connection.objects.values().get().values() if not isinstance(v, bytes | memoryview)]
    assert not [text for text in [*told, caplog.text] if SECRET in text]
    assert AuditEntry.objects.get().verb == "connection.connect" and not Job.objects.exists()


def test_push_keys_are_made_and_kept(shop):
    row = connect(shop)
    token = vault.unseal_text(row.callback_token_sealed, shop_id=shop.pk)
    key = vault.unseal_text(row.aes_key_sealed, shop_id=shop.pk)
    assert len(token) == 32 and token.isalnum() and len(decode_aes_key(key)) == 32 and key.isalnum()
    assert commands.callback_path(row) == f"/callbacks/{row.callback_key}" and len(row.callback_key) >= 40
    again = connect(shop, secrets=Secrets(secret="f" * 32))
    assert again.pk == row.pk and again.callback_key == row.callback_key and again.previous_aes_key_sealed is None
    assert vault.unseal_text(again.callback_token_sealed, shop_id=shop.pk) == token
    assert network.secrets_of(again).secret == "f" * 32
    assert list(AuditEntry.objects.order_by("id").values_list("verb", flat=True)) == ["connection.connect", "connection.change"]


def test_without_secrets_the_stored_ones_stay(shop):
    connect(shop)
    fresh = connections.new_aes_key()
    row = connect(shop, secrets=Secrets(), callback_token="abc123", aes_key=fresh)
    assert network.secrets_of(row).secret == SECRET
    assert vault.unseal_text(row.callback_token_sealed, shop_id=shop.pk) == "abc123"
    assert vault.unseal_text(row.aes_key_sealed, shop_id=shop.pk) == fresh and row.previous_aes_key_sealed is not None


@pytest.mark.parametrize(
    ("kind", "account", "secrets", "more"),
    [
        ("shop", "wx0123456789abcdef", Secrets(secret=SECRET), {}),
        ("store", "", Secrets(secret=SECRET), {}),
        ("store", "0123456789abcdef", Secrets(secret=SECRET), {}),
        ("store", "wx 123; drop", Secrets(secret=SECRET), {}),
        ("wecom", "1000002", Secrets(secret=SECRET), {}),
        ("ads", "wx0123456789abcdef", Secrets(client_secret=SECRET), {}),
        ("store", "wx0123456789abcdef", Secrets(), {}),
        ("store", "wx0123456789abcdef", Secrets(secret="密钥"), {}),
        ("store", "wx0123456789abcdef", Secrets(secret="two words"), {}),
        ("store", "wx0123456789abcdef", Secrets(secret="x" * 513), {}),
        ("store", "wx0123456789abcdef", Secrets(secret=SECRET), {"callback_token": "a b"}),
        ("store", "wx0123456789abcdef", Secrets(secret=SECRET), {"aes_key": "short"}),
    ],
)
def test_what_no_platform_gives_is_refused_and_nothing_is_written(shop, kind, account, secrets, more):
    with pytest.raises(ZhangguiError) as refused:
        connect(shop, kind, account, secrets=secrets, **more)
    assert isinstance(refused.value, BadInput | Unconfigured)
    assert SECRET not in str(refused.value) and "two words" not in str(refused.value)
    assert not Connection.objects.exists() and not AuditEntry.objects.exists()


def test_a_shop_has_one_store_and_may_have_several_articles_accounts(shop):
    connect(shop)
    with pytest.raises(Conflict, match="wx0123456789abcdef"):
        connect(shop, account="wxffffffffffffffff")
    assert Connection.objects.count() == 1
    connect(shop, "official", "wxaaaaaaaaaaaaaaaa")
    connect(shop, "official", "wxbbbbbbbbbbbbbbbb")
    connect(Shop.objects.create(name="别家"), account="wxffffffffffffffff")
    commands.disconnect(Connection.objects.get(shop=shop, kind="store"), "店主")
    assert connect(shop, account="wxffffffffffffffff").state == "new"
    with pytest.raises(Conflict):
        connect(shop)  # the old one does not come back beside the new one


def test_disconnecting_forgets_every_secret_at_once(shop):
    row = connect(shop)
    StoredToken.objects.create(key=f"{shop.pk}:app:{row.account_id}:abc", token_sealed=b"x")
    StoredToken.objects.create(key=f"{shop.pk}:app:wxother:abc", token_sealed=b"x")
    path = commands.callback_path(row)
    gone = commands.disconnect(row, "店主")
    assert gone.state == "off" and commands.callback_path(gone) != path
    for name in ("secret_sealed", "callback_token_sealed", "aes_key_sealed", "previous_aes_key_sealed"):
        assert getattr(gone, name) is None
    assert list(StoredToken.objects.values_list("key", flat=True)) == [f"{shop.pk}:app:wxother:abc"]
    for refused in (commands.check, lambda c: commands.rotate_callback(c, "店主")):
        with pytest.raises(Conflict):
            refused(gone)
    back = connect(shop)
    assert back.pk == gone.pk and back.state == "new" and back.callback_token_sealed is not None


def test_a_new_push_key_leaves_the_old_one_valid_for_a_while(shop):
    row = connect(shop)
    old = vault.unseal_text(row.aes_key_sealed, shop_id=shop.pk)
    fresh = commands.rotate_callback(row, "店主")
    assert vault.unseal_text(fresh.previous_aes_key_sealed, shop_id=shop.pk) == old
    assert vault.unseal_text(fresh.aes_key_sealed, shop_id=shop.pk) != old
    assert fresh.callback_key == row.callback_key, "the address stays: the platform would have to be told"
    assert AuditEntry.objects.filter(verb="connection.rotate").count() == 1


def test_a_collector_has_a_key_of_its_own(shop):
    row = commands.connect(shop, "collector", "小程序", Secrets(), by="店主")
    assert row.state == "ok" and vault.unseal_text(row.callback_token_sealed, shop_id=shop.pk) == row.callback_key
    fresh = commands.rotate_callback(row, "店主")
    assert fresh.callback_key != row.callback_key and commands.check(fresh) == ()


# -- testing ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["store", "wecom", "mini", "official", "ads"])
def test_everything_granted_is_found_to_be_granted(platform, kind):
    row = platform.connect(kind)
    results = commands.check(row)
    by_name = {r.name: r for r in results}
    assert set(by_name) - {"push"} == {"token", *(p.name for p in GRANTABLE[kind])}
    assert all(r.ok for name, r in by_name.items() if name != "push"), results
    assert all(r.purpose and r.title for r in results)
    row.refresh_from_db()
    assert row.state == "ok" and row.message == "" and row.checked_at is not None
    assert commands.checks_of(row) == results
    if "push" in by_name:
        assert by_name["push"].ok is None and "EncodingAESKey" in by_name["push"].remedy
    assert not SyncState.objects.exists() and not Job.objects.exists(), "a test reads nothing into the books"


def test_a_wrong_secret_is_said_before_anything_else(platform):
    row = platform.connect(secret="not-the-secret-of-this-shop")
    results = commands.check(row)
    row.refresh_from_db()
    assert results[0].name == "token" and results[0].ok is False and "AppSecret" in results[0].remedy
    assert {r.ok for r in results[1:]} == {None}
    assert row.state == "failing" and "AppSecret" in row.message
    assert "not-the-secret" not in str(results) + row.message
    platform.connect()
    commands.check(row)
    assert row.state == "ok"


class TestRefusals:
    @pytest.fixture
    def platform_config(self):
        return small(orders=100, days=10, closed_paths=("/channels/ec/funds/getfundsflowlist", "/channels/ec/order/list/get"))

    def test_what_is_missing_is_named_with_where_to_get_it(self, platform):
        row = platform.connect()
        refused = {r.name: r for r in commands.check(row) if r.ok is False}
        assert set(refused) == {"fund_flows", "orders"}
        assert all("微信小店后台" in r.remedy and "没有这个接口的权限" in r.message for r in refused.values())
        assert row.state == "failing" and "订单" in row.message, "without orders the account is of no use"
        platform.emu.control("settings", {"closed_paths": ["/channels/ec/funds/getfundsflowlist"]})
        assert [r.name for r in commands.check(row) if r.ok is False] == ["fund_flows"]
        assert row.state == "ok", "without the flows of money it is"


def test_an_account_with_nothing_in_it_is_granted_all_the_same(platform):
    platform.emu.control(
        "faults",
        {"kind": "errcode", "errcode": 10021069, "errmsg": "ds out of range", "path": "api.weixin.qq.com/channels/ec/compass/*"},
    )
    row = platform.connect()
    assert {r.name: r.ok for r in commands.check(row)}["compass"] is True


def test_a_silent_platform_ends_the_test_in_time(platform, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 0.4)
    platform.emu.control("faults", {"kind": "delay", "path": "api.weixin.qq.com/channels/*", "ms": 3000})
    row = platform.connect()
    results = commands.check(row)
    assert results[0].ok is True and {r.ok for r in results[1:]} == {None}
    assert "没有回应" in results[1].message and row.state == "failing"


def test_a_line_that_is_down_is_no_refusal(platform, settings):
    row = platform.connect()
    settings.WECHAT_HOSTS = {**settings.WECHAT_HOSTS, "api.weixin.qq.com": "http://127.0.0.1:9/api.weixin.qq.com"}
    network.hang_up()
    results = commands.check(row)
    assert results[0].ok is None and row.state == "failing" and "连不上" in row.message


def test_a_key_that_opens_nothing_is_said(platform):
    row = platform.connect()
    Connection.objects.filter(pk=row.pk).update(secret_sealed=b"\x01\x00" + b"x" * 40)
    results = commands.check(row)
    assert results[0].ok is False and "ZHANGGUI_VAULT_KEY" in results[0].remedy


def test_a_connection_that_is_gone(shop):
    row = connect(shop)
    Connection.objects.all().delete()
    with pytest.raises(NotFound):
        commands.check(row)


def test_every_permission_has_words():
    assert len(BY_NAME) == sum(len(some) for some in GRANTABLE.values())
    for one in BY_NAME.values():
        assert one.title and one.purpose and one.where


def test_nothing_is_printed(shop, capsys):
    stream = io.StringIO()
    print(connect(shop), Secrets(secret=SECRET), file=stream)
    assert SECRET not in stream.getvalue() + capsys.readouterr().out
