"""The rate limit: never more than allowed in any span of time, over all workers."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.serve.requests.shares import RateLimiter

PAUSES = st.lists(st.floats(0, 3), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rates")


@settings(max_examples=60, deadline=None)
@given(pauses=PAUSES, per_second=st.sampled_from([0.2, 1.0, 5.0]), number=st.uuids())
def test_no_span_of_time_has_more_than_its_share(
    folder: Path, pauses: list[float], per_second: float, number: object
) -> None:
    limiter, caller, now = RateLimiter(folder / "rate", per_second), str(number), 1e6
    allowed = []
    for pause in pauses:
        now += pause
        if limiter.seconds_to_wait(caller, now) == 0:
            allowed.append(now)
    burst = max(1.0, per_second)
    for first, begin in enumerate(allowed):
        for last, end in enumerate(allowed[first:], start=1):
            assert last <= burst + per_second * (end - begin) + 1e-6


def test_a_second_worth_may_come_at_once_and_the_wait_is_told(folder: Path) -> None:
    limiter = RateLimiter(folder / "burst", 5)
    waits = [limiter.seconds_to_wait("crm", 100.0) for _ in range(6)]
    assert waits == [0, 0, 0, 0, 0, pytest.approx(0.2)]
    assert limiter.seconds_to_wait("crm", 100.0 + waits[-1] + 1e-9) == 0


def test_workers_count_together_and_callers_apart(folder: Path) -> None:
    one, other = (RateLimiter(folder / "shared", 2) for _ in range(2))
    assert [one.seconds_to_wait("crm", 1.0), other.seconds_to_wait("crm", 1.0)] == [0, 0]
    assert one.seconds_to_wait("crm", 1.0) > 0
    assert other.seconds_to_wait("web", 1.0) == 0


def test_no_limit_is_no_limit(folder: Path) -> None:
    limiter = RateLimiter(folder / "none", 0)
    assert not any(limiter.seconds_to_wait("crm", 1.0) for _ in range(1000))
