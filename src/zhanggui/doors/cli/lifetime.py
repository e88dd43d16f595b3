"""`zhanggui lifetime`: who is still a customer, from a file of purchases. Needs no database and no settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from zhanggui.doors.cli.compare import judged, show_json, show_notes
from zhanggui.stats.tables import NO_DAY, Note, Table, TableError, day_text, parse_day, read_table

_CUSTOMER = (
    "customer", "customerid", "custid", "cust", "openid", "unionid", "userid", "memberid", "buyerid", "clientid", "user", "member", "buyer",
    "household", "householdid", "buyeropenid", "phone", "mobile",
    "客户", "客户编号", "客户id", "客户号", "会员", "会员号", "会员编号", "用户", "用户id", "用户编号", "买家", "买家id", "买家账号", "买家昵称", "顾客", "手机号", "收货手机号",
)  # fmt: skip
_DATE = (
    "date", "invoicedate", "orderdate", "purchasedate", "paidat", "paytime", "ordertime", "createdat", "transactiondate", "day", "datetime", "timestamp", "time",
    "日期", "下单日期", "下单时间", "支付时间", "付款时间", "付款日期", "成交时间", "成交日期", "订单日期", "订单时间", "订单创建时间", "创建时间", "购买日期", "消费日期", "时间",
)  # fmt: skip
_AMOUNT = (
    "amount", "value", "total", "totalprice", "totalamount", "revenue", "sales", "paid", "spend", "payment", "orderamount", "salesvalue", "monetary",
    "金额", "实付金额", "实付", "支付金额", "付款金额", "成交金额", "订单金额", "订单实付金额", "实收金额", "消费金额", "总金额", "总价", "销售额",
)  # fmt: skip
_QUANTITY = ("quantity", "qty", "数量", "件数", "商品数量")
_PRICE = ("unitprice", "price", "单价", "商品单价", "售价")


@click.command("lifetime", help="谁还会再买：每位客户的活跃概率、再购概率、预期次数和金额，并和“30 天没买就算流失”对照。")
@click.option(
    "--csv", "path", required=True, type=click.Path(path_type=Path), help="CSV 文件（可 .gz；UTF-8 或 GBK），一行一笔或一行一件。"
)
@click.option("--customer", default=None, help="客户列；不写则自动认。")
@click.option("--date", "date_column", default=None, help="日期列；不写则自动认。")
@click.option("--amount", default=None, help="金额列；不写则自动认（或用 数量 × 单价）。负数算退款。")
@click.option(
    "--as-of", "as_of", default=None, metavar="日期", help="站在哪一天看，如 2026-01-31；之后的行只用来检验，不用来学习。"
)
@click.option("--horizon", default=None, type=click.IntRange(1, 3650), help="往后看多少天；不写则按历史长短取 14 到 90 天。")
@click.option("--json", "as_json", is_flag=True, help="只输出一个 JSON。")
@judged
def lifetime_command(
    path: Path,
    customer: str | None,
    date_column: str | None,
    amount: str | None,
    as_of: str | None,
    horizon: int | None,
    as_json: bool,
) -> None:
    """Reads, judges, prints. Exit status 0 when judged (undecided included), 2 when the file or the call cannot be understood."""
    from zhanggui.stats import lifetime

    table = read_table(path)
    who_name = _column(table, customer, "--customer", _CUSTOMER, "客户", ())
    day_name = _column(table, date_column, "--date", _DATE, "日期", (who_name,))
    labels, who = table.codes(who_name)
    days, _ = table.days(day_name, "--date")
    values, amount_name = _amounts(table, amount, (who_name, day_name))
    origin: int | None = None
    if as_of is not None:
        origin = parse_day(as_of)
        if origin is None:
            raise TableError(f"--as-of “{as_of}”不是日期", "写成 2026-01-31 这样")
    good = (who >= 0) & (days != NO_DAY)
    if not good.any():
        raise TableError(f"没有一行同时写了“{who_name}”和“{day_name}”", "检查这两列是否取对", who_name)
    notes = list(table.notes)
    left_out = int((~good).sum())
    if left_out:
        notes.append(Note("incomplete_rows", f"有 {left_out:,} 行没有客户或日期，没有计入"))
    if values is None or not np.isfinite(values[good]).any():
        values, amount_name = None, None
        notes.append(Note("no_amounts", "没有金额列（或金额全是空的），只估计次数，不估计金额"))
    elif unknown := int((~np.isfinite(values[good])).sum()):
        notes.append(Note("missing_amounts", f"有 {unknown:,} 行没有金额；整笔都没写金额的，按平均每笔的金额算"))
    purchases = lifetime.gather(labels, who[good], days[good], None if values is None else values[good])
    if len(purchases.day) == 0:
        raise TableError("所有行的金额都是负数，没有购买", "检查金额列的正负，或用 --amount 换一列", amount_name or "")
    if origin is not None and origin < int(purchases.day.min()):
        raise TableError(f"--as-of {as_of} 早于第一笔购买（{day_text(int(purchases.day.min()))}）", "换一个更晚的日期")
    found = lifetime.judge(purchases, origin, horizon)
    if as_json:
        columns = {"customer": who_name, "date": day_name, "amount": amount_name}
        show_json(
            {
                "ok": True,
                "command": "lifetime",
                "file": path.name,
                "columns": columns,
                "rows": table.rows,
                **as_dict(found, purchases, notes),
            }
        )
        return
    _print(found, purchases, [*found.notes, *notes])


def _column(table: Table, named: str | None, option: str, words: tuple[str, ...], meaning: str, taken: tuple[str, ...]) -> str:
    if named is not None:
        return table.require(named, option)
    guessed = table.guess(words, taken)
    if guessed is None:
        raise TableError(f"认不出哪一列是{meaning}", f"用 {option} 指定，文件里有：{'、'.join(table.names[:30])}")
    return table.require(guessed, option)


def _amounts(table: Table, named: str | None, taken: tuple[str, ...]) -> tuple[Any, str | None]:
    """Amount per row and where it came from; quantity × unit price when there is no amount column."""
    if named is not None:
        name = table.require(named, "--amount")
        return table.numbers(name, "--amount").values, name
    guessed = table.guess(_AMOUNT, taken)
    if guessed is not None:
        return table.numbers(table.require(guessed, "--amount"), "--amount").values, guessed
    quantity, price = table.guess(_QUANTITY, taken), table.guess(_PRICE, taken)
    for used in (quantity, price):
        if used is not None:
            table.require(used, "--amount")
    if quantity is not None and price is not None:
        count, each = table.numbers(quantity, "--amount").values, table.numbers(price, "--amount").values
        # A free or unpriced line still is a purchase; a negative quantity is a return, free ones too.
        worth = count * each
        return np.where(count < 0, np.nan_to_num(worth) - 1e-9, worth), f"{quantity} × {price}"
    if price is not None:
        return table.numbers(price, "--amount").values, price
    return None, None


def as_dict(found: Any, purchases: Any, notes: list[Note]) -> dict[str, Any]:
    """The answer with its documented keys (docs/algorithms/lifetime.md)."""
    from zhanggui.stats.lifetime import LEVEL, RULE_DAYS

    f = found.forecast
    body: dict[str, Any] = {
        "verdict": found.verdict,
        "reason": found.reason,
        "sentence": found.sentence,
        "as_of": day_text(found.as_of),
        "horizon_days": found.horizon,
        "rule_days": RULE_DAYS,
        "interval_level": LEVEL,
        "backtests": [accuracy(a) for a in found.backtests],
        "holdout": None if found.holdout is None else accuracy(found.holdout),
        "warnings": [{"code": n.code, "message": n.message} for n in [*found.notes, *notes]],
        "totals": None,
        "model": None,
        "customers": [],
    }
    if f is None:
        return body
    s = f.summary
    lost = s.silent_days >= RULE_DAYS
    has_value = bool(np.isfinite(f.value).all())
    body["totals"] = {
        "customers": len(s.x),
        "expected_active": float(f.buys.sum()),
        "expected_alive": float(f.alive.sum()),
        "expected_purchases": float(f.expected.sum()),
        "expected_value": float(f.value.sum()) if has_value else None,
        "rule_lost": int(lost.sum()),
        "model_lost": int((f.buys < 0.5).sum()),
    }
    p = f.params
    body["model"] = {
        "r": p.r, "alpha_weeks": p.alpha, "s": p.s, "beta_weeks": p.beta, "converged": p.converged, "iterations": p.iterations,
        "distinct_customers": p.distinct, "past_windows": f.windows, "window_days": f.window_days, "drivers": f.drivers,
    }  # fmt: skip
    first = np.rint(found.as_of - s.age * 7).astype(int)
    last = np.rint(first + s.recency * 7).astype(int)
    body["customers"] = [
        {
            "customer": purchases.customers[s.who[i]],
            "purchases": int(s.x[i]) + 1,
            "first": day_text(first[i]),
            "last": day_text(last[i]),
            "silent_days": int(found.as_of - last[i]),
            "probability_alive": round(float(f.alive[i]), 4),
            "probability_buys": round(float(f.buys[i]), 4),
            "expected_purchases": round(float(f.expected[i]), 4),
            "likely_purchases": int(f.likely[i]),
            "purchases_interval": [int(f.low[i]), int(f.high[i])],
            "expected_value": round(float(f.value[i]), 2) if has_value else None,
            "value_interval": [round(float(f.value_low[i]), 2), round(float(f.value_high[i]), 2)] if has_value else None,
            "lost_by_rule": bool(lost[i]),
        }
        for i in range(len(s.x))
    ]
    return body


def accuracy(a: Any) -> dict[str, Any]:
    """One window's accuracy with its documented keys."""
    return {
        "origin": day_text(a.origin),
        "horizon_days": a.horizon,
        "customers": a.customers,
        "bought_again": a.bought_again,
        "auc": a.auc_buys,
        "auc_expected_purchases": a.auc_expected,
        "auc_recency": a.auc_recency,
        "mae": a.mae_expected,
        "mae_likely": a.mae_likely,
        "rmse": a.rmse,
        "bias": a.bias,
        "brier": a.brier,
        "calibration_error": a.calibration_error,
        "deciles": [
            {"customers": d[0], "predicted": d[1], "observed": d[2], "expected_purchases": d[3], "observed_purchases": d[4]}
            for d in a.deciles
        ],
        "interval_coverage": a.interval_coverage,
        "interval_promised": a.interval_promised,
        "value_interval_coverage": a.value_coverage,
        "flagging": {
            g.name: {
                "flagged": g.flagged,
                "wrongly_woken": g.wrongly_woken,
                "missed": g.missed,
                "precision": g.precision,
                "recall": g.recall,
                "wrong_share_of_active": g.wrong_share_of_active,
            }
            for g in a.flaggings
        },
        "wrong_share_at_rule_recall": {
            "model": a.wrong_at_rule_recall,
            "rule": a.rule_wrong,
            "difference": a.difference[0],
            "interval": list(a.difference[1:]),
        },
    }


