"""Requests made to hold the service: what they hold is bounded, and others get their turn."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import Fault
from leadcast.serve.batch.parts import summed
from leadcast.serve.http.app import THREADS, make_app
from leadcast.serve.http.service import Service
from leadcast.serve.requests import problems
from leadcast.serve.requests import request_work as work
from leadcast.serve.requests.body_scan import MOST_DEPTH, scan
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.questions import Questions, RequestQuestion
from leadcast.serve.requests.settings import RequestLimits, ServeSettings
from leadcast.serve.requests.turns import SHORT_TURNS, Turns
from leadcast.serve.scorer import Scorer
from tests.scoring_world import bundle_folder
from tests.service_world import HOST, ROOT, TestClient, client, some_leads

JSON = {"content-type": "application/json"}
MOST_ANSWER = 1024 * 1024
LEADS = 40


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(tmp_path_factory.mktemp("attacked")) as asked:
        yield asked


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def lead(**fields: object) -> dict[str, Any]:
    first: dict[str, Any] = some_leads(1)["leads"][0]
    return first | fields


def with_names(n: int) -> dict[str, int]:
    return {f"n{number}": 0 for number in range(n)}


# Made where they are asked for: every worker reads this module.
MANY: dict[str, tuple[Callable[[], bytes], str]] = {
    "names of one lead": (
        lambda: json.dumps({"leads": [lead(attributes=with_names(300_000))]}).encode(),
        "found 300,000 names in one object",
    ),
    "names over all leads": (
        lambda: json.dumps(
            {"leads": [lead(lead_id=str(n), attributes={f"{n}-{k}": 0 for k in range(500)})
                       for n in range(500)]}
        ).encode(),
        "found over 2,000 different attributes that the model does not know",
    ),
    "fields of an event": (
        lambda: json.dumps({"leads": [lead(events=[with_names(100_000)])]}).encode(),
        "found 100,000 names in one object",
    ),
    "lists in lists": (
        lambda: b'{"leads":[{"attributes":{"x":[' + b"[]," * 1_000_000 + b"[]]}}]}",
        "values in one lead; expected at most",
    ),
    "values beside the leads": (
        lambda: b'{"leads":[],"as_of":{"x":[' + b"0," * 1_000_000 + b"0]}}",
        "values outside of leads",
    ),
    "leads of the wrong kind": (
        lambda: b'{"leads":{"x":[' + b"[]," * 1_000_000 + b"[]]}}",
        "values outside of leads",
    ),
    "leads": (
        lambda: b'{"leads":[' + b"{}," * 300_000 + b"{}]}",
        "found 300,001; expected at most 1,000",
    ),
    "the list of leads": (lambda: b'{"leads":[{}],"leads":[{}]}', "found the name several times"),
    "one list under two spellings": (
        lambda: b'{"leads":[{}],"le\\u0061ds":[{}]}',
        "found the name several times",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MANY)
def test_a_body_that_holds_too_much_is_refused_in_few_words(service: TestClient, case: str) -> None:
    body, words = MANY[case]
    answer = service.post("/v1/score", content=body(), headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:leadcast:invalid")
    assert any(words in fault["detail"] for fault in answer.json()["errors"])
    assert len(answer.content) < 50_000


def test_unknown_names_are_told_up_to_a_number_and_then_counted(service: TestClient) -> None:
    leads = some_leads(3)["leads"]
    for one in leads:
        one["attributes"] |= with_names(work.MOST_UNKNOWN + 400)
    told = service.post("/v1/score", json={"leads": leads}).json()["warnings"]
    unknown = [one for one in told if "unknown" in one["found"]]
    assert len(unknown) == work.MOST_UNKNOWN + 1
    assert unknown[0]["where"] == "attributes: 'n0'"
    assert (unknown[-1]["found"], unknown[-1]["count"]) == ("400 more unknown attributes", 3)


@pytest.mark.parametrize("letter", ["n", "\0", "💥"])
def test_no_answer_repeats_a_long_name(service: TestClient, letter: str) -> None:
    name = letter * 500_000
    known = service.post("/v1/score", json={"leads": [lead(attributes={name: 0})]})
    wrong = service.post("/v1/score", json={"leads": [lead(**{name: 0})]})
    assert (known.status_code, wrong.status_code) == (200, 422)
    assert max(len(known.content), len(wrong.content)) < 20_000


def test_faults_beyond_those_told_are_counted(service: TestClient) -> None:
    leads = [lead(lead_id=str(n), **with_names(500)) for n in range(400)]
    problem = service.post("/v1/score", json={"leads": leads}).json()
    assert "200,000 faults; the first 100 are listed" in problem["detail"]
    assert len(problem["errors"]) == problems.MOST_TOLD


def test_the_place_of_a_fault_of_json_is_the_bodys_own(service: TestClient) -> None:
    leads = b",\n".join([json.dumps(lead(job="x" * 9_000)).encode()] * 30)
    body = b'{"leads": [\n' + leads + b',\n{"lead_id": ?}]}'
    detail = service.post("/v1/score", content=body, headers=JSON).json()["detail"]
    assert "at line 32 column 13" in detail


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("2025-01-01T00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["leads", "lead_id", "x", 'q"]', "events"]), inner)
    ),
    max_leaves=8,
)
lead_objects = st.fixed_dictionaries(
    {"lead_id": st.text(max_size=3) | values, "created_at": st.just("2025-01-01T00:00:00Z")},
    optional={
        "attributes": st.dictionaries(st.sampled_from(["budget", "industry", "n,[{"]), values),
        "events": values,
        "x": values,
    },
)
bodies = st.one_of(
    values,
    st.fixed_dictionaries(
        {"leads": st.lists(lead_objects | values, max_size=5)},
        optional={"as_of": values, "x": values},
    ),
)
_QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def told_of_whole(questions: Questions, body: bytes) -> object:
    try:
        return questions._read_whole(body)
    except Problem as problem:
        return problem.kind, sorted((one.pointer, one.detail) for one in problem.faults)


def told_of_pieces(questions: Questions, body: bytes) -> object:
    async def read() -> RequestQuestion:
        async with Turns().turn("crm", 0) as turn:
            return await questions.read(body, turn)

    try:
        question = asyncio.run(read())
    except Problem as problem:
        return problem.kind, sorted((one.pointer, one.detail) for one in problem.faults)
    return question


@_QUICK
@given(asked=bodies, space=st.sampled_from(["", " ", "\n"]), cut=st.integers(0, 400))
def test_pieces_are_read_as_the_whole_is(
    monkeypatch: pytest.MonkeyPatch, scorer: Scorer, asked: object, space: str, cut: int
) -> None:
    monkeypatch.setattr("leadcast.serve.requests.questions.PIECE_BYTES", 60)
    questions = Questions(scorer, RequestLimits(max_leads=4))
    text = json.dumps(asked, separators=(f",{space}", f"{space}:"), ensure_ascii=False).encode()
    for body in (text, text[: -1 - cut]):
        whole = told_of_whole(questions, body)
        pieces = told_of_pieces(questions, body)
        if isinstance(pieces, RequestQuestion):
            assert isinstance(whole, dict)
            for one in whole["leads"]:
                known = one.get("attributes", {}).items()
                if "attributes" in one:
                    one["attributes"] = {k: v for k, v in known if k in questions.attributes}
            assert (pieces.leads, pieces.as_of) == (whole["leads"], whole.get("as_of"))
        else:
            assert pieces == whole


@given(depth=st.integers(1, 2 * MOST_DEPTH), letters=st.text('"\\{}[],:x', max_size=40))
def test_what_is_scanned_is_counted_or_called_broken(depth: int, letters: str) -> None:
    assert scan(b"[" * depth + b"]" * depth, 3).is_whole == (depth <= MOST_DEPTH)
    found = scan(letters.encode(), 3)
    try:
        json.loads(letters)
    except ValueError:
        return
    assert found.is_whole


class Ticking:
    """A clock that goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self) -> float:
        return float(next(self._numbers))


