"""The rules editor: faults with their lines, and a comparison's life in the background."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from leadcast.features.base.files import read_json
from leadcast.serve.http.app import make_app
from leadcast.serve.http.keys import create_key
from leadcast.serve.http.service import Service
from leadcast.serve.page.points_editor import MOST_LETTERS
from leadcast.serve.page.router import page_routers
from leadcast.serve.page.rules_job import JOB, LINES, Jobs
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import ServeSettings
from tests.editor_world import RULES, compare, write_tables
from tests.scoring_world import bundle_folder
from tests.service_world import HOST, NO_LIMIT, TestClient

PATIENCE_SECONDS = 120
STEP = 'print(\'{"step": 3, "of": 6, "doing": "counting"}\', flush=True)\n'
WAITING = STEP + "import time\nwhile True: time.sleep(0.05)"
ENDING = (
    STEP
    + 'print(\'{"step": 6, "of": 6, "told": "so"}\', flush=True)\n'
    + WAITING.removeprefix(STEP)
)
DONE = STEP + "import os, sys\nos.mkdir(sys.argv[sys.argv.index('--out') + 1])"
FAULTY = "import sys\nsys.exit(f'error: {sys.argv[sys.argv.index(\"--rules\") + 1]}: is no table')"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_tables(tmp_path_factory.mktemp("project") / "data/runs/small")
    compare(None, run / "comparison", 10, 1)
    return run


def asked_of(
    run: Path | None, scratch: Path, keys: Path | None = None, command: Sequence[str] = ()
) -> TestClient:
    bundle = bundle_folder()
    settings = ServeSettings(
        bundle=bundle, named="test", limits=NO_LIMIT, run=run, keys=keys, compare=tuple(command)
    )
    service = Service.open(settings, bundle, scratch)
    return TestClient(make_app(service, page_routers(service)), HOST, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    scratch = tmp_path_factory.mktemp("scratch")
    with asked_of(run, scratch, None, program(DONE)) as client:
        yield client


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def jobs(folder: Path, text: str) -> Jobs:
    return Jobs(folder / "jobs", program(text), folder)


def until(jobs: Jobs, state: str) -> dict[str, Any]:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while (now := jobs.state())["state"] != state or (state == "running" and not now["step"]):
        assert time.monotonic() < give_up, now
        time.sleep(0.02)
    return now


def check(client: TestClient, text: str) -> dict[str, Any]:
    told: dict[str, Any] = client.post("/page/rules/check", json={"text": text}).json()
    return told


def test_a_good_table_has_no_faults(client: TestClient) -> None:
    told = check(client, RULES)
    expected = {"usable": True, "summary": "No faults: 4 rules in 2 groups", "faults": []}
    assert told == expected


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("attribute: industry", "attribute: industri", "Did you mean 'industry'?"),
        ("event: webinar", "event: webinars", "Did you mean 'webinar'?"),
        ("points: 15", "pionts: 15", "Did you mean 'points'?"),
        ("group: fit", "group: fitt", "Did you mean 'fit'?"),
        ("equals: software", "matches: '('", "no regular expression"),
        ("points: 3", "points: many", "found 'many'"),
        ("limit: 9", "limit: [9", "not YAML"),
    ],
)
def test_a_fault_is_told_with_its_line_and_the_nearest_name(
    client: TestClient, right: str, wrong: str, words: str
) -> None:
    text = RULES.replace(right, wrong, 1)
    line = next(n for n, row in enumerate(text.splitlines(), start=1) if wrong in row)
    told = check(client, text)
    assert not told["usable"]
    near = [fault for fault in told["faults"] if abs(fault["line"] - line) <= 1]
    assert any(words in fault["words"] for fault in near), told


def test_a_line_of_a_fault_is_the_line_of_the_text(client: TestClient) -> None:
    for lines in (0, 3):
        told = check(client, "\n" * lines + RULES.replace("industry", "industri"))
        assert [fault["line"] for fault in told["faults"]] == [
            lines + RULES.count("\n", 0, RULES.index("industry")) + 1
        ]


def test_text_that_would_swell_or_is_too_long_is_refused(client: TestClient) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{letter}: &{letter} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, letter in pairwise("abcdefghij")
    )
    assert "more than 100,000 values" in check(client, bomb)["faults"][0]["words"]
    long = client.post("/page/rules/check", json={"text": "#" * (MOST_LETTERS + 1)})
    assert long.status_code == 422
    as_text = {"content-type": "text/plain"}
    plain = client.post("/page/rules/run", content='{"text": ""}', headers=as_text)
    assert plain.status_code == 422


def test_without_a_key_nothing_is_told_and_nothing_begins(run: Path, tmp_path: Path) -> None:
    create_key(tmp_path / "keys.json", "marketing")
    with asked_of(run, tmp_path, tmp_path / "keys.json", program(DONE)) as locked:
        assert locked.get("/rules").status_code == 200
        for method, address in (
            ("GET", ""),
            ("POST", "/check"),
            ("POST", "/run"),
            ("GET", "/run"),
            ("DELETE", "/run"),
            ("GET", "/result"),
        ):
            asked = locked.request(method, f"/page/rules{address}", json={"text": RULES})
            assert asked.status_code == 401, address
    assert not (tmp_path / "rules" / JOB).exists()


def test_a_comparison_begins_tells_its_steps_and_ends(tmp_path: Path) -> None:
    work, other_worker = jobs(tmp_path, WAITING), jobs(tmp_path, DONE)
    assert work.state() == {"state": "none", "number": 0}
    started = work.start(RULES, [])
    told = until(other_worker, "running")
    assert (told["id"], told["step"], told["of"]) == (started["id"], 3, 6)
    with pytest.raises(Problem) as refused:
        other_worker.start(RULES, [])
    assert refused.value.status == 409
    assert other_worker.cancel()["state"] == work.state()["state"] == "cancelled"
    again = other_worker.start(RULES, [])
    assert again["number"] == 2
    assert until(work, "done")["id"] == again["id"]
    assert work.result().is_dir()


def test_a_process_that_has_told_its_end_and_is_not_gone_still_says_what_it_does(
    tmp_path: Path,
) -> None:
    work = jobs(tmp_path, ENDING)
    own = tmp_path / "jobs" / str(work.start(RULES, [])["id"])
    give_up = time.monotonic() + PATIENCE_SECONDS
    while b"told" not in (own / LINES).read_bytes():
        assert time.monotonic() < give_up
        time.sleep(0.02)
    assert work.state()["doing"] == "counting"
    work.cancel()


def test_a_process_that_dies_is_told_as_failed_and_gives_way(tmp_path: Path) -> None:
    work = jobs(tmp_path, WAITING)
    work.start(RULES, [])
    until(work, "running")
    os.kill(read_json(tmp_path / "jobs" / JOB)["pid"], signal.SIGKILL)
    assert "ended before it was done" in until(work, "failed")["words"]
    with pytest.raises(Problem) as refused:
        work.result()
    assert refused.value.status == 404
    work.start(RULES, [])
    assert work.cancel()["state"] == "cancelled"


def test_what_the_command_complains_of_is_told_without_a_path(tmp_path: Path) -> None:
    work = jobs(tmp_path, FAULTY)
    work.start(RULES, [])
    assert until(work, "failed")["words"] == "your table: is no table"


def test_a_comparison_ends_with_the_service(run: Path, tmp_path: Path) -> None:
    with asked_of(run, tmp_path, None, program(WAITING)) as client:
        assert client.post("/page/rules/run", json={"text": RULES}).json()["state"] == "running"
        assert client.post("/page/rules/run", json={"text": RULES}).status_code == 409
        assert client.get("/page/rules/result").status_code == 404
    assert jobs_state(tmp_path) == "cancelled"


def jobs_state(scratch: Path) -> str:
    return str(Jobs(scratch / "rules", (), None).state()["state"])


def test_a_faulty_table_is_not_compared_and_the_run_is_never_written(
    client: TestClient, run: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.parents[2].rglob("*")}
    refused = client.post("/page/rules/run", json={"text": "rules: []"})
    assert refused.status_code == 422
    assert client.post("/page/rules/run", json={"text": RULES}).status_code == 200
    begun = client.get("/page/rules").json()
    assert [table["key"] for table in begun["tables"]] == ["mine"]
    assert begun["before"]["points_from"] == "score column rules_score"
    assert before == {path: path.stat().st_mtime_ns for path in run.parents[2].rglob("*")}


def test_where_nothing_can_be_compared_it_says_so(tmp_path: Path) -> None:
    run = write_tables(tmp_path / "data/runs/small")
    with asked_of(run, tmp_path, None, program(DONE)) as client:
        assert client.get("/page/rules").json()["can_run"] is False
        told = client.post("/page/rules/run", json={"text": RULES})
    assert told.status_code == 409
    assert "leadcast compare" in told.json()["detail"]
    with asked_of(None, tmp_path) as client:
        assert client.get("/page/rules").status_code == 404


def test_a_body_that_is_read_at_once_has_a_smaller_bound(client: TestClient) -> None:
    body, headers = b" " * (2**20 + 1), {"content-type": "application/json"}
    for content in (body, iter([body])):
        answer = client.post("/page/rules/check", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:leadcast:too-large")
    longest = check(client, "💥" * MOST_LETTERS)
    assert longest["usable"] is False
