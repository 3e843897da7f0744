"""The service's answers: the scorer's numbers, and errors that name what is wrong."""

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from leadcast.features.tables import TIME
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.serve.http.guard import PAGE_POLICY
from leadcast.serve.http.keys import create_key, revoke_key
from leadcast.serve.http.telemetry import JsonFormatter
from leadcast.serve.requests.settings import RequestLimits
from leadcast.serve.scorer import Scorer
from tests.scoring_world import START, VERDICT, bundle_folder, make_tables
from tests.service_world import TestClient, client, question, some_leads

AS_OF = START + timedelta(days=150)
NUMBERS = ("probability", "lower", "upper", "score", "percentile")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(tmp_path_factory.mktemp("service")) as asked:
        yield asked


def score(service: TestClient, asked: object) -> dict[str, Any]:
    answer = service.post("/v1/score", json=asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_batch_http_and_pandas_give_the_same_numbers(service: TestClient) -> None:
    tables, scorer = make_tables(n=150, seed=11), Scorer.load(bundle_folder())
    moments = pl.Series("as_of", [AS_OF + timedelta(hours=number) for number in range(150)])
    leads = tables.leads.with_columns(moments.cast(TIME))
    events = tables.events.collect()
    batch = scorer.score(leads, events, None, [])
    http = pl.DataFrame(score(service, question(leads, events))["scores"])
    rows = question(leads, events)["leads"]
    frame = pl.DataFrame(
        [row["attributes"] | {name: row[name] for name in ("lead_id", "created_at", "as_of")}
         | {"events": json.dumps(row["events"])} for row in rows]
    )  # fmt: skip
    pandas = scorer.score_pandas(frame.to_pandas())
    for name in NUMBERS:
        np.testing.assert_allclose(http[name], batch[name], rtol=0, atol=1e-12)
        np.testing.assert_allclose(pandas[name], batch[name], rtol=0, atol=1e-12)
    for name in ("lead_id", "grade", "model_version"):
        assert http[name].to_list() == batch[name].to_list() == pandas[name].tolist()


def test_reasons_come_where_they_are_asked_and_change_no_score(service: TestClient) -> None:
    asked = some_leads(3) | {"as_of": "2025-08-01T00:00:00Z"}
    plain = score(service, asked)["scores"]
    answer = service.post("/v1/score?reasons=true", json=asked).json()["scores"]
    assert [one.pop("reasons") for one in plain] == [None] * 3
    for told, expected in zip(answer, plain, strict=True):
        reasons = told.pop("reasons")
        assert told == expected
        parts = reasons["base"] + sum(reasons["groups"].values()) + reasons["calibrator"]
        assert parts == pytest.approx(reasons["log_odds"], abs=1e-9)
        assert reasons["up"] + reasons["down"]


def test_how_much_may_be_asked_is_told_in_words(service: TestClient) -> None:
    lead = some_leads(1)["leads"][0]
    event = {"occurred_at": "2025-03-01T00:00:00Z", "event_type": "call"}
    for leads, words in (
        ([], "found 0; expected at least 1"),
        ([lead] * 1_001, "found 1,001; expected at most 1,000"),
        ([lead | {"events": [event] * 10_001}], "found 10,001; expected at most 10,000"),
    ):
        (fault,) = service.post("/v1/score", json={"leads": leads}).json()["errors"]
        assert fault["detail"] == words


def test_a_packed_body_is_refused_as_such(service: TestClient) -> None:
    body, headers = gzip.compress(json.dumps(some_leads(1)).encode()), {"content-encoding": "gzip"}
    json_type = {"content-type": "application/json"}
    answer = service.post("/v1/score", content=body, headers=headers | json_type)
    assert answer.status_code == 415
    assert "send the JSON as it is" in answer.json()["detail"]


def test_all_faults_of_parameters_are_told_at_once(service: TestClient) -> None:
    answer = service.post("/v1/score?reasons=perhaps&jane=1&x=2", json=some_leads(1))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:leadcast:invalid")
    unknown = "found a parameter that is not known; /openapi.json tells those that there are"
    assert [fault["detail"] for fault in answer.json()["errors"]] == [
        "parameter 'reasons': found a text; expected true or false",
        *[unknown] * 2,
    ]
    assert "jane" not in answer.text


def test_the_moment_is_the_leads_own_else_the_requests_else_now(service: TestClient) -> None:
    first, second = some_leads(2)["leads"]
    asked = {"leads": [first | {"as_of": "2025-07-01T02:00:00+02:00"}, second]}
    own, common = score(service, asked | {"as_of": "2025-08-01T00:00:00Z"})["scores"]
    assert (own["as_of"], common["as_of"]) == ("2025-07-01T00:00:00Z", "2025-08-01T00:00:00Z")
    before = datetime.now(UTC)
    now = datetime.fromisoformat(score(service, asked)["scores"][1]["as_of"])
    assert before <= now <= datetime.now(UTC)


def test_what_was_worked_around_is_told_and_counted(service: TestClient) -> None:
    asked = some_leads(3)
    for lead in asked["leads"]:
        lead["attributes"] |= {"shoe_size": 44, "industry": "alchemy"}
        del lead["attributes"]["budget"]
    told = {one["where"]: one["count"] for one in score(service, asked)["warnings"]}
    assert told == {
        "attributes: 'shoe_size'": 3,
        "attributes: 'budget'": 3,
        "leads: column 'industry'": 3,
        "leads: column 'created_at'": 3,
    }


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no leads": (lambda q: {}, "/leads"),
    "no lead": (lambda q: {"leads": []}, "/leads"),
    "a list": (lambda q: [q], ""),
    "no id": (lambda q: drop(q, "lead_id"), "/leads/0/lead_id"),
    "an id of null": (lambda q: put(q, lead_id=None), "/leads/0/lead_id"),
    "no creation": (lambda q: drop(q, "created_at"), "/leads/0/created_at"),
    "a creation of null": (lambda q: put(q, created_at=None), "/leads/0/created_at"),
    "a naive time": (lambda q: put(q, created_at="2025-01-01T00:00:00"), "/leads/0/created_at"),
    "no time": (lambda q: put(q, created_at="1700000000"), "/leads/0/created_at"),
    "a time before all years": (lambda q: put(q, as_of="0001-01-01T00:00:00+14:00"), "/leads/0"),
    "a number for a time": (lambda q: put(q, as_of=1_700_000_000), "/leads/0/as_of"),
    "an unknown field": (lambda q: put(q, events_=[]), "/leads/0/events_"),
    "a text for a number": (lambda q: give(q, budget="12"), "/leads/0/attributes/budget"),
    "true for a number": (lambda q: give(q, budget=True), "/leads/0/attributes/budget"),
    "a number for a text": (lambda q: give(q, industry=1), "/leads/0/attributes/industry"),
    "a number for a flag": (lambda q: give(q, newsletter=1), "/leads/0/attributes/newsletter"),
    "a long text": (lambda q: give(q, job_title="x" * 10_001), "/leads/0/attributes/job_title"),
    "an event without time": (
        lambda q: put(q, events=[{"event_type": "call"}]),
        "/leads/0/events/0/occurred_at",
    ),
    "an event at no time": (
        lambda q: put(q, events=[{"event_type": "call", "occurred_at": None}]),
        "/leads/0/events/0/occurred_at",
    ),
    "too many leads": (lambda q: {"leads": q["leads"] * 500}, "/leads"),
}


