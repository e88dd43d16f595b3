"""Platform accounts on the desk: pasted, tested, pushed to, synced, disconnected; what was pasted is never seen again."""

from __future__ import annotations

import re

import pytest

from zhanggui.doors.desk.platforms import GUIDES
from zhanggui.doors.desk.tests import house
from zhanggui.facts import network
from zhanggui.facts.commands import connections as accounts
from zhanggui.facts.commands.connections import CheckResult
from zhanggui.facts.models import Connection, Order, SyncState
from zhanggui.kernel import clock, vault
from zhanggui.kernel.models import AuditEntry, Job, Role

pytestmark = pytest.mark.django_db
NEW = {
    "wecom": {"account_id": "ww0123456789abcdef", "secret": "wecom-secret-1", "agent_id": "1000002"},
    "official": {"account_id": "wxaaaaaaaaaaaaaaaa", "secret": "official-secret-1"},
    "mini": {"account_id": "wxbbbbbbbbbbbbbbbb", "secret": "mini-secret-1"},
    "ads": {"account_id": "25610001", "client_id": "111", "client_secret": "ads-secret-1", "refresh_token": "ads-refresh-1"},
    "collector": {"account_id": "小程序"},
}
GOOD = CheckResult("token", "账号与密钥", True, "凭证有效", "", "有了它才能读取其他一切")
OFF = CheckResult("members", "会员", False, "本店没有这个接口的权限", "在这里开通：店铺会员", "会员等级，用来按等级看复购")


@pytest.fixture
def platform(monkeypatch):
    """A platform that answers as it is told, and notes whom it was asked about."""

    class Platform:
        results: tuple[CheckResult, ...] = (GOOD,)
        asked: list[int] = []

        def check(self, connection):
            self.asked = [*self.asked, connection.pk]
            found = {r.name: {**r.__dict__, "at": "x"} for r in self.results}
            state = "failing" if any(r.name == "token" and not r.ok for r in self.results) else "ok"
            message = "账号与密钥：AppSecret 不对（请从后台重新复制）" if state == "failing" else ""
            Connection.objects.filter(pk=connection.pk).update(
                state=state, message=message, capabilities=found, checked_at=clock.now()
            )
            return self.results

    told = Platform()
    monkeypatch.setattr(accounts, "check", told.check)
    return told


def waiting(shop_id) -> set[str]:
    return {str(j.args.get("stream")) for j in Job.objects.filter(shop_id=shop_id, name="facts.sync", state="ready")}


def test_every_kind_of_account_has_a_guide():
    assert set(GUIDES) == set(Connection.Kind.values)
    known = set(network.Secrets.__dataclass_fields__) | {"account_id"}
    for guide in GUIDES.values():
        assert {box.name for box in guide.boxes} <= known, guide.kind
        assert guide.find and guide.brings


@pytest.mark.parametrize("kind", sorted(GUIDES))
def test_the_form_says_where_to_find_what(kind, mine, client, url):
    page = client.get(url("connection-new", kind)).content.decode()
    guide = GUIDES[kind]
    for box in guide.boxes:
        assert f'name="{box.name}"' in page
        if box.secret:
            assert re.search(rf'name="{box.name}" type="password"', page)
    assert guide.find[0] in page.replace("&quot;", '"')


@pytest.mark.parametrize("kind", sorted(NEW))
def test_an_account_is_connected_tested_and_first_synced(kind, mine, client, url, platform):
    answer = client.post(url("connection-new", kind), NEW[kind])
    row = Connection.objects.get(kind=kind)
    assert answer["Location"] == url("connection", row.pk)
    assert row.account_id == NEW[kind]["account_id"]
    if kind == "collector":
        assert platform.asked == []
        return
    assert platform.asked == [row.pk]
    kept = network.secrets_of(row)
    assert {n: getattr(kept, n) for n in NEW[kind] if n != "account_id"} == {
        n: v for n, v in NEW[kind].items() if n != "account_id"
    }
    assert waiting(mine.shop.pk)
    assert AuditEntry.objects.filter(verb="connection.connect", actor="laoban").count() == 1
    page = client.get(url("connection", row.pk)).content.decode()
    for secret in NEW[kind].values():
        assert secret not in page or secret == row.account_id or secret in {"111", "1000002"}


def test_a_wrong_secret_is_kept_told_and_nothing_is_synced(mine, client, url, platform):
    platform.results = (CheckResult("token", "账号与密钥", False, "AppSecret 不对", "请从后台重新复制", ""),)
    client.post(url("connection-new", "mini"), NEW["mini"])
    row = Connection.objects.get(kind="mini")
    assert (row.state, waiting(mine.shop.pk)) == ("failing", set())
    page = client.get(url("connection", row.pk)).content.decode()
    assert "有问题" in page and "AppSecret 不对" in page and "请从后台重新复制" in page


