"""`zhanggui payload`: how the client reads a payload, for integrators. Needs no database and no settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import orjson

from zhanggui.wechat.crypto import CallbackKeys
from zhanggui.wechat.payloads import Report, examine
from zhanggui.wechat.schemas.base import dumps

_SURE = {"given": "指定", "certain": "确定", "likely": "很可能", "guess": "猜测"}
_SIDE = {"request": "请求", "response": "回复", "event": "推送"}
_MORE = """\b
--json 的字段（一个文件是一个对象，多个文件是对象的列表，顺序与参数相同）：
  file            文件名
  understood      是否读懂；全部为 true 时退出码为 0，否则为 1（参数写错为 2）
  kind            接口名（order.get）、事件名（channels_ec_order_pay）、
                  message:类型、error（错误回复）、ok（空的成功回复）或 mixed
  side            request、response 或 event
  title, path     中文名；方法与路径
  sure            given 指定、certain 确定、likely 很可能、guess 猜测
  score           属于这个 kind 的字段占比，0 到 1
  values          归一后的值：标识是文字，金额是整数分，时间是带时区的
                  ISO 8601（+08:00），是/否是 true/false；没来的字段不出现，
                  不认识的字段照原样；错误回复是 errcode、errmsg、meaning、
                  remedy、reaction；推送另有 entity_id 和 dedup_key
  unknown_fields  不认识的字段的路径
  problems        读不懂的原因
  notes           写法上的差异、解密和修补的说明
  also_fits       同样吻合的其他接口
"""


@click.command("payload", epilog=_MORE)
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--as",
    "as_kind",
    default="",
    metavar="接口或事件",
    help="指明是什么，如 order.get、/channels/ec/order/get、order.get.request、channels_ec_order_pay",
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON，字段见下")
@click.option("--token", default="", help="消息推送的 Token")
@click.option("--aes-key", default="", help="EncodingAESKey（43 位）")
@click.option("--app-id", default="", help="AppID、CorpID 或 SuiteID，用来核对接收方")
@click.option("--signature", default="", help="msg_signature（明文推送则为 signature）")
@click.option("--timestamp", default="", help="URL 里的 timestamp")
@click.option("--nonce", default="", help="URL 里的 nonce")
def payload(
    files: tuple[str, ...],
    as_kind: str,
    as_json: bool,
    token: str,
    aes_key: str,
    app_id: str,
    signature: str,
    timestamp: str,
    nonce: str,
) -> None:
    """说明系统怎样读一段微信的内容（接口的请求或回复、推送的事件；JSON 或 XML；- 为标准输入）。

    打印归一后的值、不认识的字段和问题。给出 --token --aes-key 等则先验签、解密。全部读懂时退出码为 0，否则为 1。
    """
    keys = CallbackKeys(token=token, aes_key=aes_key, receiver=app_id) if (token or aes_key) else None
    query = {"msg_signature": signature, "signature": signature, "timestamp": timestamp, "nonce": nonce}
    reports: list[tuple[str, Report]] = []
    for name in files:
        body, failure = _read(name)
        if failure:
            report = Report(problems=[failure])
        else:
            report = examine(body, as_kind=as_kind, name_hint="" if name == "-" else Path(name).name, keys=keys, query=query)
        reports.append((name, report))
    if as_json:
        rows: list[Any] = [{"file": name, **report.as_dict()} for name, report in reports]
        click.echo(_pretty(rows[0] if len(rows) == 1 else rows))
    else:
        for name, report in reports:
            _show(name, report)
    sys.exit(0 if all(report.understood for _, report in reports) else 1)


def _read(name: str) -> tuple[bytes, str]:
    try:
        return (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()), ""
    except FileNotFoundError:
        return b"", "读不了文件：没有这个文件"
    except IsADirectoryError:
        return b"", "读不了文件：这是文件夹"
    except PermissionError:
        return b"", "读不了文件：没有读取权限"
    except OSError as error:
        return b"", f"读不了文件：系统错误 {error.errno}"


def _pretty(value: Any) -> str:
    """Indented JSON; on one line when it holds whole numbers that the indenting writer would turn into fractions."""
    if _small(value):
        return orjson.dumps(orjson.loads(dumps(value)), option=orjson.OPT_INDENT_2).decode()
    return dumps(value).decode()


def _small(value: Any) -> bool:
    """Whether every whole number fits orjson, which would make a float of a longer one."""
    if isinstance(value, dict):
        return all(_small(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(_small(inner) for inner in value)
    return not isinstance(value, int) or -(1 << 63) <= value < 1 << 64


def _show(name: str, report: Report) -> None:
    click.secho(f"{name}", bold=True)
    if report.kind:
        what = f"{report.kind}（{report.title}）" if report.title else report.kind
        click.echo(f"  是什么    {what}  {_SIDE.get(report.side, '')}  {_SURE.get(report.sure, '')}")
        if report.path:
            click.echo(f"  接口      {report.path}")
    if report.others:
        click.echo(f"  也像      {'、'.join(report.others)}")
    click.echo(f"  读懂      {'是' if report.understood else '否'}")
    for problem in report.problems:
        click.secho(f"  问题      {problem}", fg="red")
    for note in report.notes:
        click.echo(f"  说明      {note}")
    if report.unknown:
        click.echo(f"  不认识    {'、'.join(report.unknown)}（原样保留）")
    if report.values is not None:
        click.echo("  归一后的值")
        for line in _pretty(report.values).splitlines():
            click.echo(f"    {line}")


if __name__ == "__main__":
    payload()