def put(asked: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"leads": [asked["leads"][0] | fields]}


def drop(asked: dict[str, Any], name: str) -> dict[str, Any]:
    lead = asked["leads"][0]
    return {"leads": [{key: value for key, value in lead.items() if key != name}]}


def give(asked: dict[str, Any], **attributes: object) -> dict[str, Any]:
    return put(asked, attributes=attributes)


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_refused_by_its_place(service: TestClient, case: str) -> None:
    change, pointer = BAD[case]
    answer = service.post("/v1/score", json=change(some_leads(3)))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert problem["errors"][0]["detail"]


def test_an_id_twice_is_refused_with_its_places(service: TestClient) -> None:
    answer = service.post("/v1/score", json={"leads": some_leads(1)["leads"] * 3})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:leadcast:repeated")
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == ["/leads/1/lead_id", "/leads/2/lead_id"]


UNUSABLE = {
    "the year 1": ({"created_at": "0001-01-01T00:00:00+14:00"}, "/leads/0/created_at"),
    "an empty date": ({"created_at": "1979-12-31T23:59:59Z"}, "/leads/0/created_at"),
    "a blank id": ({"lead_id": " \u200b"}, "/leads/0/lead_id"),
    "a spreadsheet's error": ({"lead_id": "#N/A"}, "/leads/0/lead_id"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_a_batch_refuses_of_a_lead_is_refused(service: TestClient, case: str) -> None:
    fields, pointer = UNUSABLE[case]
    answer = service.post("/v1/score", json=put(some_leads(1), **fields))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:leadcast:unusable")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not any(str(value) in answer.text for value in fields.values())


def test_ids_are_trimmed_as_a_batch_trims_them(service: TestClient) -> None:
    (lead,) = some_leads(1)["leads"]
    padded = lead | {"lead_id": f"\t{lead['lead_id']} \u200b"}
    at = "2025-07-01T00:00:00Z"
    alone = score(service, {"leads": [lead], "as_of": at})
    assert score(service, {"leads": [padded], "as_of": at}) == alone
    answer = service.post("/v1/score", json={"leads": [lead, padded]})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:leadcast:repeated")


def test_a_moment_before_the_creation_is_a_warning_as_in_a_batch(service: TestClient) -> None:
    (lead,) = some_leads(1)["leads"]
    created = lead["created_at"]
    at = {"leads": [lead | {"as_of": created}, lead | {"as_of": "1999-01-01T00:00:00Z"}]}
    told = [one for one in score(service, at)["warnings"] if "before" in one["found"]]
    assert [(one["where"], one["found"], one["count"]) for one in told] == [
        ("leads", "as_of before created_at", 1)
    ]


def test_a_lead_is_scored_at_each_of_its_moments(service: TestClient) -> None:
    (lead,) = some_leads(1)["leads"]
    moments = ["2025-07-01T00:00:00Z", "2025-08-01T00:00:00Z"]
    alone = [score(service, {"leads": [lead], "as_of": one})["scores"] for one in moments]
    first, second = lead | {"as_of": moments[0]}, lead
    both = score(service, {"leads": [first, second], "as_of": moments[1]})["scores"]
    assert both == [*alone[0], *alone[1]]
    assert [one["as_of"] for one in both] == moments
    same = {"leads": [first, lead | {"as_of": "2025-07-01T02:00:00+02:00"}]}
    assert service.post("/v1/score", json=same).status_code == 409


def test_all_faults_are_told_at_once_without_the_values(service: TestClient) -> None:
    asked = some_leads(3)
    for lead in asked["leads"]:
        lead |= {"created_at": "soon", "attributes": {"budget": "secret@example.com"}}
    answer = service.post("/v1/score", json=asked)
    assert len(answer.json()["errors"]) == 6
    assert "secret" not in answer.text


ODD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "the year 9999": lambda q: put(q, created_at="9999-12-31T23:59:59-14:00"),
    "nothing known": lambda q: put(q, attributes={}, events=[]),
    "a huge number": lambda q: give(q, budget=1e300),
    "strange letters": lambda q: give(q, industry="\0\u202e💥\r\n"),
    "many events": lambda q: put(q, events=q["leads"][0]["events"][:1] * 10_000),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_leads_are_scored(service: TestClient, case: str) -> None:
    (found,) = score(service, ODD[case](some_leads(1)))["scores"]
    assert 0 < found["probability"] < 1


NO_JSON = {
    "nothing": b"",
    "half": b'{"leads": [',
    "NaN": b'{"leads": [{"lead_id": NaN}]}',
    "infinity": b'{"leads": [{"lead_id": "a", "attributes": {"budget": Infinity}}]}',
    "a byte-order mark": b'\xef\xbb\xbf{"leads": []}',
    "no text": b"\xff\xfe",
    "a lone surrogate": b'{"leads": [{"lead_id": "\\ud800"}]}',
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("case", NO_JSON)
def test_what_is_no_json_is_refused(service: TestClient, case: str) -> None:
    headers = {"content-type": "application/json"}
    answer = service.post("/v1/score", content=NO_JSON[case], headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["type"].startswith("urn:leadcast:")


def test_a_body_of_another_kind_is_refused(service: TestClient) -> None:
    answer = service.post("/v1/score", content=b"{}", headers={"content-type": "text/csv"})
    assert answer.status_code == 415


def test_a_huge_body_is_refused_whether_its_length_is_told_or_not(tmp_path: Path) -> None:
    headers = {"content-type": "application/json"}
    with client(tmp_path, RequestLimits(max_body_bytes=2048)) as service:
        told = service.post("/v1/score", content=b" " * 3000, headers=headers)
        untold = service.post("/v1/score", content=iter([b" " * 1000] * 3), headers=headers)
    assert told.status_code == untold.status_code == 413
    assert "2,048 bytes" in told.json()["detail"]


def test_a_key_is_needed_where_there_are_keys(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    key = create_key(keys, "crm")
    with client(tmp_path, keys=keys) as service:
        for sent in ({}, {"authorization": f"Bearer {key}x"}, {"authorization": f"Basic {key}"}):
            answer = service.post("/v1/score", json=some_leads(1), headers=sent)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert service.get("/v1/model", headers=sent).status_code == 401
        known = {"authorization": f"Bearer {key}"}
        assert service.post("/v1/score", json=some_leads(1), headers=known).status_code == 200
        assert service.get("/healthz").status_code == 200


def test_a_revoked_key_is_refused_while_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadcast.serve.http.keys.SECONDS_BETWEEN_LOOKS", 0.0)
    keys = tmp_path / "keys.json"
    first, second = create_key(keys, "crm"), create_key(keys, "web")
    with client(tmp_path, keys=keys) as service:
        revoke_key(keys, first[3:15])
        statuses = [
            service.get("/v1/model", headers={"authorization": f"Bearer {key}"}).status_code
            for key in (first, second)
        ]
        assert statuses == [401, 200]
        keys.write_text("{", encoding="utf-8")
        gone = service.get("/v1/model", headers={"authorization": f"Bearer {second}"})
    assert gone.status_code == 401


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with client(tmp_path, RequestLimits(requests_per_second=0.01)) as service:
        first, second = service.get("/v1/model"), service.get("/v1/model")
    assert (first.status_code, second.status_code) == (200, 429)
    assert 1 <= int(second.headers["retry-after"]) <= 101


def test_scoring_ends_when_its_time_is_over(tmp_path: Path) -> None:
    with client(tmp_path, RequestLimits(score_seconds=1e-6)) as service:
        answer = service.post("/v1/score", json=some_leads(300))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:leadcast:out-of-time")


def test_the_model_is_told(service: TestClient) -> None:
    told = service.get("/v1/model").json()
    manifest = json.loads((bundle_folder() / "manifest.json").read_text(encoding="utf-8"))
    assert told["bundle_id"] == told["on_disk"]["bundle_id"] == manifest["bundle_id"]
    assert told["attributes"] == manifest["origin"]["attribute_types"]
    assert (told["role"], told["seen"], told["judged_by"]) == (None, None, None)
    assert told["about"] == read_manifest(bundle_folder()).origin.describe()
    assert (told["horizon_days"], told["on_disk"]["state"]) == (30, "same")
    assert told["verdict"] == VERDICT.model_dump(mode="json")
    assert [type(told["limits"][name]) for name in ("max_leads", "read_seconds")] == [int, float]


def test_metrics_count_scores_by_grade_and_errors_by_kind(tmp_path: Path) -> None:
    with client(tmp_path) as service:
        grades = [one["grade"] for one in score(service, some_leads(40))["scores"]]
        service.post("/v1/score", json={})
        service.get("/openapi.json")
        text = service.get("/metrics").text
    for grade in set(grades):
        assert f'leadcast_scores_total{{grade="{grade}"}} {grades.count(grade)}.0' in text
    assert 'leadcast_errors_total{kind="invalid"} 1.0' in text
    assert 'leadcast_request_seconds_count{route="/v1/score"} 2.0' in text
    assert 'leadcast_requests_total{route="/openapi.json",status="200"} 1.0' in text
    assert "unmatched" not in text


def test_the_log_tells_of_a_request_and_nothing_of_a_lead(
    service: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise ValueError("jane@example.com cannot be read")

    monkeypatch.setattr("leadcast.serve.requests.request_work._score", break_down)
    with caplog.at_level(logging.INFO, logger="leadcast.http"):
        answer = service.post("/v1/score", json=some_leads(1))
        service.get("/jane@example.com?jane=jane")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:leadcast:internal")
    ours = [record for record in caplog.records if record.name == "leadcast.http"]
    lines = [json.loads(JsonFormatter().format(record)) for record in ours]
    assert "jane" not in json.dumps(lines) + answer.text
    fault, request, _ = lines
    assert (fault["exception"], request["status"]) == ("ValueError", 500)
    assert fault["request"] == request["request"] == answer.headers["x-request-id"]


def test_pages_may_load_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = APIRouter()
    page.get("/", response_class=HTMLResponse)(lambda: "<p>hello</p>")
    with client(tmp_path, pages=(page,)) as service:
        policy = service.get("/").headers["content-security-policy"]
        other = service.get("/healthz").headers["content-security-policy"]
    assert policy == PAGE_POLICY
    assert "'unsafe" not in policy
    assert "default-src 'none'" in other


def test_unknown_addresses_and_methods_are_problems(service: TestClient) -> None:
    for answer, status in ((service.get("/v2"), 404), (service.get("/v1/score"), 405)):
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert "there is no such address" in service.get("/v2").json()["detail"]
        assert "POST" in service.get("/v1/score").headers["allow"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/model", "/metrics", "/nowhere"])
def test_head_is_answered_as_get_without_the_body(service: TestClient, path: str) -> None:
    told, asked = service.get(path), service.head(path)
    assert (asked.status_code, asked.content) == (told.status_code, b"")
    for name in ("content-type", "cache-control", "content-security-policy"):
        assert asked.headers[name] == told.headers[name]
    assert told.content


def test_what_takes_get_says_that_it_takes_head(service: TestClient) -> None:
    for method, path, allowed in (
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("HEAD", "/v1/score", {"POST"}),
    ):
        refused = service.request(method, path)
        assert refused.status_code == 405
        assert set(refused.headers["allow"].split(", ")) == allowed