@pytest.mark.parametrize(
    ("kind", "sent", "words"),
    [
        ("mini", {"account_id": ""}, "没有填AppID"),
        ("mini", {"secret": " "}, "没有填AppSecret"),
        ("mini", {"account_id": "我的小程序"}, "不像是对的"),
        ("mini", {"secret": "密钥 有空格"}, "不该有的字符"),
        ("ads", {"refresh_token": ""}, "刷新令牌"),
        ("ads", {"account_id": "abcd"}, "一串数字"),
        ("collector", {"account_id": ""}, "没有填"),
    ],
)
def test_what_no_platform_gives_is_refused_and_secrets_are_not_echoed(kind, sent, words, mine, client, url, platform):
    before = house.everything()
    answer = client.post(url("connection-new", kind), {**NEW[kind], **sent})
    page = answer.content.decode()
    assert answer.status_code == 400 and words in page
    for name, value in NEW[kind].items():
        assert name in {"account_id", "client_id"} or value not in page
    assert house.everything() == before and platform.asked == []


def test_a_second_store_is_refused_and_the_same_one_points_to_its_page(mine, client, url, platform):
    before = house.everything()
    second = client.post(url("connection-new", "store"), {"account_id": "wxcccccccccccccccc", "secret": "x1"})
    assert second.status_code == 409 and "一家店只连一个" in second.content.decode()
    same = client.post(url("connection-new", "store"), {"account_id": mine.connection.account_id, "secret": "x1"})
    assert same.status_code == 400 and "已经连接过" in same.content.decode()
    assert house.everything() == before


def test_a_kind_that_does_not_exist_is_not_found(mine, client, url):
    assert client.get(url("connection-new", "taobao")).status_code == 404
    assert client.post(url("connection-new", "taobao"), {"account_id": "x"}).status_code == 404


def test_each_permission_says_what_it_is_for_and_what_to_do(mine, client, url, platform):
    platform.results = (GOOD, OFF, CheckResult("compass", "罗盘日数据", None, "平台一直没有回应", "", "用来核对"))
    assert client.post(url("connection-check", mine.connection.pk))["Location"] == url("connection", mine.connection.pk)
    page = client.get(url("connection", mine.connection.pk)).content.decode()
    for text in (OFF.title, OFF.purpose, OFF.message, OFF.remedy, "不能用", "可以用", "没测到"):
        assert text in page, text
    assert "1 项权限没有开通" in client.get(url("connections")).content.decode()


def test_the_secret_is_changed_alone_and_blanks_keep_the_rest(mine, client, url, platform):
    client.post(url("connection-new", "ads"), NEW["ads"])
    row = Connection.objects.get(kind="ads")
    answer = client.post(
        url("connection-secrets", row.pk), {"client_secret": "ads-secret-2", "client_id": "", "refresh_token": ""}
    )
    assert answer.status_code == 302
    row.refresh_from_db()
    kept = network.secrets_of(row)
    assert (kept.client_id, kept.client_secret, kept.refresh_token) == ("111", "ads-secret-2", "ads-refresh-1")
    assert platform.asked == [row.pk, row.pk]
    assert AuditEntry.objects.filter(verb="connection.change").count() == 1


def test_after_a_lost_key_everything_must_be_typed_again(mine, client, url, platform):
    blob = b"\x01\x00" + bytes(mine.connection.secret_sealed)[2:]
    Connection.objects.filter(pk=mine.connection.pk).update(secret_sealed=blob)
    before = house.everything()
    assert client.post(url("connection-secrets", mine.connection.pk), {"secret": ""}).status_code == 400
    assert house.everything() == before
    assert client.post(url("connection-secrets", mine.connection.pk), {"secret": "fresh-one"}).status_code == 302


def test_the_push_address_and_keys_are_shown_on_asking_and_written_down(mine, as_, url, settings):
    settings.PUBLIC_URL = "https://shop.example"
    client = as_(Role.OWNER)
    page = client.get(url("connection", mine.connection.pk)).content.decode()
    assert f"https://shop.example/callbacks/{mine.connection.callback_key}" in page
    assert "拒收 3 次" in " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "安全模式" in page and "没有设置外网地址" not in page
    shown = client.post(url("connection-keys", mine.connection.pk), headers={"HX-Request": "true"})
    assert house.TOKEN in shown.content.decode() and house.AES_KEY in shown.content.decode()
    assert house.SECRET not in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    assert AuditEntry.objects.get(verb="connection.keys").actor == "laoban"
    assert as_(Role.OPERATOR).post(url("connection-keys", mine.connection.pk)).status_code == 403
    assert AuditEntry.objects.filter(verb="connection.keys").count() == 1


def test_without_a_public_address_the_page_says_what_is_missing(mine, client, url, settings):
    settings.PUBLIC_URL = ""
    assert "没有设置外网地址" in client.get(url("connection", mine.connection.pk)).content.decode()


