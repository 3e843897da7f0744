"""By which names a service is called: a page of the world cannot read leads under its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.requests.hosts import Hosts
from leadcast.serve.requests.problems import Problem
from leadcast.serve.requests.settings import ServeSettings
from tests.service_world import TestClient, client, some_leads


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with client(tmp_path_factory.mktemp("named")) as asked:
        yield asked


def status(hosts: Hosts | None, *told: str, method: str = "GET", **others: str) -> int:
    if hosts is None:
        return 200
    sent = [(b"host", one.encode("latin-1")) for one in told]
    sent += [(name.replace("_", "-").encode(), one.encode()) for name, one in others.items()]
    try:
        hosts.refuse_foreign(method, Headers(raw=sent))
    except Problem as problem:
        return problem.status
    return 200


def hosts(host: str = "127.0.0.1", keys: Path | None = None, *names: str) -> Hosts | None:
    settings = ServeSettings(bundle=Path("b"), named="b", host=host, keys=keys, allow_hosts=names)
    return Hosts.of(settings)


OWN = [
    "localhost", "localhost:8000", "LOCALHOST:1", "localhost.", "localhost.:80", "localhost:",
    "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]", "[0::1]:1",
]  # fmt: skip
OTHER = ["rebound.example", "localhost.example", "127.0.0.1.nip.io", "0.0.0.0", "10.0.0.7",
         "[::2]", "[::ffff:7f00:1]", "local"]  # fmt: skip
NONE = [
    "", " ", "localhost:port", "localhost:65536", "localhost:-1", "jane@localhost", "localhost@x",
    "jane:secret@localhost:80", "::1", "[::1", "[::1]]", "[localhost]", "localhost..", ".localhost",
    "http://localhost", "localhost/", "localhost, localhost", "localhost\\", "loc\xe4lhost",
    "localhost:\xb2", "localhost\0",
]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "expected"),
    [*((one, 200) for one in OWN), *((one, 421) for one in OTHER), *((one, 400) for one in NONE)],
)
def test_a_local_service_answers_to_this_machines_names(host: str, expected: int) -> None:
    assert status(hosts(), host) == expected


def test_the_host_stands_once(service: TestClient) -> None:
    assert status(hosts()) == 400
    assert status(hosts(), "localhost", "localhost") == 400
    assert status(hosts(), "localhost", "rebound.example") == 400


@pytest.mark.parametrize("path", ["/v1/model", "/", "/metrics", "/healthz", "/nowhere"])
def test_a_foreign_name_is_answered_with_a_problem(service: TestClient, path: str) -> None:
    answer = service.get(path, headers={"host": "rebound.example:8000"})
    assert (answer.status_code, answer.json()["type"]) == (421, "urn:leadcast:other-host")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "--allow-host" in answer.json()["detail"]
    assert "rebound" not in answer.text


def test_names_may_be_given(tmp_path: Path) -> None:
    own = hosts("127.0.0.1", None, "leads.example.com", "[2001:DB8::1]")
    assert status(own, "Leads.Example.com:443") == status(own, "[2001:db8:0::1]") == 200
    assert status(own, "localhost") == 200
    assert status(own, "example.com") == 421
    for wrong in ("leads.example.com:80", "http://leads", "jane@leads", "", "*", "[::1]:80"):
        with pytest.raises(LeadcastError, match="--allow-host"):
            hosts("127.0.0.1", None, wrong)


def test_where_a_key_is_demanded_any_name_will_do_unless_names_are_given() -> None:
    keys = Path("keys.json")
    assert hosts("0.0.0.0", keys) is hosts("127.0.0.1", keys) is None
    given = hosts("0.0.0.0", keys, "leads.example.com")
    assert status(given, "leads.example.com") == 200
    assert status(given, "10.0.0.7") == status(given, "rebound.example") == 421


def test_without_keys_elsewhere_addresses_will_do_since_none_can_be_rebound() -> None:
    own = hosts("0.0.0.0")
    for host in ("10.0.0.7:8000", "[2001:db8::1]", "localhost", "0.0.0.0"):
        assert status(own, host) == 200
    assert status(own, "rebound.example") == 421


def test_a_page_of_another_site_changes_nothing() -> None:
    own = hosts("127.0.0.1", None, "leads.example.com")
    host = "localhost:8000"
    for origin, expected in (
        ("http://localhost:8000", 200),
        ("https://LOCALHOST:8000", 200),
        ("https://leads.example.com", 200),
        ("http://localhost:9000", 403),
        ("http://127.0.0.1:8000", 403),
        ("https://rebound.example", 403),
        ("null", 403),
        ("", 403),
    ):
        for method in ("POST", "DELETE", "PUT"):
            assert status(own, host, method=method, origin=origin) == expected
        assert status(own, host, origin=origin) == 200
    for site, expected in (("same-origin", 200), ("none", 200), ("cross-site", 403)):
        assert status(own, host, method="POST", sec_fetch_site=site) == expected
    assert status(own, host, method="POST") == 200


def test_a_foreign_page_is_answered_with_a_problem(service: TestClient) -> None:
    headers = {"origin": "https://rebound.example"}
    answer = service.post("/v1/score", json=some_leads(1), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:leadcast:other-site")
