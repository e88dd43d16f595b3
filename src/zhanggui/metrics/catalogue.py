"""Every number of the house, declared once."""

from __future__ import annotations

from zhanggui.kernel.errors import NotFound
from zhanggui.metrics import community, completeness, content, conversion, customers, traffic
from zhanggui.metrics.metric import Metric

ALL: tuple[Metric, ...] = (
    *traffic.METRICS, *conversion.METRICS, *customers.METRICS, *community.METRICS, *content.METRICS, *completeness.METRICS,
)  # fmt: skip
BY_KEY: dict[str, Metric] = {metric.key: metric for metric in ALL}
LAYERS: tuple[str, ...] = ("流量", "转化", "用户", "社群", "内容", "数据")


def metric(key: str) -> Metric:
    """The metric of that key. Raises NotFound."""
    found = BY_KEY.get(key)
    if found is None:
        raise NotFound(f"没有名为 {key} 的指标")
    return found
