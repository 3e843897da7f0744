"""The service against its own OpenAPI document: whatever it allows or forbids is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

from leadcast.serve.http.keys import create_key
from tests.service_world import TestClient, client

_QUICK = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


ASKED, OPEN = ("/v1/score", "/v1/model"), ("/healthz", "/readyz", "/metrics")
NEGATIVE = schemathesis.GenerationMode.NEGATIVE
SENT_RIGHT = {ParameterLocation.HEADER, ParameterLocation.QUERY}
# What takes no parameters cannot be asked wrongly.
CASES = [(path, mode) for path in ASKED for mode in schemathesis.GenerationMode]
CASES += [(path, schemathesis.GenerationMode.POSITIVE) for path in OPEN]


@pytest.fixture(scope="module")
def with_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str]]:
    folder = tmp_path_factory.mktemp("contract")
    key = create_key(folder / "keys.json", "schemathesis")
    with client(folder, keys=folder / "keys.json") as service:
        yield service, key


@pytest.mark.parametrize(("path", "mode"), CASES)
def test_the_service_keeps_its_own_contract(
    with_keys: tuple[TestClient, str], path: str, mode: schemathesis.GenerationMode
) -> None:
    service, key = with_keys
    operations = schemathesis.openapi.from_asgi("/openapi.json", service.app)[path]
    (method,) = operations
    known = {"Authorization": f"Bearer {key}"}

    @_QUICK
    @given(case=operations[method].as_strategy(generation_mode=mode))
    def keeps(case: schemathesis.Case[Any]) -> None:
        # A key that is lacking is put in, and a name without a value is not sent: where nothing
        # but these was wrong, the service is asked something right.
        assert case.meta is not None
        wrong = {where for where, one in case.meta.components.items() if one.mode is NEGATIVE}
        is_right = mode is NEGATIVE and not wrong - SENT_RIGHT
        excluded: list[Any] = [negative_data_rejection] if is_right else []
        case.call_and_validate(headers=known, excluded_checks=excluded)

    keeps()


def test_the_document_tells_all_addresses_and_an_example_that_works(
    with_keys: tuple[TestClient, str],
) -> None:
    service, key = with_keys
    document = service.get("/openapi.json").json()
    assert set(document["paths"]) == {*ASKED, *OPEN}
    body = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        known = {"Authorization": f"Bearer {key}"}
        answer = service.post("/v1/score", json=example["value"], headers=known)
        assert answer.status_code == 200
        # Of the second lead nothing is known.
        assert [(one["where"], one["count"]) for one in answer.json()["warnings"]] == [
            ("events", 1)
        ]
    assert Path(body["schema"]["$ref"]).name in document["components"]["schemas"]
