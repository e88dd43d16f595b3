"""The worker's line: in order, a few ahead, ended when the reader ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from zhanggui.facts import network
from zhanggui.facts.sync.fetching import get_all, pieces
from zhanggui.wechat import errors


@pytest.fixture(autouse=True)
def line() -> Iterator[None]:
    yield
    network.hang_up()


async def numbers(count: int) -> AsyncIterator[int]:
    for n in range(count):
        yield n


def test_ahead_keeps_the_order_and_the_depth():
    running, most = [0], [0]

    async def slow(n: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        for _ in range(5 - n % 5):
            await asyncio.sleep(0)
        running[0] -= 1
        return n * n

    assert list(network.stream(lambda: network.ahead(numbers(20), slow, depth=3))) == [n * n for n in range(20)]
    assert most[0] == 3


def test_an_error_comes_in_its_turn():
    async def failing(n: int) -> int:
        if n == 3:
            raise errors.TransportError("连接中断")
        return n

    got = []
    with pytest.raises(errors.TransportError):
        for n in network.stream(lambda: network.ahead(numbers(9), failing)):
            got.append(n)
    assert got == [0, 1, 2]


def test_a_reader_who_stops_ends_the_fetching():
    ended = threading.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            n = 0
            while True:
                yield n
                n += 1
                await asyncio.sleep(0)
        finally:
            ended.set()

    for n in network.stream(endless):
        if n == 2:
            break
    assert ended.wait(5)


def test_pieces_of_a_walk():
    async def all_of(count: int) -> list[list[int]]:
        return [some async for some in pieces(numbers(count), 3)]

    assert network.run(all_of(7)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert network.run(all_of(0)) == []


def test_some_that_do_not_come_are_set_aside_and_many_are_an_error():
    async def get(name: str) -> str:
        if name.startswith("late"):
            raise errors.TransportError("超时")
        if name.startswith("gone"):
            raise errors.NoSuchThing("不存在")
        return name.upper()

    got = network.run(get_all(["a", "late1", "gone1", "b"], get))
    assert (got.values, got.late, got.gone) == (["A", "B"], {"late1": "超时"}, {"gone1": "不存在"})
    with pytest.raises(errors.TransportError):
        network.run(get_all([f"late{n}" for n in range(4)] + ["a"], get))


@pytest.mark.parametrize("error", [errors.QuotaExhausted, errors.Throttled, errors.ConfigurationError, errors.CapabilityOff])
def test_a_refusal_of_the_whole_is_raised_at_once(error):
    async def get(name: str) -> str:
        raise error("不行")

    with pytest.raises(error):
        network.run(get_all(["a", "b"], get))