_VERDICTS = {
    "better": "预测比 30 天规则准",
    "worse": "30 天规则更准",
    "no_difference": "预测和 30 天规则差不多",
    "undecided": "还判断不了",
}


def _print(found: Any, purchases: Any, notes: list[Note]) -> None:
    colour = {"better": "green", "worse": "red", "no_difference": "blue", "undecided": "yellow"}[found.verdict]
    click.secho(f"结论：{_VERDICTS[found.verdict]}", fg=colour, bold=True)
    click.echo(found.sentence)
    f = found.forecast
    if f is not None:
        s = f.summary
        money = f"，金额约 {f.value.sum():,.0f}" if np.isfinite(f.value).all() else ""
        click.echo(f"\n站在 {day_text(found.as_of)} 往后看 {found.horizon} 天，{len(s.x):,} 位客户：")
        click.echo(
            f"  预计会再买的 {f.buys.sum():,.0f} 位，共 {f.expected.sum():,.0f} 次{money}；30 天规则算流失的 {(s.silent_days >= 30).sum():,} 位"
        )
    for name, a in [("倒推", a) for a in found.backtests] + ([("检验", found.holdout)] if found.holdout else []):
        rule, model = a.flaggings[0], a.flaggings[1]
        click.echo(
            f"  {name} {day_text(a.origin)} 起 {a.horizon} 天：AUC {a.auc_buys:.3f}（只看最近一次 {a.auc_recency:.3f}），平均误差 {a.mae_expected:.3f} 次，总数偏差 {a.bias:+.1%}；"
            f"误判活跃客户：规则 {rule.wrongly_woken:,}，预测 {model.wrongly_woken:,}（漏掉都是约 {rule.missed:,}）"
        )
    if found.backtests:
        click.echo("  十等分（预测 / 实际再购率）：" + "，".join(f"{d[1]:.0%}/{d[2]:.0%}" for d in found.backtests[0].deciles))
    if f is not None:
        click.echo("\n最值得唤醒的客户（沉默超过 30 天、仍有价值）：")
        worth = np.where(np.isfinite(f.value), f.value, f.expected)
        silent = np.flatnonzero(f.summary.silent_days >= 30)
        for i in silent[np.argsort(-worth[silent], kind="stable")][:10]:
            value = (
                f"，预期金额 {f.value[i]:,.0f}（{f.value_low[i]:,.0f} 到 {f.value_high[i]:,.0f}）"
                if np.isfinite(f.value[i])
                else ""
            )
            click.echo(f"  {purchases.customers[f.summary.who[i]]}：再购概率 {f.buys[i]:.0%}，预期 {f.expected[i]:.2f} 次{value}")
    show_notes(notes)
