"""Drafts of the real exports against the definitions that people wrote by hand."""

from pathlib import Path

import pytest

from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source
from leadcast.pipelines.insight.init import InitRequest, draft_source
from tests.conftest import PROJECT

pytestmark = pytest.mark.real
WON = {"x_education": 3561, "bank_marketing": 4640, "bpi2012": 2246}
ALWAYS_FORBIDDEN = {
    "x_education": {"Tags", "Lead Quality", "Lead Profile", "Last Notable Activity"},
    "bank_marketing": {"duration"},
    "bpi2012": {"n_events", "last_event_time"},
}


@pytest.mark.parametrize("name", WON)
def test_a_draft_reads_a_real_export_as_a_person_does(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    by_hand = load_definition(PROJECT / "data" / "sources" / f"{name}.yaml")
    if not (real_data / name).is_dir():
        pytest.skip(f"{real_data / name} is absent")
    out = tmp_path / f"{name}.yaml"
    draft_source(InitRequest(name, real_data / name, out=out))
    draft = load_definition(out)
    found = check_source(draft)
    assert found.is_fine, str(found)
    assert found.counts["won"] == WON[name]
    assert draft.forbidden.keys() >= ALWAYS_FORBIDDEN[name]
    assert draft.tables.leads.rules_score == by_hand.tables.leads.rules_score
    assert draft.tables.leads.order_by == by_hand.tables.leads.order_by
