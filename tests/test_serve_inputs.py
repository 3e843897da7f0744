"""What a batch reads: files, folders, globs, queries, whole or in pieces, the same scores."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.tables import TIME
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import CanonicalSource, Export, place_of, place_of_source
from leadcast.serve.batch.parts import changed_since
from leadcast.serve.scorer import Scorer
from tests.joined_samples import ACCOUNTS, ON, account_source, joined_by
from tests.scoring_world import START, bundle_folder, scoring_world

AS_OF = START + timedelta(days=150)
SINCE = AS_OF - timedelta(days=10)
SETTINGS = BatchSettings(AS_OF)
ZONE = "%Y-%m-%dT%H:%M:%S%.6fZ"


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def leads() -> pl.DataFrame:
    return scoring_world().tables.leads.drop("position").head(300)


@cache
def events() -> pl.DataFrame:
    return scoring_world().tables.events.collect()


@cache
def expected() -> pl.DataFrame:
    return scorer().score(leads(), events().lazy(), AS_OF, [])


def write_parts(table: pl.DataFrame, folder: Path, suffix: str, n_parts: int = 3) -> None:
    folder.mkdir(parents=True)
    for number in range(n_parts):
        part = table[number * table.height // n_parts : (number + 1) * table.height // n_parts]
        path = folder / f"part-{number}{suffix}"
        if suffix == ".csv":
            part.write_csv(path, datetime_format=ZONE)
        else:
            part.write_parquet(path)


def scored(
    folder: Path, own: str | Path, theirs: str | Path | None, database_env: str | None = None
) -> pl.DataFrame:
    out = folder / "out.parquet"
    score_files(scorer(), own, theirs, out, SETTINGS, database_env=database_env)
    return pl.read_parquet(folder / "out.parquet")


@pytest.mark.parametrize("way", ["folder", "glob", "absolute glob"])
def test_parquet_in_several_files_scores_as_in_one(tmp_path: Path, way: str) -> None:
    write_parts(leads(), tmp_path / "leads/day=1", ".parquet")
    write_parts(events(), tmp_path / "events", ".parquet")
    (tmp_path / "leads/_SUCCESS.parquet").touch()
    places: dict[str, tuple[Path | str, Path | str]] = {
        "folder": (tmp_path / "leads", tmp_path / "events"),
        "glob": (tmp_path / "leads/*/part-*.parquet", tmp_path / "events/*.parquet"),
        "absolute glob": (str(tmp_path / "leads/**/p*.parquet"), str(tmp_path / "events/p*")),
    }
    assert_frame_equal(scored(tmp_path, *places[way]), expected(), check_exact=True)


@pytest.mark.parametrize("piece_rows", [100_000, 70])
def test_csv_in_pieces_scores_as_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_rows: int
) -> None:
    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
    monkeypatch.setattr(batch_inputs, "PIECE_ROWS", piece_rows)
    write_parts(leads(), tmp_path / "leads", ".csv")
    write_parts(events(), tmp_path / "events", ".csv")
    found = scored(tmp_path, tmp_path / "leads/*.csv", tmp_path / "events/*.csv")
    assert_frame_equal(found, expected(), check_exact=True)
    names = {"leads", "events", "out.parquet", ".out.parquet.leadcast"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_csv_in_pieces_is_resumed_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
    monkeypatch.setattr(batch_inputs, "PIECE_ROWS", 70)
    leads().write_csv(tmp_path / "leads.csv", datetime_format=ZONE)
    files = (tmp_path / "leads.csv", None)
    score_files(scorer(), *files, tmp_path / "whole.csv", SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        score_files(scorer(), *files, tmp_path / "out.csv", SETTINGS, killed)
    assert not (tmp_path / "out.csv").exists()
    score_files(scorer(), *files, tmp_path / "out.csv", BatchSettings(AS_OF, resume=True))
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_faults_in_pieces_name_the_file_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
    monkeypatch.setattr(batch_inputs, "PIECE_ROWS", 70)
    bad = leads().with_columns(created_at=pl.lit("yesterday"))
    bad.write_csv(tmp_path / "leads.csv")
    with pytest.raises(FaultsError) as raised:
        scored(tmp_path, tmp_path / "leads.csv", None)
    assert "leads.csv" in str(raised.value)
    assert "yesterday" in str(raised.value)
    assert "piece_" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {"leads.csv"}


@pytest.mark.parametrize("damaged", ["leads", "events"])
def test_parquet_that_is_cut_off_is_told(tmp_path: Path, damaged: str) -> None:
    places = {"leads": tmp_path / "leads.parquet", "events": tmp_path / "events.parquet"}
    leads().write_parquet(places["leads"])
    events().write_parquet(places["events"])
    whole = places[damaged].read_bytes()
    places[damaged].write_bytes(whole[: len(whole) // 2])
    told = rf"{damaged}\.parquet: found .* not a whole Parquet file"
    with pytest.raises(FaultsError, match=told):
        score_files(scorer(), places["leads"], places["events"], tmp_path / "out.csv", SETTINGS)
    assert not (tmp_path / "out.csv").exists()


def test_a_lead_twice_is_refused_though_it_stands_in_two_files(tmp_path: Path) -> None:
    write_parts(pl.concat([leads(), leads().head(1)]), tmp_path / "leads", ".csv")
    with pytest.raises(FaultsError, match="lead 0"):
        scored(tmp_path, tmp_path / "leads/*.csv", None)


def fill_sqlite(path: Path, asked: pl.DataFrame | None = None) -> str:
    with sqlite3.connect(path) as database:
        for name, table in (("leads", leads() if asked is None else asked), ("events", events())):
            told = table.with_columns(pl.col(pl.Datetime).dt.strftime(ZONE))
            told = told.with_columns(pl.col(pl.Boolean).cast(pl.Int8))
            columns = ", ".join(told.columns)
            database.execute(f"CREATE TABLE {name} ({columns})")
            marks = ", ".join("?" * told.width)
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", told.rows())
    return f"sqlite:///{path}"


def test_a_query_scores_as_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_URL", fill_sqlite(tmp_path / "crm.db"))
    queries = ("SELECT * FROM leads", "select lead_id, occurred_at, event_type, value from events")
    found = scored(tmp_path, *queries, database_env="CRM_URL")
    assert_frame_equal(found, expected(), check_exact=True)


def test_a_query_without_a_database_is_refused() -> None:
    with pytest.raises(LeadcastError, match="--database-env"):
        place_of("SELECT * FROM leads")


def test_a_query_that_the_database_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_URL", fill_sqlite(tmp_path / "crm.db"))
    with pytest.raises(LeadcastError, match="no such table: nobody"):
        scored(tmp_path, "SELECT * FROM nobody", None, database_env="CRM_URL")


@pytest.mark.parametrize("place", ["s3://crm/leads/", "gs://crm/*.parquet", "abfss://a@b/c.csv"])
def test_an_object_stores_address_is_no_folder(place: str) -> None:
    outputs = (Outputs(file=Path(place).with_suffix(".csv")), Outputs(history=Path(place)))
    ways: list[Callable[[], object]] = [partial(place_of, place)]
    ways += [each.refuse_unusable for each in outputs]
    for refused in ways:
        with pytest.raises(LeadcastError, match="found an address; expected a file or folder"):
            refused()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent", "no such file or folder"),
        ("*.gone", "no file is called so"),
        ("/dev/null", "is a device, no regular file"),
    ],
)
def test_a_place_where_nothing_is_is_told(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(LeadcastError, match=words):
        place_of(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LeadcastError, match="no Parquet file"):
        place_of(tmp_path / "empty")


CHANGES: dict[str, Callable[[pl.DataFrame], set[str]]] = {
    "created": lambda t: set(t.filter(pl.col("created_at") >= SINCE)["lead_id"]),
    "did something": lambda _: set(
        events().filter(pl.col("occurred_at").is_between(SINCE, AS_OF, closed="left"))["lead_id"]
    ),
}


@pytest.mark.parametrize("coded_bytes", [10**9, 0])
def test_only_leads_that_have_changed_are_scored_and_score_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coded_bytes: int
) -> None:
    monkeypatch.setattr(batch_inputs, "CODED_BYTES", coded_bytes)
    leads().write_parquet(tmp_path / "leads.parquet")
    events().write_parquet(tmp_path / "events.parquet")
    settings = BatchSettings(AS_OF, changed_since=SINCE, chunk_leads=70)
    files = (tmp_path / "leads.parquet", tmp_path / "events.parquet")
    score_files(scorer(), *files, tmp_path / "out.parquet", settings)
    found = pl.read_parquet(tmp_path / "out.parquet")
    changed = set.union(*(change(leads()) for change in CHANGES.values()))
    wanted = expected().filter(pl.col("lead_id").is_in(changed))
    assert 0 < wanted.height < expected().height
    assert_frame_equal(found, wanted, check_exact=True)


@pytest.mark.parametrize(("offset_us", "kept"), [(0, 1), (-1, 0)])
def test_a_change_at_the_very_moment_counts(offset_us: int, kept: int) -> None:
    moment = SINCE + timedelta(microseconds=offset_us)
    one = leads().head(1).with_columns(created_at=pl.lit(moment).cast(pl.Datetime("us", "UTC")))
    assert changed_since(one.lazy(), None, SINCE, AS_OF).collect().height == kept
    old = one.with_columns(created_at=SINCE - timedelta(days=9), updated_at=moment)
    assert changed_since(old.lazy(), None, SINCE, AS_OF).collect().height == kept


def test_files_of_other_columns_and_types_score_as_what_they_share(tmp_path: Path) -> None:
    folder = tmp_path / "leads"
    folder.mkdir()
    leads().head(100).write_parquet(folder / "a.parquet")
    others = leads().tail(-100).drop("industry").with_columns(pl.col("budget").cast(pl.String))
    others.write_parquet(folder / "b.parquet")
    events().write_parquet(tmp_path / "events.parquet")
    out = tmp_path / "out.parquet"
    summary = score_files(scorer(), folder, tmp_path / "events.parquet", out, SETTINGS)
    shared = scorer().score(leads().drop("industry"), events().lazy(), AS_OF, [])
    assert_frame_equal(pl.read_parquet(out), shared, check_exact=True)
    assert "'industry': found no such column in 1 of 2 files" in str(summary.warnings[0])


def test_text_files_in_a_folder_of_parquet_are_refused_and_other_files_are_not(
    tmp_path: Path,
) -> None:
    write_parts(leads(), tmp_path / "leads", ".parquet")
    (tmp_path / "leads/README.txt").touch()
    assert len(place_of(tmp_path / "leads").files) == 3
    (tmp_path / "leads/part-9.csv.gz").touch()
    with pytest.raises(LeadcastError, match=r"part-9\.csv\.gz.*name a glob"):
        place_of(tmp_path / "leads")


def test_a_query_of_no_leads_gives_no_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE leads (lead_id TEXT, created_at TEXT)")
    monkeypatch.setenv("CRM_URL", f"sqlite:///{tmp_path / 'crm.db'}")
    assert scored(tmp_path, "SELECT * FROM leads", None, "CRM_URL").height == 0


def test_a_query_without_its_databases_address_is_refused_by_the_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CRM_URL", raising=False)
    with pytest.raises(LeadcastError, match=r"--database-env CRM_URL: .* not set"):
        place_of("SELECT * FROM leads", "CRM_URL")


def test_what_a_query_lacks_is_told_with_its_own_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE leads (number TEXT, created_at TEXT)")
    monkeypatch.setenv("CRM_URL", f"sqlite:///{tmp_path / 'crm.db'}")
    with pytest.raises(LeadcastError, match="There are: 'number', 'created_at'"):
        scored(tmp_path, "SELECT * FROM leads", None, "CRM_URL")


@pytest.mark.parametrize("whole_bytes", [batch_inputs.WHOLE_BYTES, 0])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "lead_id;created_at\nlead 1;2025-03-01T00:00:00Z\n",
            r"one long name, separated by ';': save the file with ',' between its fields, or say "
            r"in a source's definition what separates them \(`read\.separator`",
        ),
        (
            'lead_id,created_at,industry\nlead 1,2025-03-01T00:00:00Z,"retail\n',
            r"never closed; .* Mend the row; .* in a source's definition \(`read\.quote: null`\)",
        ),
    ],
    ids=["semicolons", "open quote"],
)
def test_text_that_is_written_otherwise_is_told_with_what_to_do_without_a_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_bytes: int, text: str, words: str
) -> None:
    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", whole_bytes)
    (tmp_path / "leads.csv").write_text(text)
    with pytest.raises(FaultsError, match=words):
        scored(tmp_path, tmp_path / "leads.csv", None)


@pytest.mark.parametrize("piece_rows", [100_000, 70])
def test_a_column_that_is_missing_hides_no_fault_of_the_others_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_rows: int
) -> None:
    monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
    monkeypatch.setattr(batch_inputs, "PIECE_ROWS", piece_rows)
    first = pl.col("lead_id") == "lead 0"
    budget = pl.when(first).then(pl.lit("much")).otherwise(pl.col("budget").cast(pl.String))
    leads().with_columns(budget.alias("budget")).drop("lead_id").write_csv(
        tmp_path / "leads.csv", datetime_format=ZONE
    )
    value = pl.when(first).then(pl.lit("many")).alias("value")
    events().with_columns(value).drop("event_type").write_csv(
        tmp_path / "events.csv", datetime_format="%Y-%m-%dT%H:%M:%S"
    )
    with pytest.raises(FaultsError) as raised:
        scored(tmp_path, tmp_path / "leads.csv", tmp_path / "events.csv")
    for words in (
        "leads.csv): column 'lead_id': found no such column",
        "events.csv): column 'event_type': found no such column",
        "leads: column 'budget': found 1 of",
        "events: column 'occurred_at'",
    ):
        assert words in str(raised.value)


MOMENTS = (AS_OF, AS_OF - timedelta(days=20))


@cache
def at_moments() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Each lead at two moments, and what the scorer says of each moment alone."""
    asked = [leads().with_columns(as_of=pl.lit(moment).cast(TIME)) for moment in MOMENTS]
    scores = [scorer().score(leads(), events().lazy(), moment, []) for moment in MOMENTS]
    order = pl.int_range(2 * leads().height, eager=True).shuffle(seed=1)
    return pl.concat(asked)[order], pl.concat(scores)[order]


