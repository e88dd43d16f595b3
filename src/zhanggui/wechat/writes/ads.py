"""What leaves to 微信广告: conversions, so that the platform learns who bought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zhanggui.wechat.writes.base import Writes


class AdsWrites(Writes):
    """Writes to one advertiser's account."""

    async def upload_conversions(self, account_id: str, action_set_id: str, actions: Sequence[dict[str, Any]]) -> None:
        """Uploads conversions; `outer_action_id` in each guards against counting twice."""
        await self.call(
            "ads.user_actions.add", account_id=account_id, user_action_set_id=action_set_id, actions=list(actions), parse=False
        )
