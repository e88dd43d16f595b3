"""The private domain: staff contacts, customer groups, and messages that really reach people (演示数据)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zhanggui.emulator import response
from zhanggui.emulator.catalogue import STAFF
from zhanggui.emulator.market.standing import Standing
from zhanggui.emulator.market.words import (
    CH,
    CONTACT_ADD,
    CONTACT_DEL,
    DAY,
    GROUP_JOIN,
    GROUP_LEAVE,
)


class Circles(Standing):
    """Contacts, groups, reach."""

    def add_contacts(self, rng: np.random.Generator, who: NDArray[Any], at: NDArray[Any]) -> None:
        """People add the shop's staff in WeCom; half of them join a group soon after, and some leave again."""
        people = self.people
        people["t_contact"][who] = at
        people["staff"][who] = who % len(STAFF)
        leaves = rng.random(len(who)) < 0.17
        people["t_lost_contact"][who] = np.where(leaves, at + np.ceil(rng.exponential(70 * DAY, len(who))), np.inf)
        self.agenda.add(at, CONTACT_ADD, who)
        self.agenda.add(people["t_lost_contact"][who], CONTACT_DEL, who)
        born = np.array([g["created"] for g in self.groups])
        for i in np.flatnonzero(rng.random(len(who)) < 0.55).tolist():
            open_groups = np.flatnonzero(born <= at[i])
            if not len(open_groups) or people["group"][who[i]] > 0:
                continue
            group = int(open_groups[-1 - int(rng.integers(0, min(4, len(open_groups))))])
            join = float(at[i]) + float(np.ceil(rng.exponential(5 * 3600.0))) + 20
            quick = rng.random() < 0.27
            stay = rng.exponential(0.35 * DAY) if quick else rng.exponential(300 * DAY) + DAY
            row = self.members.add(1, group=group, person=who[i], t_join=join, t_leave=join + float(np.ceil(stay)), scene=int(rng.choice((1, 2, 3, 3))),
                                   inviter=int(self.groups[group]["owner"]))  # fmt: skip
            people["group"][who[i]] = group + 1
            self.agenda.add(join, GROUP_JOIN, row)
            self.agenda.add(self.members["t_leave"][row], GROUP_LEAVE, row)

    def group_people(self, group: int, at: float) -> NDArray[np.int64]:
        """The customers who are in a group at a moment."""
        m = self.members
        inside = (m["group"] == group) & (m["t_join"] <= at) & (m["t_leave"] > at)
        return np.unique(m["person"][inside]).astype(np.int64)

    def reach(self, who: NDArray[Any], at: float, channel: str) -> None:
        """A message was really delivered to these people: they will visit more for a while (see `response`)."""
        people = self.people
        week = np.exp(-np.maximum(at - people["reach_t"][who], 0) / (7 * DAY))
        tired = people["reach_n"][who] * week
        strength = response.reach_strength(people["answer"][who], tired, channel)
        left = people["reach_s"][who] * np.exp(-np.maximum(at - people["reach_t"][who], 0) / response.REACH_FADES_AFTER)
        people["reach_s"][who] = strength + left
        people["reach_t"][who], people["reach_n"][who], people["reach_ch"][who] = at, tired + 1, CH[channel]
