"""Every number that judges is declared whole, and every threshold guards a metric that exists."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from zhanggui.doors.cli.docs import policy_classes
from zhanggui.kernel import policy_store
from zhanggui.kernel.policy import PolicyField, describe, watches_of
from zhanggui.metrics.catalogue import ALL, BY_KEY

FIELDS = [field for policy in policy_classes() for field in describe(policy)]
CJK = re.compile(r"[\u4e00-\u9fff]")


def test_there_are_policies() -> None:
    assert len(FIELDS) >= 10
    assert len({f.key for f in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.key)
def test_meaning_unit_and_source_are_said(field: PolicyField) -> None:
    declared = field.declared
    assert CJK.search(declared.meaning)
    assert declared.unit
    assert CJK.search(declared.source)
    if declared.guards:
        assert declared.guards in BY_KEY, f"{field.key} guards {declared.guards}, which no metric is"
    if declared.kind == "threshold":
        assert declared.guards
        assert declared.side in ("above", "below")
    if isinstance(field.default, int | float) and not isinstance(field.default, bool):
        assert declared.low is None or declared.low <= field.default
        assert declared.high is None or field.default <= declared.high


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.key)
def test_the_shop_can_set_it(field: PolicyField) -> None:
    policy_store.register(*policy_classes())
    assert policy_store.check(policy_store.known()[field.key], field.default) is not None


def test_every_class_has_only_declared_values() -> None:
    for policy in policy_classes():
        assert [f.name for f in describe(policy)] == [f.name for f in fields(policy)], policy.__name__
        assert set(watches_of(policy)) <= set(describe(policy))


def test_a_metric_names_only_policies_that_exist() -> None:
    keys = {f.key for f in FIELDS}
    for metric in ALL:
        assert set(metric.policies) <= keys, metric.key
        assert set(metric.params.values()) <= keys, metric.key
