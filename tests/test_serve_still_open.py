"""A batch scores the leads that are open, and tells how many it has left out."""

import json
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.new_ends import ENDED as ENDED_AT
from leadcast.features.ingest.new_leads import mapped
from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.daily.score import ScoreRequest, score_new_leads
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import Outputs
from tests.scoring_world import bundle_folder, scoring_world

NOW = datetime(2025, 9, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEADS = scoring_world().tables.leads.head(6).drop("position")
MOMENTS = pl.Series(
    [NOW - SECOND, NOW, None, None, None, NOW + SECOND], dtype=LEADS["created_at"].dtype
)
LOST = pl.Series([None, None, None, None, NOW - SECOND, None], dtype=MOMENTS.dtype)
ENDED = LEADS.with_columns(won_at=MOMENTS, lost_at=LOST)
OPEN = [LEADS["lead_id"][row] for row in (1, 2, 3, 5)]
"""The first was won before, the second at the moment itself, the fifth was lost before."""


def scored(folder: Path, file: str, **more: object) -> tuple[list[str], int | None]:
    settings = BatchSettings(NOW, closed=bool(more.pop("closed", False)))
    outputs = Outputs(folder / "out.parquet", force=True)
    asked = ScoreRequest(bundle_folder(), str(folder / file), None, outputs, settings, **more)  # type: ignore[arg-type]
    summary = score_new_leads(asked).summary
    return pl.read_parquet(folder / "out.parquet")["lead_id"].to_list(), summary.n_closed


@pytest.mark.parametrize("file", ["leads.parquet", "leads.csv"])
def test_leads_that_ended_before_the_moment_are_left_out(tmp_path: Path, file: str) -> None:
    ENDED.write_parquet(tmp_path / "leads.parquet")
    ENDED.write_csv(tmp_path / "leads.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    assert scored(tmp_path, file) == (OPEN, 2)
    assert scored(tmp_path, file, closed=True) == (LEADS["lead_id"].to_list(), 0)


def test_read_in_pieces_the_same_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ENDED.write_csv(tmp_path / "leads.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
    monkeypatch.setattr(batch_inputs, "PIECE_ROWS", 2)
    assert scored(tmp_path, "leads.csv") == (OPEN, 2)


@pytest.mark.parametrize("leads", ["leads.parquet", "leads.csv"])
@pytest.mark.parametrize("outcomes", ["ends.parquet", "ends.csv"])
def test_outcomes_of_their_own_table_tell_it_too(tmp_path: Path, leads: str, outcomes: str) -> None:
    LEADS.write_parquet(tmp_path / "leads.parquet")
    LEADS.write_csv(tmp_path / "leads.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    ends = ENDED.select("lead_id", "won_at", "lost_at")
    ends = pl.concat([ends, ends.head(1).with_columns(lead_id=pl.lit("nobody"))])
    ends.write_parquet(tmp_path / "ends.parquet")
    ends.write_csv(tmp_path / "ends.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    assert scored(tmp_path, leads, outcomes=str(tmp_path / outcomes)) == (OPEN, 2)


def test_where_nothing_tells_how_leads_ended_that_is_said(tmp_path: Path) -> None:
    LEADS.write_parquet(tmp_path / "leads.parquet")
    settings = BatchSettings(NOW)
    request = ScoreRequest(
        bundle_folder(),
        str(tmp_path / "leads.parquet"),
        None,
        Outputs(tmp_path / "o.csv"),
        settings,
    )
    report = score_new_leads(request)
    assert report.facts()["n_closed"] is None
    assert "won and lost leads may be among them" in report.words()
    assert scored(tmp_path, "leads.parquet", closed=True) == (LEADS["lead_id"].to_list(), 0)


def test_a_lead_with_a_moment_of_its_own_is_judged_by_that(tmp_path: Path) -> None:
    own = ENDED.with_columns(as_of=pl.lit(NOW - 2 * SECOND).cast(MOMENTS.dtype))
    own.write_parquet(tmp_path / "leads.parquet")
    assert scored(tmp_path, "leads.parquet") == (LEADS["lead_id"].to_list(), 0)


def test_the_scores_of_open_leads_are_what_they_were(tmp_path: Path) -> None:
    ENDED.write_parquet(tmp_path / "leads.parquet")
    LEADS.write_parquet(tmp_path / "all.parquet")
    scored(tmp_path, "leads.parquet")
    score_files(
        bundle_folder(),
        tmp_path / "all.parquet",
        None,
        tmp_path / "all.out.parquet",
        BatchSettings(NOW),
    )
    whole = pl.read_parquet(tmp_path / "all.out.parquet").filter(pl.col("lead_id").is_in(OPEN))
    assert pl.read_parquet(tmp_path / "out.parquet").equals(whole)


DEFINITION = """
name: own
title: Own
where_to_get: made by a test
root: .
time_zone: UTC
observed_until: 2026-01-01
tables:
  leads:
    read: {files: leads.csv}
    columns: {lead_id: id, created_at: made}
    attributes: {industry: {column: industry, type: category}}
  outcomes: OUTCOMES
"""
BY_WORDS = "{form: status, columns: {status: stage, closed_at: closed}, won: [Won], lost: [Lost]}"
BY_FLAG = "{form: status, columns: {status: stage}, won: [Won], lost: [Lost]}"
BY_STAGE = "{form: status, columns: {status: stage}, won: [Won], lost: [Lost], open: [New]}"
ROWS = """id,made,industry,stage,closed
a,2025-01-01,retail,Won,2025-02-01
b,2025-01-01,retail,Lost,2025-02-01
c,2025-01-01,retail,New,
d,2025-01-01,retail,Won,2025-12-01
"""


@pytest.mark.parametrize(
    ("outcomes", "ended"),
    [
        (BY_WORDS, "abd"),
        (BY_FLAG, "ad"),
        (BY_STAGE, "abd"),
        ("{form: status, columns: {status: gone}, won: [Won]}", ""),
    ],
)
def test_an_export_tells_by_its_definition_which_leads_ended(
    tmp_path: Path, outcomes: str, ended: str
) -> None:
    """A flag alone, whose zeros may be open leads, tells the customers; words tell both."""
    file = tmp_path / "own.yaml"
    file.write_text(DEFINITION.replace("OUTCOMES", outcomes))
    (tmp_path / "new.csv").write_text(ROWS)
    leads = mapped(load_definition(file), (tmp_path / "new.csv",)).whole().leads
    found = leads.filter(pl.col(ENDED_AT).is_not_null()) if ENDED_AT in leads.columns else leads[:0]
    assert "".join(found["lead_id"]) == ended


@pytest.mark.parametrize(
    ("outcomes", "remedy"),
    [
        (BY_WORDS, "those of 'own' stand beside the leads"),
        ("{form: events, won_events: [paid]}", "those of 'own' are events"),
    ],
)
def test_a_file_of_outcomes_that_stand_elsewhere_is_refused_by_what_they_are(
    tmp_path: Path, outcomes: str, remedy: str
) -> None:
    file = tmp_path / "own.yaml"
    events = "read: {files: e.csv}, columns: {lead_id: id, occurred_at: at, event_type: kind}"
    text = DEFINITION.replace("  outcomes:", f"  events: [{{{events}}}]\n  outcomes:")
    file.write_text(text.replace("OUTCOMES", outcomes))
    (tmp_path / "new.csv").write_text(ROWS)
    (tmp_path / "ansi.csv").write_bytes("id;Größe\n1;2\n".encode("cp1252"))
    rows = mapped(load_definition(file), (tmp_path / "new.csv",))
    for wrong in ("new.csv", "ansi.csv"):
        with pytest.raises(FaultsError) as caught:
            rows.ends((tmp_path / wrong,))
        assert remedy in str(caught.value)
        assert "Leave out --outcomes." in str(caught.value)
        assert "encoding" not in str(caught.value)
    (tmp_path / "ends.csv").write_text("lead_id,won_at,lost_at\na,2025-02-01T00:00:00Z,\n")
    assert rows.ends((tmp_path / "ends.csv",))["lead_id"].to_list() == ["a"]


def score(folder: Path, *words: str) -> Result:
    with chdir(folder):
        return CliRunner().invoke(app, ["score", "--bundle", str(bundle_folder()), *words])


STRICT = ("--as-of", NOW.isoformat(), "--strict", "--out", "o.csv", "--leads")


def test_an_empty_table_of_leads_is_told_and_fails_a_strict_batch(tmp_path: Path) -> None:
    LEADS.head(0).write_parquet(tmp_path / "none.parquet")
    ENDED.head(1).write_parquet(tmp_path / "closed.parquet")
    done = score(tmp_path, "--no-events", *STRICT, "none.parquet")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["warnings"][0]["found"] == "no rows"
    # That all of them are closed is no failure of an export.
    assert score(tmp_path, "--no-events", *STRICT, "closed.parquet").exit_code == 0


def test_a_model_that_reads_events_says_aloud_that_there_are_none(tmp_path: Path) -> None:
    young = LEADS.with_columns(
        pl.lit(NOW - SECOND).cast(LEADS["created_at"].dtype).alias("created_at")
    )
    young.write_parquet(tmp_path / "leads.parquet")
    loud = score(tmp_path, *STRICT, "leads.parquet")
    assert loud.exit_code == 3
    assert loud.stderr.startswith("warning: no --events: ")
    assert "features read events (" in loud.stderr
    meant = score(tmp_path, *STRICT, "leads.parquet", "--no-events")
    assert (meant.exit_code, meant.stderr) == (0, "")
    assert json.loads(meant.stdout)["warnings"] == []
    LEADS.write_parquet(tmp_path / "old.parquet")
    old = score(tmp_path, *STRICT, "old.parquet", "--no-events")
    (untested,) = json.loads(old.stdout)["warnings"]
    # Leads grow older while the export stays as it is.
    assert old.exit_code == 0
    assert untested["found"] == "older than 7 days when they are scored (6 rows)"
    both = score(tmp_path, *STRICT, "leads.parquet", "--no-events", "--events", "leads.parquet")
    assert "--events and --no-events: give one" in str(both.exception)


def test_a_pipe_gets_json_and_a_terminal_words(tmp_path: Path) -> None:
    LEADS.write_parquet(tmp_path / "leads.parquet")
    assert json.loads(score(tmp_path, *STRICT, "leads.parquet").stdout)["n_leads"] == 6
    told = score(tmp_path, *STRICT, "leads.parquet", "--summary", "text").stdout
    assert told.startswith("6 leads scored into o.csv")
    refused = score(tmp_path, "--leads", "leads.parquet", "--out", "leads.parquet")
    assert json.loads(refused.stdout)["status"] == "refused"
    assert "is an input" in str(refused.exception)