def test_a_rotated_key_leaves_the_old_one_in_force(mine, client, url):
    assert client.post(url("connection-rotate", mine.connection.pk)).status_code == 302
    row = Connection.objects.get(pk=mine.connection.pk)
    assert vault.unseal_text(row.previous_aes_key_sealed, shop_id=mine.shop.pk) == house.AES_KEY
    assert vault.unseal_text(row.aes_key_sealed, shop_id=mine.shop.pk) != house.AES_KEY
    assert "上一把密钥仍然有效" in client.get(url("connection", row.pk)).content.decode()


def test_disconnecting_removes_the_secrets_and_keeps_the_facts(mine, client, url, platform):
    orders = Order.objects.count()
    assert client.post(url("connection-disconnect", mine.connection.pk))["Location"] == url("connections")
    row = Connection.objects.get(pk=mine.connection.pk)
    assert (row.state, row.secret_sealed, row.aes_key_sealed, row.callback_token_sealed) == ("off", None, None, None)
    assert Order.objects.count() == orders
    for route in ("connection-check", "connection-sync"):
        assert client.post(url(route, row.pk)).status_code == 400
    assert waiting(mine.shop.pk) == set() and platform.asked == []
    page = client.get(url("connection", row.pk)).content.decode()
    assert "已断开" in page and "重新连接" in page and "/callbacks/" not in page
    assert client.post(url("connection-secrets", row.pk), {"secret": "again-1"}).status_code == 302
    row.refresh_from_db()
    assert row.state == "ok" and waiting(mine.shop.pk)


def test_a_disconnected_account_may_be_connected_from_the_start(mine, client, url, platform):
    client.post(url("connection-disconnect", mine.connection.pk))
    assert url("connection-new", "store") in client.get(url("connections")).content.decode()
    sent = {"account_id": mine.connection.account_id, "secret": "again-1"}
    assert client.post(url("connection-new", "store"), sent)["Location"] == url("connection", mine.connection.pk)
    assert Connection.objects.filter(shop=mine.shop, kind="store").count() == 1


def test_a_sync_is_asked_for_once(mine, as_, url):
    operator = as_(Role.OPERATOR)
    assert operator.post(url("connection-sync", mine.connection.pk)).status_code == 302
    asked = waiting(mine.shop.pk)
    assert {"orders", "aftersales", "products"} <= asked
    jobs = Job.objects.filter(name="facts.sync").count()
    operator.post(url("sync-now"))
    assert Job.objects.filter(name="facts.sync").count() == jobs
    assert AuditEntry.objects.filter(verb="sync.ask", actor="operator-er").exists()


def test_the_state_of_every_stream_is_told_while_it_runs(mine, client, url):
    SyncState.objects.filter(connection=mine.connection).update(state="running", done=30, total=120, message="下单时间 8 月")
    SyncState.objects.create(
        shop=mine.shop,
        connection=mine.connection,
        stream="members",
        state="off",
        message="本店没有这个接口的权限",
        finished_at=clock.now(),
    )
    client.post(url("sync-now"))
    for page in (
        client.get(url("connections")).content.decode(),
        client.get(url("connection", mine.connection.pk)).content.decode(),
    ):
        assert 'hx-trigger="every' in page
        assert 'max="120" value="30"' in page and "下单时间 8 月" in page
        assert "不可用" in page and "本店没有这个接口的权限" in page


def test_a_comparison_with_the_platform_is_told(mine, client, url):
    SyncState.objects.filter(connection=mine.connection).update(
        checks={"ok": False, "words": "08-01 到 08-07：平台 12 单，本地 11 单，仍有差别"}
    )
    assert "对账：08-01 到 08-07：平台 12 单，本地 11 单" in client.get(url("connection", mine.connection.pk)).content.decode()


def test_a_collector_gets_an_address_and_a_key(mine, client, url, settings):
    settings.PUBLIC_URL = "https://shop.example"
    client.post(url("connection-new", "collector"), NEW["collector"])
    row = Connection.objects.get(kind="collector")
    page = client.get(url("connection", row.pk)).content.decode()
    assert "https://shop.example/collect" in page and row.callback_key not in page
    shown = client.post(url("connection-keys", row.pk), headers={"HX-Request": "true"}).content.decode()
    assert row.callback_key in shown and "X-Zhanggui-Key" in shown
    client.post(url("connection-rotate", row.pk))
    row.refresh_from_db()
    assert row.callback_key not in shown


def test_who_may_not_connect_sees_the_state_and_no_form(mine, as_, url):
    browser = as_(Role.ANALYST)
    page = browser.get(url("connections")).content.decode()
    assert "微信小店" in page and "可以连接" not in page and url("sync-now") not in page
    one = browser.get(url("connection", mine.connection.pk)).content.decode()
    assert "已连通" in one and "/callbacks/" not in one and 'type="password"' not in one


def test_an_empty_shop_is_shown_what_can_be_connected(mine, client, url):
    Connection.objects.all().delete()
    page = client.get(url("connections")).content.decode()
    for guide in GUIDES.values():
        assert url("connection-new", guide.kind) in page
