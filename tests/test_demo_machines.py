"""The demo among machines: who did what is known, and detection finds it."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.nonhuman import found_events, quality_of
from leadcast.demo.machines.machine_log import OWN_DOMAIN
from leadcast.demo.machines.written import machines_of
from leadcast.demo.simulate import simulate
from leadcast.features.base.files import read_json
from leadcast.features.definitions.definition import SimulatedMachines

LEADS = 1_200


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("machines") / "world"
    simulate(LEADS, 11, out, part_leads=700, change=machines_of(SimulatedMachines(test_leads=0.02)))
    return out


def test_leads_outcomes_and_truth_are_those_of_the_world_without_machines(
    world: Path, tmp_path: Path
) -> None:
    simulate(LEADS, 11, tmp_path / "plain", part_leads=700)
    for name in ("outcomes", "truth"):
        plain, mine = (
            pl.read_parquet(one / f"{name}.parquet") for one in (tmp_path / "plain", world)
        )
        assert plain.equals(mine)
    about = read_json(tmp_path / "plain" / "about.json")
    assert "machines" not in about
    assert not (tmp_path / "plain" / "event_truth").exists()


def test_every_event_has_its_truth_and_tests_have_own_addresses(world: Path) -> None:
    events = pl.read_parquet(world / "events" / "*.parquet")
    truth = pl.read_parquet(world / "event_truth" / "*.parquet")
    assert events["Event ID"].to_list() == truth["event_id"].to_list()
    assert truth["event_id"].n_unique() == truth.height
    assert set(truth["actor"]) == {
        *("person", "gateway", "privacy_proxy", "colleague", "test_lead", "mail_tool")
    }
    leads = pl.read_parquet(world / "leads.parquet").filter(
        pl.col("Email").str.ends_with(f"@{OWN_DOMAIN}")
    )
    own = events.filter(truth["actor"] == "test_lead")["Lead ID"].unique()
    assert 0 < leads.height < 60
    assert set(own) <= set(leads["Lead ID"])


def test_detection_is_precise_and_finds_most(world: Path) -> None:
    found = quality_of(found_events(world, with_signs=True))
    assert found["precision"] >= 0.98
    assert found["recall"] >= 0.90
    # Without user agents privacy proxies look like people who open everything.
    plain = quality_of(found_events(world, with_signs=False))
    assert plain["precision"] >= 0.97
    assert plain["recall"] < found["recall"]
