"""Rows of a file judged: sale, return, or refused; typed for staging, personal data sealed before it touches any file of ours."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from zhanggui.facts.files import cells, fields
from zhanggui.facts.files.order_parts import I64, STAGE, person_key
from zhanggui.facts.files.rows import Batch, RowReader

CONTACT = frozenset({"recipient", "nickname", "phone", "buyer_phone", "address"})
"""Fields that say who a parcel goes to."""
_FEN, _MOST = 1_000_000_000_000_000, 2_000_000_000


@dataclass
class Context:
    """What turning rows into orders needs from outside, all replaceable: sealing, fingerprints, the shop's own codes."""

    seal: Callable[[bytes], bytes] | None = None
    fingerprint: Callable[[str], str] = lambda text: hashlib.sha256(text.encode()).hexdigest()[:32]
    skus: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Merchant code or SKU id → (product id, SKU id) as the shop knows them."""


class OrderRows:
    """Turns batches of a file's rows into staged order rows, refusing what is no sale and no refund."""

    def __init__(self, reader: RowReader, context: Context) -> None:
        self.reader, self.context = reader, context
        self.mapped = frozenset(reader.columns)
        numbered = reader.columns.get("order_id")
        sample = list(map(_safe_id, reader.sniffed.values(str(numbered["column"])))) if numbered else []
        plain, lettered = sum(s.isdigit() for s in sample), sum(bool(_LETTERED.fullmatch(s)) for s in sample)
        # Where invoice numbers are digits, C123 cancels and A123 adjusts; where ids have letters anyway, they say nothing.
        self.invoice_letters = bool(sample) and plain >= 0.5 * len(sample) and plain + lettered >= 0.98 * len(sample)
        self.adjusts = sum(s[0] in "Aa" for s in sample if s) <= 0.05 * len(sample)
        self.order_fields = [
            k
            for k in (
                "created_at",
                "paid_at",
                "status",
                "paid",
                "openid",
                "customer_id",
                "buyer_phone",
                "phone",
                "recipient",
                "address",
            )
            if k in self.mapped
        ]
        self.previous: tuple[str, list[Any]] | None = None
        self.statuses: set[str] = set()

    def take(self, batch: Batch) -> pa.Table:
        """The rows of a batch that are sales or returns, typed for staging. Refused rows are in `batch.refused`."""
        get, size, mapped, reader = batch.columns.get, len(batch), self.mapped, self.reader
        none: list[Any] = [None] * size
        if "order_id" not in mapped:
            reader.require(batch, ("openid", "unionid", "customer_id"), ("created_at", "paid_at"))
            batch.columns["order_id"] = self._named_by_buyer(batch)
        order_ids = batch.columns["order_id"]
        if "order_id" in mapped:
            if None in order_ids or (self.order_fields and None in get("created_at", none)):
                self._fill_down(batch)
            if order_ids[-1] is not None:
                self.previous = (order_ids[-1], [get(k, none)[-1] for k in self.order_fields])
            reader.require(batch, ("order_id",), ("created_at", "paid_at"))
        created = [c if c is not None else p for c, p in zip(get("created_at", none), get("paid_at", none), strict=True)]
        quantity = [1 if q is None else q for q in get("quantity", none)]
        unit, amount, line_paid, paid = (
            get("unit_price", none),
            get("line_amount", none),
            get("line_paid", none),
            get("paid", none),
        )
        if "unit_price" in mapped:
            # Millionths of a 元 → 分: four digits fewer, rounded half away from zero.
            gross = [
                None if u is None else (q * u + 5000) // 10000 if u >= 0 and q >= 0 else cells.half_up(q * u, 10000)
                for q, u in zip(quantity, unit, strict=True)
            ]
            if "line_amount" in mapped:
                gross = [a if a is not None else g for a, g in zip(amount, gross, strict=True)]
        else:
            gross = list(amount)
        units = [None if u is None else cells.half_up(u, 10000) for u in unit]
        is_return = [False] * size
        self._judge(batch, order_ids, quantity, gross, line_paid, paid, is_return)
        for i in batch.refused:  # what was too large to be believed is too large to be staged
            gross[i] = None
        statuses, platform = self._statuses(batch, none)
        returned = [bool(v) for v in get("aftersale", none)]
        product, sku = self._goods(batch, none)
        ids = self._people(batch, none)
        contact, contact_hash = self._contacts(batch, none)
        keep = None
        if batch.refused:
            keep = pa.array([i for i in range(size) if i not in batch.refused], I64)
        channels = get("channel", none)
        columns = [
            batch.numbers, order_ids, is_return, created, get("paid_at", none), get("shipped_at", none), get("done_at", none), statuses, platform, returned,
            get("line_id", none), product, sku, get("title", none), get("attributes", none), get("category", none), quantity, units, gross, line_paid, paid,
            get("goods", none), get("freight", none), get("discount", none), get("refund_amount", none), get("refund_at", none), ids, get("region", none), channels,
            get("scene", none), get("device", none), contact, contact_hash,
        ]  # fmt: skip
        arrays = []
        for values, item in zip(columns, STAGE, strict=True):
            if values is none:
                arrays.append(pa.nulls(size, item.type))
            else:
                arrays.append(pa.array(values, item.type))
        table = pa.table(arrays, schema=STAGE)
        return table.take(keep) if keep is not None else table

    def _named_by_buyer(self, batch: Batch) -> list[Any]:
        """Order ids of a file that has none: what one buyer bought at one moment is one order."""
        none: list[Any] = [None] * len(batch)
        get = batch.columns.get
        zone = self.reader.zone
        out = []
        for *people, created, paid_at in zip(
            *(get(k, none) for k in ("unionid", "openid", "customer_id", "created_at", "paid_at")), strict=True
        ):
            who, at = next((p for p in people if p), None), created if created is not None else paid_at
            out.append(None if who is None or at is None else f"{who[:40]}@{_local(at, zone)}")
        return out

    def _fill_down(self, batch: Batch) -> None:
        """Rows of merged cells: an order's id and details stand only on its first row."""
        order_ids = batch.columns["order_id"]
        line_fields = [k for k in ("product_id", "sku_id", "code", "title") if k in self.mapped]
        last = self.previous
        for index, value in enumerate(order_ids):
            details = [batch.columns[k][index] for k in self.order_fields]
            if value is not None:
                if (
                    last is not None
                    and last[0] == value
                    and "created_at" in self.mapped
                    and batch.columns["created_at"][index] is None
                ):
                    self._inherit(batch, index, last)
                else:
                    last = (value, details)
            elif (
                last is not None
                and index not in batch.refused
                and all(d is None for d in details)
                and any(batch.columns[k][index] is not None for k in line_fields)
            ):
                order_ids[index] = last[0]
                self._inherit(batch, index, last)
        self.previous = last

    def _inherit(self, batch: Batch, index: int, last: tuple[str, list[Any]]) -> None:
        for key, value in zip(self.order_fields, last[1], strict=True):
            if key != "paid" and batch.columns[key][index] is None:
                batch.columns[key][index] = value

    def _judge(
        self,
        batch: Batch,
        order_ids: list[Any],
        quantity: list[int],
        gross: list[Any],
        line_paid: list[Any],
        paid: list[Any],
        is_return: list[bool],
    ) -> None:
        """Sets returns apart and refuses adjustments, write-offs and impossible values. Money of returns becomes positive."""
        mapped, refuse = self.mapped, self.reader.refuse
        amount_key = next((k for k in ("line_paid", "line_amount", "unit_price", "paid") if k in mapped), "paid")
        main = line_paid if "line_paid" in mapped else gross if ("unit_price" in mapped or "line_amount" in mapped) else paid
        titles = batch.columns.get("title")
        suspects = {i for i, q in enumerate(quantity) if q <= 0 or q > _MOST}
        suspects.update(i for i, v in enumerate(main) if v is None or v < 0 or v > _FEN)
        suspects.update(i for i, v in enumerate(paid) if v is not None and v < 0)
        if self.invoice_letters:
            suspects.update(i for i, v in enumerate(order_ids) if v is not None and not v.isdigit() and v[0] in "CcAa")
        if titles is not None:
            suspects.update(i for i, t in enumerate(titles) if t and fields.is_adjustment(t))
        for i in suspects:
            if i in batch.refused:
                continue
            q, order_id = quantity[i], order_ids[i] or ""
            value = main[i] if main[i] is not None else paid[i] if paid[i] is not None else gross[i]
            letter = order_id[:1].upper() if self.invoice_letters and _LETTERED.fullmatch(order_id) else ""
            title = titles[i] if titles is not None and titles[i] else ""
            if (letter == "A" and self.adjusts) or fields.is_adjustment(title):
                refuse(
                    batch,
                    i,
                    "order_id" if letter == "A" else "title",
                    "账务调整（坏账等），不是销售也不是退款",
                    "不用处理；需要记账请用财务软件",
                )
            elif value is None:
                if q < 0 or not any(k in mapped for k in ("paid", "goods")):
                    refuse(batch, i, amount_key, "缺金额", "补上金额或单价后再导入")
                # else: the order's amount stands on another of its rows
            elif abs(value) > _FEN or abs(q) > _MOST:
                refuse(batch, i, amount_key if abs(value) > _FEN else "quantity", "大得不像真的", "核对这一格的数字")
            elif q < 0 and value == 0:
                refuse(batch, i, "quantity", "数量为负、金额为 0：是盘亏或报损，不是退款", "库存调整请用库存表导入")
            elif q == 0 and value == 0:
                refuse(batch, i, "quantity", "数量和金额都是 0", "删去这一行，或补上数量和金额")
            elif q > 0 and value < 0 and "quantity" in mapped and "unit_price" in mapped and not letter:
                refuse(
                    batch,
                    i,
                    amount_key,
                    "单价为负，不是销售也不是退款",
                    "退款请把数量写成负数，或填在退款金额列；账务调整不用导入",
                )
            elif letter == "C" and q > 0 and value >= 0:
                refuse(batch, i, "quantity", "取消单里的正数行，看不出是退还是卖", "核对这张取消单；退货请把数量写成负数")
            elif q < 0 or value < 0:
                is_return[i] = True
                quantity[i] = abs(q)
                for values in (gross, line_paid, paid):
                    if values[i] is not None:
                        values[i] = abs(values[i])
            elif paid[i] is not None and paid[i] < 0:
                refuse(batch, i, "paid", "实付金额为负", "退款请填在退款金额列")

    def _statuses(self, batch: Batch, none: list[Any]) -> tuple[list[Any], list[Any]]:
        if "status" not in self.mapped:
            return none, none
        texts = batch.columns["status"]
        known = {t: fields.order_status(t) for t in set(texts) if t}
        for text, ours in known.items():
            if not ours:
                self.statuses.add(text)
        if any(not ours for ours in known.values()):
            paid_at = batch.columns.get("paid_at", none)
            for i, text in enumerate(texts):
                if text and not known[text] and paid_at[i] is None:
                    self.reader.refuse(
                        batch,
                        i,
                        "status",
                        f"不认识的订单状态“{text[:20]}”",
                        "改成：待付款、待发货、已发货、已完成、已取消、已退款 之一；或补上支付时间",
                    )
        return [known.get(t) or None for t in texts], texts

    def _goods(self, batch: Batch, none: list[Any]) -> tuple[list[Any], list[Any]]:
        """Product and SKU id per row: as given, by the shop's own codes, else by name."""
        get, skus = batch.columns.get, self.context.skus
        product, sku, code, title = get("product_id", none), get("sku_id", none), get("code", none), get("title", none)
        if product is not none and sku is none and code is none and not skus and None not in product:
            return product, product
        out_product, out_sku = [], []
        for p, s, c, t in zip(product, sku, code, title, strict=True):
            if skus:
                known = (skus.get(s) if s else None) or (skus.get(c) if c else None)
                if known and p in (None, known[0]):
                    p, s = known
            p = p or s or c or (_named(t) if t else "-")
            out_product.append(p)
            out_sku.append(s or c or p)
        return out_product, out_sku

    def _people(self, batch: Batch, none: list[Any]) -> list[Any]:
        get = batch.columns.get
        mapped = [k for k in ("unionid", "openid", "customer_id") if k in self.mapped]
        if mapped == ["customer_id"]:
            out = [None if v is None else _kind_of(v) + "\x1f" + v for v in batch.columns["customer_id"]]
        elif len(mapped) == 1:
            kind = mapped[0] + "\x1f"
            out = [None if v is None else kind + v for v in batch.columns[mapped[0]]]
        elif mapped:
            out = [
                person_key({_kind_of(v) if k == "customer_id" else k: v for k, v in zip(mapped, values, strict=True) if v})
                or None
                for values in zip(*(batch.columns[k] for k in mapped), strict=True)
            ]
        else:
            out = [None] * len(batch)
        fingerprint = self.context.fingerprint
        if "buyer_phone" in self.mapped:
            # The buyer's own phone is one more id of theirs.
            for i, value in enumerate(get("buyer_phone", none)):
                if value and (number := cells.phone(value)):
                    own = "phone\x1f" + fingerprint(number)
                    out[i] = own if out[i] is None else f"{out[i]}\x1f{own}"
        if "phone" in self.mapped and None in out:
            # A recipient's phone stands for the buyer only where the file names no buyer.
            for i, value in enumerate(get("phone", none)):
                if out[i] is None and value and (number := cells.phone(value)):
                    out[i] = "phone\x1f" + fingerprint(number)
        return out

    def _contacts(self, batch: Batch, none: list[Any]) -> tuple[list[Any], list[Any]]:
        """Name, phone and address of each row sealed as one blob, before they touch any file of ours."""
        seal, fingerprint = self.context.seal, self.context.fingerprint
        keys = [k for k in ("recipient", "nickname", "phone", "buyer_phone", "address", "city", "district") if k in self.mapped]
        if seal is None or not any(k in keys for k in CONTACT):
            return none, none
        import orjson

        blobs: list[Any] = []
        hashes: list[Any] = []
        memory: dict[Any, tuple[bytes | None, str | None]] = {}
        region = batch.columns.get("region", none)
        for values in zip(region, *(batch.columns[k] for k in keys), strict=True):
            done = memory.get(values)
            if done is None:
                found = {k: v for k, v in zip(keys, values[1:], strict=True) if v}
                if not found:
                    done = (None, None)
                else:
                    name = found.get("recipient") or found.get("nickname", "")
                    address = (
                        "".join(filter(None, (values[0], found.get("city"), found.get("district"))))
                        if not found.get("address", "").startswith(str(values[0] or "　"))
                        else ""
                    )
                    phone = found.get("phone") or found.get("buyer_phone", "")
                    number = cells.phone(phone)
                    body = {"name": name, "phone": phone, "address": address + found.get("address", "")}
                    if found.get("buyer_phone", phone) != phone:
                        body["buyer_phone"] = found["buyer_phone"]
                    done = (seal(orjson.dumps(body)), fingerprint(number) if number else None)
                memory[values] = done
            blobs.append(done[0])
            hashes.append(done[1])
        return blobs, hashes


_LETTERED = re.compile(r"[CcAa]\d+")
_OPENID = re.compile(r"o[0-9A-Za-z_-]{27}")


def _kind_of(buyer: str) -> str:
    """What kind of id a file's buyer column holds: 微信 openids have a shape of their own."""
    return "openid" if len(buyer) == 28 and _OPENID.fullmatch(buyer) else "file"


def _local(micros: int, zone: ZoneInfo) -> str:
    """A moment as digits, without a time of day where there is none."""
    moment = datetime.fromtimestamp(micros / cells.MICRO, UTC).astimezone(zone)
    return f"{moment:%Y%m%d%H%M%S}".removesuffix("000000")


def _safe_id(text: str) -> str:
    try:
        return cells.identifier(text)
    except cells.CellError:
        return ""


def _named(title: str) -> str:
    """A product id for goods that a file names only by title."""
    return "名称:" + hashlib.sha256(title.encode()).hexdigest()[:16]