@pytest.mark.parametrize("way", ["parquet", "csv", "csv in pieces", "csv in one piece", "query"])
def test_a_lead_is_scored_at_each_of_its_moments_on_every_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    asked, wanted = at_moments()
    suffix = ".parquet" if way == "parquet" else ".csv"
    write_parts(asked, tmp_path / "leads", suffix, n_parts=1)
    write_parts(events(), tmp_path / "events", suffix, n_parts=1)
    places = [next((tmp_path / name).iterdir()) for name in ("leads", "events")]
    if way.startswith("csv in"):
        monkeypatch.setattr(batch_inputs, "WHOLE_BYTES", 0)
        monkeypatch.setattr(batch_inputs, "PIECE_ROWS", 70 if way == "csv in pieces" else 10**6)
    if way == "query":
        monkeypatch.setenv("CRM_URL", fill_sqlite(tmp_path / "crm.db", asked))
        queries = ("SELECT * FROM leads", "SELECT * FROM events")
        found = scored(tmp_path, *queries, database_env="CRM_URL")
    else:
        found = scored(tmp_path, places[0], places[1])
    assert_frame_equal(found, wanted, check_exact=True)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_lead_twice_at_one_moment_is_refused(tmp_path: Path, suffix: str) -> None:
    asked, _ = at_moments()
    write_parts(pl.concat([asked, asked.head(1)]), tmp_path / "leads", suffix, n_parts=1)
    with pytest.raises(FaultsError, match=asked["lead_id"][0]):
        scored(tmp_path, next((tmp_path / "leads").iterdir()), None)


