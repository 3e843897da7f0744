"""Exports of no known system, as `leadcast init` describes them, in several languages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import CheckResult, check_source
from leadcast.features.inspection.column_looks import is_name_of_id
from leadcast.pipelines.insight.init import InitRequest, draft_source
from tests.crm_exports import Person, counts, people
from tests.language_exports import database, french, german, parquet, spanish

WRITERS: dict[str, Callable[[Path, Sequence[Person]], None]] = {
    "german": german,
    "spanish": spanish,
    "french": french,
    "parquet": parquet,
}
ROLES = {
    "german": {
        *("job_title", "company_size", "revenue", "industry", "country", "source", "email"),
        "newsletter",
    },
    "spanish": {"job_title", "company_size", "industry", "country", "source", "email"},
    "french": {"job_title", "company_size", "revenue", "industry", "country", "source"},
    "parquet": {"company_size", "source"},
    "database": {"job_title", "company_size", "source"},
}
EVENTS = {"german", "parquet", "database"}


@dataclass(frozen=True)
class Described:
    """An export that was described and checked."""

    language: str
    definition: SourceDefinition
    checked: CheckResult


@pytest.fixture(scope="module", params=[*WRITERS, "database"])
def described(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Described:
    folder, name = tmp_path_factory.mktemp(request.param), request.param
    out = folder / "ours.yaml"
    with pytest.MonkeyPatch.context() as patch:
        if name == "database":
            database(folder / "crm.db", people())
            patch.setenv("CRM_DATABASE_URL", f"sqlite:///{folder / 'crm.db'}")
            asked = InitRequest("ours", database_env="CRM_DATABASE_URL", out=out)
        else:
            WRITERS[name](folder / "export", people())
            asked = InitRequest("ours", folder / "export", time_zone="UTC", out=out)
        draft_source(asked)
        definition = load_definition(out)
        return Described(name, definition, check_source(definition))


def test_the_export_is_read_without_an_issue(described: Described) -> None:
    assert described.checked.is_fine, str(described.checked)
    assert described.checked.counts["leads"] == len(people())


def test_the_outcomes_are_the_true_ones(described: Described) -> None:
    truth = counts(people())
    assert {end: described.checked.counts[end] for end in truth} == truth


def test_the_roles_are_the_right_ones(described: Described) -> None:
    assert ROLES[described.language] <= described.definition.lead_attributes().keys()


def test_the_events_are_found(described: Described) -> None:
    expected = sum(len(one.events) for one in people())
    found = described.checked.counts["events"]
    assert found == (expected if described.language in EVENTS else 0)


def test_what_comes_after_the_end_is_forbidden(tmp_path: Path) -> None:
    german(tmp_path / "export", people())
    out = tmp_path / "ours.yaml"
    draft_source(InitRequest("ours", tmp_path / "export", out=out, time_zone="UTC"))
    definition = load_definition(out)
    assert definition.forbidden.keys() == {"Verlustgrund", "Geändert am"}
    assert definition.tables.leads.rules_score == ("Punkte",)
    assert definition.tables.leads.numbers.decimal == ","


@pytest.mark.parametrize(
    ("words", "is_one"),
    [("kundennr", True), ("auftragsnummer", True), ("lead number", True), ("manor", False)],
)
def test_compound_names_of_identifiers(words: str, is_one: bool) -> None:
    assert is_name_of_id(words) is is_one
