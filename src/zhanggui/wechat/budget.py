"""How fast and how often each endpoint may be called: pacing per minute, pauses the platform asked for, quotas used up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from zhanggui.wechat.endpoints import WECOM_HOST, Endpoint
from zhanggui.wechat.errors import QuotaExhausted, Throttled
from zhanggui.wechat.schemas.base import CHINA

WECOM_PER_MINUTE = 10_000
WECOM_PER_HOUR = 150_000


def next_midnight(now: float) -> float:
    """The epoch of the next 00:00 in China, when daily quotas come back."""
    day = datetime.fromtimestamp(now, UTC).astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
        days=1
    )
    return day.timestamp()


@dataclass
class Lane:
    """The budget of one endpoint, or of several that the platform counts together. Times are epoch seconds."""

    per_minute: float = 0.0
    per_hour: float = 0.0
    next_at: float = 0.0
    hour_started: float = 0.0
    hour_used: int = 0
    pause_until: float = 0.0
    closed_until: float = 0.0
    penalties: int = 0
    last_penalty: float = 0.0
    daily_limit: int | None = None
    daily_used: int = 0
    day_ends: float = 0.0


@dataclass
class Budget:
    """The budgets of all endpoints of one account. A few calls, at most `burst`, may go out at once before pacing begins."""

    burst: float = 10.0
    default_per_minute: float = 0.0
    lanes: dict[str, Lane] = field(default_factory=dict)

    def lane(self, endpoint: Endpoint) -> Lane:
        """The lane of an endpoint, made on first use."""
        found = self.lanes.get(endpoint.lane)
        if found is None:
            rpm, rph = endpoint.per_minute, endpoint.per_hour
            if endpoint.host == WECOM_HOST:
                rpm, rph = rpm or WECOM_PER_MINUTE, rph or WECOM_PER_HOUR
            found = self.lanes[endpoint.lane] = Lane(
                per_minute=rpm or self.default_per_minute, per_hour=rph, daily_limit=endpoint.per_day or None
            )
        return found

    def take(self, endpoint: Endpoint, now: float, longest: float = math.inf) -> float:
        """Books one call and gives the seconds to wait before it.

        Raises QuotaExhausted while the endpoint is closed, and Throttled, booking nothing, when the wait would be over `longest` seconds.
        """
        lane = self.lane(endpoint)
        if lane.closed_until > now:
            raise self._exhausted(endpoint, lane)
        if lane.daily_limit is not None:
            if now >= lane.day_ends:
                lane.daily_used, lane.day_ends = 0, next_midnight(now)
            if lane.daily_used >= lane.daily_limit:
                self.close(endpoint, now)
                raise self._exhausted(endpoint, lane)
        start = max(now, lane.pause_until)
        if lane.per_hour:
            if now - lane.hour_started >= 3600:
                lane.hour_started, lane.hour_used = now, 0
            if lane.hour_used >= lane.per_hour:
                start = max(start, lane.hour_started + 3600)
        ideal = interval = 0.0
        if lane.per_minute:
            # A leaky bucket: `next_at` runs ahead by one interval per call, and what may go out at once is taken off the pace, so that
            # no sixty seconds hold more calls than the limit.
            at_once = max(1.0, min(self.burst, lane.per_minute // 4))
            interval = 60.0 / max(lane.per_minute - at_once, 0.5)
            ideal = max(lane.next_at, start)
            start = max(start, ideal - (at_once - 1) * interval)
        if start - now > longest:
            raise Throttled(
                "调用太频繁，正在等待",
                retry_after=start - now,
                endpoint=endpoint.name,
                remedy=f"约 {int(start - now) + 1} 秒后继续",
            )
        if lane.per_minute:
            lane.next_at = ideal + interval
        lane.hour_used += 1
        lane.daily_used += 1
        return max(0.0, start - now)

    def _exhausted(self, endpoint: Endpoint, lane: Lane) -> QuotaExhausted:
        return QuotaExhausted(
            "这个接口当日的次数已用完",
            until=datetime.fromtimestamp(lane.closed_until, UTC),
            endpoint=endpoint.name,
            errcode=45009,
            remedy="北京时间零点恢复",
        )

    def slow_down(self, endpoint: Endpoint, now: float, seconds: float) -> float:
        """Pauses an endpoint after "too fast" and gives the pause; WeCom's grows: a minute, an hour, until midnight."""
        lane = self.lane(endpoint)
        if now < lane.pause_until:
            return lane.pause_until - now
        if endpoint.host == WECOM_HOST and seconds >= 60:
            if now - lane.last_penalty > 2 * 3600:
                lane.penalties = 0
            lane.penalties += 1
            lane.last_penalty = now
            if lane.penalties > 4:
                seconds = next_midnight(now) - now
            elif lane.penalties > 2:
                seconds = 3600.0
        lane.pause_until = now + seconds
        return seconds

    def close(self, endpoint: Endpoint, now: float) -> datetime:
        """Closes an endpoint until the next midnight in China."""
        lane = self.lane(endpoint)
        lane.closed_until = next_midnight(now)
        return datetime.fromtimestamp(lane.closed_until, UTC)

    def reopen(self, endpoint: Endpoint) -> None:
        """Opens an endpoint again, e.g. after the quota was cleared."""
        lane = self.lane(endpoint)
        lane.closed_until = lane.pause_until = 0.0
        lane.daily_used = 0

    def learn(
        self, endpoint: Endpoint, now: float, *, daily_limit: int | None, used: int | None, per_minute: float | None = None
    ) -> None:
        """Takes over what `quota/get` says about an endpoint."""
        lane = self.lane(endpoint)
        if daily_limit is not None and daily_limit > 0:
            lane.daily_limit, lane.daily_used, lane.day_ends = daily_limit, used or 0, next_midnight(now)
        if per_minute:
            lane.per_minute = per_minute