def test_others_get_their_turn_after_every_lead_and_every_piece(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadcast.serve.requests.questions.PIECE_BYTES", 1)
    body = json.dumps({"leads": [lead(lead_id=str(n)) for n in range(LEADS)]}).encode()
    rounds: list[str] = []

    async def ask() -> None:
        async with Turns(Ticking()).turn("crm", 0) as turn:
            question = await Questions(scorer, RequestLimits()).read(body, turn)
            rounds.append("read")
            await work.score_question(scorer, question, [], turn)
            rounds.append("scored")

    async def watch() -> None:
        asking = asyncio.create_task(ask())
        while not asking.done():
            rounds.append("other")
            await asyncio.sleep(0)
        await asking

    asyncio.run(watch())
    reading_ends, scoring_ends = rounds.index("read"), rounds.index("scored")
    assert reading_ends >= LEADS
    assert scoring_ends - reading_ends > LEADS


def test_one_request_works_at_a_time_and_each_gets_its_turn() -> None:
    order: list[int] = []

    async def ask(turns: Turns, number: int) -> None:
        async with turns.turn("crm", 0) as turn:
            for _ in range(3):
                order.append(number)
                await turn.pause()

    async def all_of_them() -> None:
        turns = Turns(Ticking())
        await asyncio.gather(*(ask(turns, number) for number in range(3)))

    asyncio.run(all_of_them())
    assert order == [0, 1, 2] * 3


def test_a_caller_has_one_large_body_in_work_and_another_gets_in() -> None:
    working: list[str] = []
    most = 0

    async def ask(turns: Turns, caller: str) -> None:
        nonlocal most
        async with turns.turn(caller, 10_000_000):
            working.append(caller)
            most = max(most, working.count("crm"))
            await asyncio.sleep(0)
            if caller == "web":
                assert working.count("crm") <= 1
            working.remove(caller)

    async def all_of_them() -> None:
        turns = Turns()
        callers = ["crm"] * 10 + ["web"]
        asked = [asyncio.create_task(ask(turns, caller)) for caller in callers]
        await asked[-1]
        assert sum(one.done() for one in asked[:-1]) < 3
        await asyncio.gather(*asked)

    asyncio.run(all_of_them())
    assert most == 1


async def works(turns: Turns, caller: str, n_turns: int, ended: list[str]) -> None:
    async with turns.turn(caller, 0) as turn:
        for _ in range(n_turns):
            await turn.pause()
    ended.append(caller)


def test_of_many_long_requests_the_earliest_end_first_and_short_ones_pass_between() -> None:
    ended: list[str] = []
    had = {"first": 0}

    class Counting(Ticking):
        """Counts how often anybody's turn was over by the time that the first has ended."""

        def __call__(self) -> float:
            had["first"] += not ended
            return super().__call__()

    async def all_of_them() -> None:
        turns = Turns(Counting())
        long = [asyncio.create_task(works(turns, "crm", 500, ended)) for _ in range(32)]
        while not ended:
            await asyncio.sleep(0)
        assert not any(one.done() for one in long[1:])
        await works(turns, "crm", SHORT_TURNS - 1, ended)
        assert ended == ["crm"] * 2
        await works(turns, "web", 500, ended)
        # Beside one of the other caller's, and not behind all of them.
        assert len(ended) < 6
        order = [number for number, one in enumerate(long) if one.done()]
        assert order == list(range(len(order)))
        await asyncio.gather(*long)
        assert turns.is_quiet

    asyncio.run(all_of_them())
    assert len(ended) == 34
    # A clock is looked at twice a turn; evenly shared, it took 32 times 500 turns.
    assert had["first"] < 2 * (500 + 32 * (SHORT_TURNS + 1))


def test_of_many_long_requests_the_earliest_are_answered_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The loop's clock goes on by a second for every lead that is scored, and by nothing else.
    monkeypatch.setattr("leadcast.serve.requests.turns.SECONDS_AT_A_TIME", -1)
    real, seconds = work._score, count(1)

    def scored(*arguments: Any) -> object:  # noqa: ANN401
        loop = asyncio.get_running_loop()
        now = started + next(seconds)
        loop.time = lambda: now  # type: ignore[method-assign]
        return real(*arguments)

    started = time.monotonic()
    leads = {"leads": [lead(lead_id=str(n)) for n in range(2 * SHORT_TURNS)]}

    async def ask() -> list[int]:
        limits = RequestLimits(
            requests_per_second=0, score_seconds=9 * SHORT_TURNS, read_seconds=10_000
        )
        made = ServeSettings(bundle=bundle_folder(), named="b", limits=limits)
        app = make_app(Service.open(made, bundle_folder(), tmp_path))
        transport = httpx.ASGITransport(app)
        asyncio.get_running_loop().time = lambda: started  # type: ignore[method-assign]
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as asked:
            monkeypatch.setattr(work, "_score", scored)
            answers = [asked.post("/v1/score", json=leads) for _ in range(6)]
            return [answer.status_code for answer in await asyncio.gather(*answers)]

    assert asyncio.run(ask()) == [200] * 3 + [503] * 3


def test_few_of_the_pages_questions_work_at_a_time(tmp_path: Path) -> None:
    pages, inside, most = APIRouter(), [0], 0

    @pages.get("/slow")
    def slow() -> None:
        nonlocal most
        inside.append(1)
        most = max(most, len(inside) - 1)
        time.sleep(0.02)
        inside.pop()

    with client(tmp_path, pages=(pages,)) as service, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: service.get("/slow"), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= most <= THREADS


def test_a_worker_does_not_search_all_that_requests_have_made_for_garbage() -> None:
    program = """
import gc, json
from leadcast.serve.processes.server import collect_seldom
searched = []
gc.callbacks.append(lambda phase, info: searched.append(info["generation"]))
collect_seldom()
searched.clear()
kept = json.loads("[" + "{\\"a\\": [0]}," * 200_000 + "{}]")
print(sorted(set(searched)), len(searched) > 100)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[0, 1] True\n", done.stderr


@pytest.mark.parametrize("what", ["reading", "scoring"])
def test_the_deadline_ends_reading_and_scoring_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    # The loop's clock stands still but for a leap, so that nothing depends on the machine.
    owner, name = (Questions, "_keep_known") if what == "reading" else (work, "_score")
    done: list[int] = []
    real = getattr(owner, name)

    def leap(*arguments: object) -> object:
        done.append(1)
        if len(done) == 3:
            loop = asyncio.get_running_loop()
            now = loop.time() + 3600
            loop.time = lambda: now  # type: ignore[method-assign]
        return real(*arguments)

    monkeypatch.setattr("leadcast.serve.requests.questions.PIECE_BYTES", 1)
    with client(tmp_path) as service:
        monkeypatch.setattr("leadcast.serve.requests.turns.SECONDS_AT_A_TIME", -1)
        monkeypatch.setattr(owner, name, leap)
        leads = [lead(lead_id=str(n)) for n in range(LEADS)]
        answer = service.post("/v1/score", json={"leads": leads})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:leadcast:out-of-time")
    assert len(done) < 6


faults = st.builds(
    Fault,
    where=st.sampled_from("ab"),
    found=st.sampled_from("cd"),
    expected=st.just("e"),
    remedy=st.just("r"),
    severity=st.just("warning"),
    count=st.integers(0, 5),
    is_usual=st.booleans(),
)


@given(of_leads=st.lists(st.lists(faults, max_size=4), max_size=6))
def test_warnings_are_counted_lead_by_lead_as_of_a_table(of_leads: list[list[Fault]]) -> None:
    found: list[Fault] = []
    for some in of_leads:
        found = summed([*found, *some])
    assert found == summed(fault for some in of_leads for fault in some)
