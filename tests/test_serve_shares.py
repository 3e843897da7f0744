"""Places of a worker, and the rate of requests: one caller cannot take all from the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.serve.http.app import make_app
from leadcast.serve.http.keys import create_key
from leadcast.serve.http.service import Service
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import RequestLimits, ServeSettings
from leadcast.serve.requests.shares import Places, RateLimiter, network_of
from tests.scoring_world import bundle_folder
from tests.service_world import HOST, some_leads

JSON = {"content-type": "application/json"}
LIMITS = RequestLimits(requests_per_second=0, max_in_flight=8)


@asynccontextmanager
async def asked(
    scratch: Path, keys: Path | None = None, address: str = "10.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    folder = bundle_folder()
    made = ServeSettings(bundle=folder, named="b", keys=keys, limits=LIMITS)
    app = make_app(Service.open(made, folder, scratch))
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        client.headers.update(JSON)
        client.app = app  # type: ignore[attr-defined]
        yield client


async def slow_body(over: asyncio.Event) -> AsyncIterator[bytes]:
    yield b'{"leads": '
    await over.wait()
    yield b"[]}"


async def hold_all(
    client: httpx.AsyncClient, number: int, over: asyncio.Event, headers: dict[str, str]
) -> list["asyncio.Task[httpx.Response]"]:
    slow = [
        asyncio.create_task(client.post("/v1/score", content=slow_body(over), headers=headers))
        for _ in range(number)
    ]
    for _ in range(200):
        await asyncio.sleep(0)
    return slow


def test_a_key_holds_its_share_and_another_is_answered(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    one, other = ({"authorization": f"Bearer {create_key(keys, name)}"} for name in ("crm", "web"))

    async def ask() -> None:
        over = asyncio.Event()
        async with asked(tmp_path, keys) as client:
            slow = await hold_all(client, 16, over, one)
            refused = [task.result() for task in slow if task.done()]
            assert [answer.status_code for answer in refused] == [429] * 12
            assert {answer.json()["type"] for answer in refused} == {"urn:leadcast:too-many"}
            assert {answer.headers["retry-after"] for answer in refused} == {"1"}
            answer = await client.post("/v1/score", json=some_leads(1), headers=other)
            assert answer.status_code == 200
            over.set()
            statuses = [(await task).status_code for task in slow]
            assert sorted(statuses) == [422] * 4 + [429] * 12
            again = await client.post("/v1/score", json=some_leads(1), headers=one)
            assert again.status_code == 200

    asyncio.run(ask())


def test_without_a_key_the_address_has_a_share_and_health_is_always_told(tmp_path: Path) -> None:
    async def ask() -> None:
        over = asyncio.Event()
        async with asked(tmp_path) as client:
            slow = await hold_all(client, 8, over, {"authorization": "Bearer nobody's"})
            assert sum(task.done() for task in slow) == 4
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/v1/model")).status_code == 429
            elsewhere = httpx.ASGITransport(client.app, client=("10.0.0.2", 1))  # type: ignore[attr-defined]
            async with httpx.AsyncClient(transport=elsewhere, base_url=HOST) as other:
                assert (await other.get("/v1/model")).status_code == 200
            over.set()
            await asyncio.gather(*slow)

    asyncio.run(ask())


def test_bodies_have_a_share_of_the_bytes() -> None:
    places = Places(RequestLimits(max_body_bytes=1024, max_held_bytes=4096))
    places.take("crm")
    places.hold("crm", 2048)
    with pytest.raises(Problem, match="too-many") as refused:
        places.hold("crm", 1)
    assert refused.value.status == 429
    places.take("web")
    places.hold("web", 2048)
    places.take("third")
    with pytest.raises(Problem) as busy:
        places.hold("third", 1)
    assert busy.value.status == 503
    places.leave("crm", 2048)
    places.hold("third", 2048)


def test_the_largest_body_fits_whatever_the_share() -> None:
    places = Places(RequestLimits(max_body_bytes=10_000, max_held_bytes=1024, share=0.01))
    for caller in ("crm", "web"):
        places.take(caller)
        places.hold(caller, 10_000)


@given(
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=80),
    share=st.floats(0.05, 1),
)
def test_nobody_has_more_than_a_share_and_all_is_given_back(
    steps: list[tuple[str, bool]], share: float
) -> None:
    limits = RequestLimits(max_in_flight=6, share=share)
    places, held = Places(limits), {"a": 0, "b": 0, "c": 0}
    for caller, comes in steps:
        if not comes and held[caller]:
            places.leave(caller, 0)
            held[caller] -= 1
        elif comes:
            fits = held[caller] < limits.shared(6) and sum(held.values()) < 6
            try:
                places.take(caller)
            except Problem:
                assert not fits
            else:
                assert fits
                held[caller] += 1
    for caller, number in held.items():
        for _ in range(number):
            places.leave(caller, 0)
    assert (dict(places._requests), dict(places._bytes)) == ({}, {})


def test_addresses_of_one_network_share() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") != network_of("2001:db9::1")
    assert network_of("10.0.0.1") != network_of("10.0.0.2")


PAUSES = st.lists(st.floats(0, 3), min_size=1, max_size=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rates")


@settings(max_examples=60)
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
