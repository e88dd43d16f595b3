"""Everything that changes the books. Each command is one transaction, marks the lake stale in it, and announces what newly became true."""

from zhanggui.facts.commands.attention import (
    Logged,
    ReadRow,
    SpendRow,
    apply_hints,
    record_daily_visit,
    record_events,
    record_facts,
    record_pages,
    record_reads,
    record_spend,
    stored_hints,
)
from zhanggui.facts.commands.connections import CheckResult, callback_path, check, checks_of, connect, disconnect, rotate_callback
from zhanggui.facts.commands.inbound import receive, refuse, take_in
from zhanggui.facts.commands.privacy import erase_customer, export_customer, masked, reseal, reveal, reveal_recipient
from zhanggui.facts.commands.shelf import record_product, record_products, record_stock
from zhanggui.facts.commands.talk import (
    contact_gone,
    contacts_of_staff,
    group_gone,
    members_left,
    record_contacts,
    record_group,
    record_group_days,
)
from zhanggui.facts.commands.trade import Recorded, record_aftersale, record_aftersales, record_order, record_orders
from zhanggui.facts.dirty import mark_dirty

__all__ = [
    "CheckResult", "Logged", "ReadRow", "Recorded", "SpendRow", "apply_hints", "callback_path", "check", "checks_of", "connect",
    "contact_gone", "contacts_of_staff", "disconnect", "erase_customer", "export_customer", "group_gone", "mark_dirty",
    "masked", "members_left", "receive", "record_aftersale", "record_aftersales", "record_contacts", "record_daily_visit",
    "record_events", "record_facts", "record_group", "record_group_days", "record_order", "record_orders", "record_pages",
    "record_product", "record_products", "record_reads", "record_spend", "record_stock", "refuse", "reseal", "reveal",
    "reveal_recipient", "rotate_callback", "stored_hints", "take_in",
]  # fmt: skip
