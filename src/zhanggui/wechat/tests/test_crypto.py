"""Known answers of signatures and AES, from the fact sheets, and that nothing but the right key opens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhanggui.wechat import crypto
from zhanggui.wechat.errors import CallbackAnomalous, ConfigurationError

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
MESSAGE = (
    b'{"ToUserName":"gh_test","FromUserName":"OPENID","CreateTime":1700000000,"MsgType":"event","Event":"channels_ec_order_pay",'
    b'"order_info":{"order_id":"3700000000000000001","pay_time":1700000000}}'
)
SEALED = (
    "Q3stYC6hdFzMh9T8HCvyDILX3ZwECedF7muuWB/q+fEXisRCQkBbINwPVSNxvX2qzQh+Iu1VswyGRy+PhBPNMPMmQC9sg9WUOfHlpaZ0pPK0Wz7mOK0fRWpLdqFakTfgqMMVrcepGjErsuNH"
    "527ew/oa5iYqLXYwVVbkr+Qa11feXngIZ4kru3/3NaVTSNqd+jbF5lEsv2hEtPRU4uKXRaBEqcaRPQbzRDNUlpsVb7rsQjVnss3Uk4qEGV+2XGa5aYW2tzJjuKpA7N/b6fK/3mfTg+jD0rxab"
    "5+hsgaz9QxeQGi3QaA2zf98nKsuTXzumS3+7UpQt5Ujv7cGSyvsqg=="
)
KEYS = crypto.CallbackKeys(token="zhanggui-token", aes_key=KEY, receiver="wx0123456789abcdef")


@pytest.mark.parametrize(
    ("stamp", "nonce", "expected"),
    [
        ("1714036504", "1514711492", "f464b24fc39322e44b38aa78f5edd27bd1441696"),
        ("1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ],
)
def test_plain_signature_known_answers(stamp: str, nonce: str, expected: str) -> None:
    assert crypto.signature("AAAAA", stamp, nonce) == expected


def test_sheet_vector_both_ways() -> None:
    assert len(MESSAGE) == 192
    assert crypto.encrypt(MESSAGE, KEY, "wx0123456789abcdef", random16=b"0123456789abcdef") == SEALED
    assert crypto.decrypt(SEALED, KEY) == (MESSAGE, "wx0123456789abcdef")
    assert crypto.signature("zhanggui-token", "1700000001", "1234567890", SEALED) == "50cc888355c059087f43fc97ac83a04b71a571d6"
    assert crypto.signature("zhanggui-token", "1700000001", "1234567890") == "a941f2e65c22fc707788effaeed959033430511f"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_is_sealed_opens_again(message: bytes, receiver: str) -> None:
    assert crypto.decrypt(crypto.encrypt(message, KEY, receiver), KEY) == (message, receiver)


def test_previous_key_is_tried_second() -> None:
    new = "Z" * 43
    keys = crypto.CallbackKeys(token="t", aes_key=new, receiver="wx0123456789abcdef", previous_aes_key=KEY)
    assert crypto.open_sealed(SEALED, keys)[0] == MESSAGE
    with pytest.raises(CallbackAnomalous) as caught:
        crypto.open_sealed(SEALED, crypto.CallbackKeys(token="t", aes_key=new, receiver="wx0123456789abcdef"))
    assert caught.value.why == "undecryptable"


def test_another_receiver_is_refused() -> None:
    with pytest.raises(CallbackAnomalous) as caught:
        crypto.open_sealed(SEALED, crypto.CallbackKeys(token="t", aes_key=KEY, receiver="wxsomebodyelse"))
    assert caught.value.why == "wrong_receiver"
    keys = crypto.CallbackKeys(token="t", aes_key=KEY, receiver="wxsomebodyelse", other_receivers=("wx0123456789abcdef",))
    assert crypto.open_sealed(SEALED, keys)[1] == "wx0123456789abcdef"


@pytest.mark.parametrize("key", ["", "short", "!" * 43, KEY + "x"])
def test_a_wrong_key_is_a_configuration_error(key: str) -> None:
    with pytest.raises(ConfigurationError):
        crypto.decode_aes_key(key)


@given(st.text(max_size=300))
def test_no_text_breaks_the_decryption(text: str) -> None:
    with pytest.raises(CallbackAnomalous):
        crypto.decrypt(text, KEY)


def test_one_flipped_bit_is_noticed_or_changes_only_the_message() -> None:
    flipped = ("R" if SEALED[0] != "R" else "S") + SEALED[1:]
    with pytest.raises(CallbackAnomalous):
        message, receiver = crypto.decrypt(flipped, KEY)
        if message != MESSAGE or receiver == "wx0123456789abcdef":
            # The first block is random padding text; a change there cannot be seen by the cipher, only by the signature.
            raise CallbackAnomalous("x", why="undecryptable")


def test_url_checks() -> None:
    query = {"signature": crypto.signature("zhanggui-token", "1", "2"), "timestamp": "1", "nonce": "2", "echostr": "4375"}
    assert crypto.answer_url_check(query, KEYS) == "4375"
    echo = crypto.encrypt(b"8888", KEY, "wx0123456789abcdef")
    query = {"msg_signature": crypto.signature("zhanggui-token", "1", "2", echo), "timestamp": "1", "nonce": "2", "echostr": echo}
    assert crypto.answer_url_check(query, KEYS) == "8888"
    for wrong in ({}, {**query, "nonce": "3"}, {"signature": "x", "timestamp": "1", "nonce": "2", "echostr": "1"}):
        with pytest.raises(CallbackAnomalous):
            crypto.answer_url_check(wrong, KEYS)


def test_jssdk_signature_leaves_the_fragment_out() -> None:
    bare = crypto.jssdk_signature("TICKET", "NONCE", 1414587457, "https://example.com/?a=1")
    assert bare == crypto.jssdk_signature("TICKET", "NONCE", "1414587457", "https://example.com/?a=1#here")
    assert len(bare) == 40


def test_keys_do_not_show() -> None:
    assert KEY not in repr(KEYS)
    assert "zhanggui-token" not in repr(KEYS)