def test_a_crm_takes_one_score_of_a_lead(tmp_path: Path) -> None:
    asked, _ = at_moments()
    numbered = asked.with_columns(pl.col("lead_id").str.replace("lead ", "1"))
    numbered.write_parquet(tmp_path / "leads.parquet")
    out = Outputs(tmp_path / "out.csv", "odoo", history=tmp_path / "history")
    with pytest.raises(LeadcastError, match=r"Odoo: found lead '1\d+' at several moments"):
        score_files(scorer(), tmp_path / "leads.parquet", None, out, SETTINGS)
    assert {path.name for path in tmp_path.iterdir()} == {"leads.parquet"}


def test_an_export_is_another_where_what_is_joined_to_it_has_changed(tmp_path: Path) -> None:
    definition = account_source(tmp_path, joined_by(ON, "Industry"))
    leads = CanonicalSource(place_of(tmp_path / "leads.csv"))
    export = Export.of(leads, definition, tmp_path / "out.csv", 100, force=False)
    before = export.stamps()
    assert export.stamps() == before
    (tmp_path / "accounts.csv").write_text(ACCOUNTS + "A4,Law,1,R1\n")
    assert export.stamps() != before


@pytest.mark.parametrize("name", ["accounts.csv", "leads.csv", "outcomes.csv"])
def test_scores_take_the_place_of_no_file_of_the_source(tmp_path: Path, name: str) -> None:
    definition = account_source(tmp_path, joined_by(ON, "Industry"))
    with pytest.raises(LeadcastError, match="is an input"):
        Outputs(tmp_path / name, force=True).refuse_inputs(None, place_of_source(definition))
