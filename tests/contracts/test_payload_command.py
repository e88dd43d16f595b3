"""`zhanggui payload` on the command line: what it prints and how it ends, without Django, settings or a database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from zhanggui.doors.cli.payload import payload
from zhanggui.wechat import crypto

ORDER = {
    "errcode": 0,
    "order": {
        "order_id": 3711111111111111111,
        "status": "20",
        "openid": "o",
        "create_time": 1767225600,
        "order_detail": {},
        "odd": 1,
    },
}
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def run(*args: str, given: bytes | None = None) -> Any:
    """The command's result."""
    return CliRunner().invoke(payload, list(args), input=given)


def write(path: Path, value: Any) -> str:
    """A file with a value in it."""
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return str(path)


def test_json_of_an_understood_file(tmp_path: Path) -> None:
    result = run("--json", write(tmp_path / "a.bin", ORDER))
    assert result.exit_code == 0, result.output
    data = json.loads(result.output)
    assert (data["understood"], data["kind"], data["side"], data["sure"]) == (True, "order.get", "response", "certain")
    assert data["values"]["order"]["order_id"] == "3711111111111111111"
    assert data["values"]["order"]["status"] == 20
    assert data["values"]["order"]["create_time"] == "2026-01-01T08:00:00+08:00"
    assert data["unknown_fields"] == ["order.odd"]


def test_words_for_people(tmp_path: Path) -> None:
    result = run(write(tmp_path / "a.json", ORDER))
    assert result.exit_code == 0
    for words in ("order.get", "订单详情", "确定", "不认识    order.odd", '"3711111111111111111"', "是带引号的数字"):
        assert words in result.output


def test_standard_input_and_names() -> None:
    assert run("-", given=json.dumps(ORDER).encode()).exit_code == 0
    assert run("-", "--as", "order/get", given=json.dumps(ORDER).encode()).exit_code == 0
    assert run("-", "--as", "coupon/get", given=json.dumps(ORDER).encode()).exit_code == 1


def test_several_files_end_badly_if_one_does(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a", ORDER), write(tmp_path / "b", b'{"hello": 1}')
    assert run(good, good).exit_code == 0
    result = run("--json", good, bad)
    assert result.exit_code == 1
    assert [row["understood"] for row in json.loads(result.output)] == [True, False]


def test_missing_files_are_said_so(tmp_path: Path) -> None:
    result = run(str(tmp_path / "nothing.json"))
    assert result.exit_code == 1
    assert "读不了文件" in result.output


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_envelope_is_verified_and_decrypted(tmp_path: Path, form: str) -> None:
    push = {
        "ToUserName": "gh",
        "FromUserName": "o",
        "CreateTime": 1,
        "MsgType": "event",
        "Event": "channels_ec_order_new",
        "order_info": {"order_id": 7},
    }
    box = crypto.seal(json.dumps(push).encode(), crypto.CallbackKeys("tok", KEY, "wx1"), timestamp="11", nonce="22")
    content: Any = (
        {"Encrypt": box["Encrypt"]} if form == "json" else f"<xml><Encrypt><![CDATA[{box['Encrypt']}]]></Encrypt></xml>".encode()
    )
    name = write(tmp_path / "e", content)
    options = [
        "--token",
        "tok",
        "--aes-key",
        KEY,
        "--app-id",
        "wx1",
        "--timestamp",
        "11",
        "--nonce",
        "22",
        "--signature",
        box["MsgSignature"],
    ]
    result = run("--json", name, *options)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["values"]["order_info"]["order_id"] == "7"
    for broken in (
        [*options[:-1], "0" * 40],
        [*options[:5], "wx2", *options[6:]],
        [*options[:3], "Z" * 43, *options[4:]],
        options[:2],
    ):
        result = run("--json", name, *broken)
        assert result.exit_code == 1, broken
        assert json.loads(result.output)["problems"]
        assert KEY not in result.output


def test_numbers_beyond_64_bits_survive_the_printing(tmp_path: Path) -> None:
    body = json.dumps(ORDER).encode().replace(b'"odd": 1', b'"odd": 123456789012345678901234567890')
    result = run("--json", write(tmp_path / "a", body))
    assert result.exit_code == 0
    assert json.loads(result.output)["values"]["order"]["odd"] == 123456789012345678901234567890


def test_it_runs_without_django(tmp_path: Path) -> None:
    name = write(tmp_path / "a.json", ORDER)
    code = f"import sys; sys.modules['django'] = None; sys.argv = ['payload', {name!r}]; from zhanggui.doors.cli.payload import payload; payload()"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO", "ZHANGGUI"))}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "order.get" in done.stdout
