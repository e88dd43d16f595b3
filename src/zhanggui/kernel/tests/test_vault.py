"""Sealing: opens for the right shop and key, for nobody else, and goes on after a change of keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.kernel import vault
from zhanggui.kernel.errors import Unconfigured


@pytest.fixture(autouse=True)
def key(settings: Any) -> None:
    settings.VAULT_KEY, settings.PREVIOUS_VAULT_KEYS = "first key", []


@given(st.binary(max_size=2000), st.integers(0, 2**40))
def test_what_is_sealed_opens_again(content: bytes, shop: int) -> None:
    assert vault.unseal(vault.seal(content, shop_id=shop), shop_id=shop) == content


def test_a_text_opens_as_text_and_nothing_is_empty() -> None:
    assert vault.unseal_text(vault.seal("张三", shop_id=1), shop_id=1) == "张三"
    assert vault.unseal_text(None, shop_id=1) == ""


def test_the_same_text_never_looks_the_same_and_shows_nothing() -> None:
    one, two = vault.seal("13800138000", shop_id=1), vault.seal("13800138000", shop_id=1)
    assert one != two
    assert b"138" not in one


def test_long_content_is_compressed() -> None:
    assert len(vault.seal("很长的地址" * 400, shop_id=1)) < 400


def test_it_does_not_open_in_another_shop() -> None:
    with pytest.raises(vault.Unopenable):
        vault.unseal(vault.seal("secret", shop_id=1), shop_id=2)


@pytest.mark.parametrize("at", [0, 1, 5, 20, -1])
def test_one_changed_byte_is_noticed(at: int) -> None:
    blob = bytearray(vault.seal("secret", shop_id=1))
    blob[at] ^= 1
    with pytest.raises(vault.Unopenable):
        vault.unseal(bytes(blob), shop_id=1)


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x07" + bytes(60), bytes(200)])
def test_what_was_never_sealed_does_not_open(blob: bytes) -> None:
    with pytest.raises(vault.Unopenable):
        vault.unseal(blob, shop_id=1)


def test_after_a_change_of_keys_the_old_content_opens_and_is_known_as_old(settings: Any) -> None:
    old = vault.seal("secret", shop_id=1)
    assert vault.is_current(old)
    before = vault.fingerprint("13800138000", shop_id=1)
    settings.VAULT_KEY, settings.PREVIOUS_VAULT_KEYS = "second key", ["first key"]
    assert vault.unseal(old, shop_id=1) == b"secret"
    assert not vault.is_current(old)
    assert vault.is_current(vault.seal("secret", shop_id=1))
    assert vault.fingerprints("13800138000", shop_id=1)[1] == before != vault.fingerprint("13800138000", shop_id=1)
    settings.PREVIOUS_VAULT_KEYS = []
    with pytest.raises(vault.Unopenable):
        vault.unseal(old, shop_id=1)


def test_without_a_key_nothing_is_sealed(settings: Any) -> None:
    settings.VAULT_KEY = ""
    with pytest.raises(Unconfigured):
        vault.seal("secret", shop_id=1)


def test_fingerprints_agree_within_a_shop_only() -> None:
    assert vault.fingerprint("a", shop_id=1) == vault.fingerprint("a", shop_id=1)
    assert vault.fingerprint("a", shop_id=1) != vault.fingerprint("a", shop_id=2)
    assert vault.fingerprint("a", shop_id=1) != vault.fingerprint("b", shop_id=1)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("+86 138-0013-8000", "13800138000"), ("0086 13800138000", "13800138000"), ("13800138000", "13800138000"), ("010-88886666", "01088886666"),
     ("138****8000", ""), ("", ""), ("12", ""), ("无", "")],
)  # fmt: skip
def test_phones_in_one_form(written: str, meant: str) -> None:
    assert vault.normalise_phone(written) == meant


def test_masks_hide_the_middle() -> None:
    assert vault.mask_phone("13800138000") == "138****8000"
    assert vault.mask_phone("1234") == "****"
    assert vault.mask_phone("138****8000") == "138****8000"
    assert vault.mask_name("张三丰") == "张**"
    assert vault.mask_name("") == ""
    assert vault.mask_address("浙江省杭州市西湖区文三路 1 号") == "浙江省杭州市****"
    assert vault.mask_address("短地址") == "短****"
