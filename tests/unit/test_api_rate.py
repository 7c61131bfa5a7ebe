"""Token buckets on a clock of the test's own. Against the real server: tests/service/test_api_limits.py."""

import asyncio

import pytest
from redis.exceptions import ConnectionError as ServerAway

from services.api.rate import Grant, LocalBuckets, Rate, RateLimiter, retry_after


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class DeadServer:
    def __init__(self):
        self.asked = 0

    async def take(self, name, rate, wanted):
        self.asked += 1
        raise ServerAway("refused")


def spend(limiter, name, rate, count):
    return [asyncio.run(limiter.wait_seconds(name, rate)) for _ in range(count)]


def test_a_burst_passes_and_then_the_wait_is_named():
    limiter = RateLimiter(None, Clock())
    waits = spend(limiter, "shop", Rate(per_second=2, burst=5), 6)
    assert waits[:5] == [0.0] * 5
    assert 0 < waits[5] <= 0.5


def test_tokens_come_back_at_the_rate_and_not_above_the_burst():
    clock = Clock()
    buckets, rate = LocalBuckets(clock), Rate(per_second=10, burst=20)
    assert asyncio.run(buckets.take("shop", rate, 20)) == Grant(20, 0.0)
    clock.now += 0.55
    assert asyncio.run(buckets.take("shop", rate, 20)).tokens == 5
    clock.now += 3600
    assert asyncio.run(buckets.take("shop", rate, 100)).tokens == 20


def test_one_shop_does_not_spend_the_tokens_of_another():
    limiter = RateLimiter(None, Clock())
    rate = Rate(per_second=1, burst=3)
    spend(limiter, "greedy", rate, 10)
    assert spend(limiter, "modest", rate, 3) == [0.0] * 3


def test_over_a_long_time_no_more_than_rate_and_burst_pass():
    clock = Clock()
    limiter, rate = RateLimiter(None, clock), Rate(per_second=50, burst=100)

    async def ask_for_ten_seconds():
        passed = 0
        for _ in range(2000):
            passed += await limiter.wait_seconds("shop", rate) == 0
            clock.now += 0.005
        return passed

    assert 590 <= asyncio.run(ask_for_ten_seconds()) <= 600


def test_a_costly_request_takes_its_whole_cost_or_nothing():
    clock = Clock()
    limiter, rate = RateLimiter(None, clock), Rate(per_second=10, burst=64)
    assert asyncio.run(limiter.wait_seconds("shop", rate, 64)) == 0
    wait = asyncio.run(limiter.wait_seconds("shop", rate, 64))
    assert wait == pytest.approx(6.4)
    clock.now += wait
    assert asyncio.run(limiter.wait_seconds("shop", rate, 64)) == 0


def test_while_the_server_is_away_the_local_bucket_stands_in_and_the_server_is_left_alone():
    clock, server = Clock(), DeadServer()
    limiter = RateLimiter(server, clock)
    rate = Rate(per_second=1, burst=3)
    assert spend(limiter, "shop", rate, 3) == [0.0] * 3
    assert asyncio.run(limiter.wait_seconds("shop", rate)) > 0
    assert server.asked == 1
    clock.now += 6
    spend(limiter, "shop", rate, 5)
    assert server.asked == 2


def test_a_retry_is_never_asked_for_in_zero_seconds():
    assert [retry_after(seconds) for seconds in (0.01, 1.0, 1.2)] == ["1", "1", "2"]
