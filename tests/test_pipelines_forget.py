"""Forgetting: nothing of a person is left in what Leadcast wrote, and nobody else loses a row."""

import gzip
import hashlib
import shutil
import sqlite3
from contextlib import chdir, closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json, write_text_out, written_whole
from leadcast.features.definitions.load import find_definition
from leadcast.features.forgetting.person import Person
from leadcast.features.forgetting.searching import files_below, search
from leadcast.features.forgetting.tombstone import Tombstones, tombstones_of
from leadcast.features.tables import ACCOUNT_HISTORY, Tables
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily import forget as forgetting
from leadcast.pipelines.daily.forget import ForgetRequest, Forgotten, forget
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.ingest import run as ingest
from tests.small_project import ROOT
from tests.source_samples import changed, sample_keys, write_definition

LEADS = """\
id,created,revenue,source,email,phone,full_name
LEAD-001,2024-01-01T08:00:00Z,1000,Google,Jane.Canary@Example.com,+49 (171) 555-0199,Jane Canary
LEAD-002,2024-01-02T08:00:00Z,,Referral,joe@example.com,+49 171 5550100,Joe Miller
LEAD-003,2024-01-03T08:00:00Z,3000.5,Google,jane.canary@example.com,,Jane Canary
LEAD-004,2024-01-04T08:00:00Z,0,,ann@example.com,+44 20 7946 0000,Ann Lee
"""
EVENTS = "id,at,type,seconds\n" + "".join(
    f"LEAD-00{one},2024-01-0{one + 1}T09:00:00Z,email_opened,\n" for one in (1, 2, 3, 4)
)
OUTCOMES = """\
id,won,lost,amount
LEAD-001,2024-02-01T00:00:00Z,,500
LEAD-002,,2024-02-02T00:00:00Z,
LEAD-004,2024-02-01T00:00:00Z,,500
"""
LISTS = {"lead_ids": pl.List(pl.String)}
HERS, OTHERS = ["LEAD-001", "LEAD-003"], ["LEAD-002", "LEAD-004"]
ASKED = ForgetRequest(leads=("LEAD-001",))


def lay_out(root: Path) -> None:
    """A project in which a person stands in everything that Leadcast writes."""
    raw = root / "export"
    raw.mkdir()
    for name, text in (("leads", LEADS), ("events", EVENTS), ("outcomes", OUTCOMES)):
        (raw / f"{name}.csv").write_text(text, encoding="utf-8")
    (root / "data/sources").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", root)
    more = {f"tables.leads.attributes.{name}": name for name in ("email", "phone", "full_name")}
    write_definition(root / "data/sources", changed(sample_keys(raw), more))
    fetch("sample")
    ingest("sample")
    run, ids = RunFolder("sample"), [*HERS, *OTHERS]
    scores = pl.DataFrame({"lead_id": ids, "probability": [0.1, 0.2, 0.3, 0.4]})
    for path in (run.test_scores, run.snapshots, run.matrix, run.today, run.returned):
        scores.write_parquet(path)
    scores.write_csv(run.today_csv)
    write_json(run.today_misses, {"n": 2, "leads": [{"lead_id": one, "score": 1} for one in ids]})
    with written_whole(run.comparison, "comparison") as folder:
        folder.mkdir()
        scores.write_parquet(folder / "leads.parquet")
        write_json(folder / "comparison.json", {"swap": [{"lead_id": one} for one in ids]})
    run.comparison_page.write_text("<p>LEAD-001 would be called instead</p>", encoding="utf-8")
    cached = root / ".dvc/cache/files/md5/ab"
    cached.mkdir(parents=True)
    (cached / "cdef").write_bytes((run.tables / "leads.parquet").read_bytes())
    (cached / "0123").write_text("nobody", encoding="utf-8")
    history = root / "history"
    history.mkdir()
    scores.write_parquet(history / "20240601-abc.parquet")
    write_text_out(root / "scores.csv", scores.write_csv())
    (root / "notes.txt").write_text("call +49-171-555 0199 back", encoding="utf-8")


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    with chdir(folder):
        lay_out(Path())
    return folder


@pytest.fixture
def project(laid_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "project"
    shutil.copytree(laid_out, copy)
    monkeypatch.chdir(copy)
    return copy


def done(**changes: object) -> Forgotten:
    about = {"leads": ("LEAD-001",), "histories": (Path("history"),), "yes": True} | changes
    return forget("sample", ForgetRequest(**about))  # type: ignore[arg-type]


def digest(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def person() -> Person:
    return Person(tuple(HERS), ("jane.canary@example.com",), ("491715550199",), ("jane canary",))


def traces(root: Path) -> set[str]:
    found = (path for path in files_below([root]) if search(path, person()) is not None)
    return {str(path.relative_to(root)) for path in found}


def test_without_yes_nothing_is_changed_and_all_is_told(project: Path) -> None:
    before = digest(project)
    told = forget("sample", ASKED)
    assert digest(project) == before
    assert told.stands == 0
    assert "2 leads, 1 e-mail addresses, 1 telephone numbers, 1 names" in told.words
    for name in ("leads.parquet", "today.csv", "comparison.html", ".dvc/cache", "export/leads.csv"):
        assert name in told.words
    assert "Jane" not in told.words


def test_the_person_stands_nowhere_but_in_what_is_not_leadcasts(project: Path) -> None:
    # The oracle finds what there is before.
    assert len(traces(project)) == 21
    told = done()
    raw = {"export/leads.csv", "export/events.csv", "export/outcomes.csv", "notes.txt"}
    assert traces(project) == raw
    assert told.stands == len(raw)
    assert "notes.txt: not Leadcast's to change" in told.words
    assert (project / "export/leads.csv").read_text(encoding="utf-8") == LEADS
    assert (project / ".dvc/cache/files/md5/ab/0123").exists()


def test_nobody_else_loses_anything(project: Path) -> None:
    done()
    run = RunFolder("sample")
    tables = Tables.read(run.tables)
    assert tables.leads["lead_id"].to_list() == OTHERS
    assert tables.events.collect()["lead_id"].sort().to_list() == OTHERS
    assert tables.outcomes["lead_id"].sort().to_list() == OTHERS
    for path in (run.test_scores, run.today, run.returned, run.comparison / "leads.parquet"):
        assert pl.read_parquet(path)["lead_id"].to_list() == OTHERS
    assert pl.read_csv(run.today_csv)["lead_id"].to_list() == OTHERS
    assert pl.read_parquet("history/20240601-abc.parquet")["lead_id"].to_list() == OTHERS
    assert pl.read_csv("scores.csv")["lead_id"].to_list() == OTHERS
    # The stages may still replace what they wrote.
    ingest("sample")


def test_the_next_ingest_leaves_the_person_out_and_tells_the_count(project: Path) -> None:
    before = fetch("sample")
    done()
    assert fetch("sample") == before  # the data are the same, and the file tells who is left out
    assert "forgotten" in RunFolder("sample").fingerprint.read_text(encoding="utf-8")
    told = ingest("sample")
    assert "2 forgotten" in told or "forgotten 2" in told
    assert Tables.read(RunFolder("sample").tables).leads["lead_id"].to_list() == OTHERS
    assert "data/runs/sample/tables/quarantine.parquet" not in traces(project)


def test_who_comes_back_later_is_a_new_lead(project: Path) -> None:
    done()
    later = datetime.now(UTC).year + 1
    again = f"LEAD-009,{later}-01-01T08:00:00Z,5,Google,jane.canary@example.com,,Jane\n"
    (project / "export/leads.csv").write_text(LEADS + again, encoding="utf-8")
    keys = changed(sample_keys(Path("export")), {"observed_until": f"{later}-06-01T00:00:00Z"})
    more = {"tables.leads.attributes.email": "email"}
    write_definition(project / "data/sources", changed(keys, more))
    ingest("sample")
    leads = Tables.read(RunFolder("sample").tables).leads["lead_id"].to_list()
    assert leads == [*OTHERS, "LEAD-009"]


def test_colleagues_carry_nothing_of_the_person_at_once(project: Path) -> None:
    leads = LEADS.splitlines()
    accounts = ("account", "A", "A", "B", "A")
    text = "\n".join(f"{one},{other}" for one, other in zip(leads, accounts, strict=True))
    (project / "export/leads.csv").write_text(text + "\n", encoding="utf-8")
    more = {f"tables.leads.attributes.{name}": name for name in ("email", "phone", "full_name")}
    keys = changed(sample_keys(Path("export")), more | {"accounts": {}})
    keys = changed(keys, {"tables.leads.attributes.account_id": "account"})
    write_definition(project / "data/sources", keys)
    ingest("sample")
    run = RunFolder("sample")
    listed = {"account_id": ["A", "B"], "lead_ids": [OTHERS, ["LEAD-003"]]}
    pl.DataFrame(listed).write_parquet(run.listed_accounts)

    def told() -> list[object]:
        tables, folder = Tables.read(run.tables), run.tables
        frames = [pl.read_parquet(folder / f"{one}.parquet") for one in ("accounts", "leads")]
        assert tables.matches is not None
        counts = (folder / "accounts.json").read_text(encoding="utf-8")
        return [
            tables.matches.rows(),
            *(one.drop("position", strict=False).rows() for one in frames),
            counts,
        ]

    def what_joe_carries() -> int:
        return len(Tables.read(run.tables).leads.filter(lead_id="LEAD-002")[ACCOUNT_HISTORY][0])

    # She came, did something and was won; Ann as well.
    assert what_joe_carries() == 6
    done()
    assert what_joe_carries() == 3
    # Nothing leads to an account any more by what she told.
    known = pl.read_parquet(run.tables / "account_keys.parquet")
    assert set(known["lead_id"]) <= {*OTHERS}
    assert pl.read_parquet(run.listed_accounts)["account_id"].to_list() == ["A"]
    # It is what is ingested of an export without her; B, which she alone had made, is gone.
    by_hand = told()
    ingest("sample")
    assert told() == by_hand
    assert pl.read_parquet(run.tables / "accounts.parquet")["account_id"].to_list() == ["A"]


@pytest.mark.parametrize(
    ("ids", "is_hers"), [(["7", "8"], True), (["8", "17"], False), (None, False)]
)
def test_a_short_id_is_found_in_lists_of_ids(ids: list[str] | None, is_hers: bool) -> None:
    frame = pl.DataFrame({"lead_ids": [ids], "others": [["7"]]}, schema_overrides=LISTS)
    assert Person(("7",)).rows(frame).to_list() == [is_hers]


def test_killed_in_the_middle_the_same_call_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(forgetting, "clean_folder", killed)
        with pytest.raises(KilledError):
            done()
    # The tables come last, so that who it is is still known.
    assert "data/runs/sample/tables/leads.parquet" in traces(project)
    assert "data/runs/sample/today.csv" not in traces(project)
    done()
    assert len(traces(project)) == 4


def test_a_tombstone_names_nobody_and_is_its_owners_alone(project: Path) -> None:
    done()
    path = tombstones_of("sample")
    assert not person().in_text(path.read_bytes())
    assert path.stat().st_mode & 0o077 == 0
    known = Tombstones.read("sample")
    assert known.ids(pl.Series(["LEAD-001", "LEAD-002", None])).to_list() == [True, False, False]
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(LeadcastError, match="is no file of tombstones"):
        Tombstones.read("sample")


def test_by_an_address_the_same_person_is_found(project: Path) -> None:
    done(leads=(), emails=(" JANE.canary@example.com",))
    assert len(traces(project)) == 4


def test_numbers_of_rows_are_nobodys_id(project: Path) -> None:
    keys = changed(sample_keys(Path("export")), {"tables.leads.columns": {"lead_id": "row"}})
    for name in ("tables.events", "observed_until"):
        keys = changed(keys, {name: None})
    status = {
        "form": "status",
        "columns": {"status": "source"},
        "won": "Google",
        "lost": "Referral",
    }
    keys["tables"]["outcomes"] = status
    del keys["tables"]["leads"]["attributes"]["source"]
    write_definition(project / "data/sources", keys)
    assert not find_definition("sample").is_dated
    with pytest.raises(LeadcastError, match="ids are numbers of rows"):
        done(leads=("1",), histories=())


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ForgetRequest(), "found nobody; give --lead ID or --email ADDRESS"),
        (ForgetRequest(leads=("x",), also=(Path("nowhere"),)), "found no nowhere"),
    ],
)
def test_what_is_missing_is_told(project: Path, request_: ForgetRequest, words: str) -> None:
    del project
    with pytest.raises(LeadcastError, match=words):
        forget("sample", request_)


# How a person is written.

between = st.sampled_from(["", " ", "-", ".", "/", ") ", " ("])


@given(st.sampled_from(["+49", "0049 ", "0", "(0)", ""]), st.lists(between, min_size=9, max_size=9))
def test_a_number_is_found_in_every_spelling(prefix: str, signs: list[str]) -> None:
    one = Person(phones=("491715550199",))
    typed = prefix + "".join(sign + digit for sign, digit in zip(signs, "715550199", strict=True))
    typed = typed.replace("7", "17", 1) if prefix else typed
    assert one.in_text(f'"call {typed}"'.encode())
    assert not one.in_text(f'"call {typed}1"'.encode())


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("mailto:Jane.Canary@EXAMPLE.com?x", True),
        ("email=jane.canary%40example.com&", True),
        ("jane.canary&#64;example.com", True),
        ("mary.jane.canary@example.com", False),
        ("jane.canary@example.com.au", False),
        ("jane-canary@example.com", False),
        ("0.491715550199", False),
        ("LEAD-0011", False),
        ("XLEAD-001", False),
        ("lead-001", True),
    ],
)
def test_what_only_looks_alike_is_not_the_person(text: str, is_found: bool) -> None:
    assert person().in_text(text.encode()) is is_found


def test_databases_and_archives_are_searched(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as base:
        base.execute("CREATE TABLE tags (value TEXT)")
        base.execute("INSERT INTO tags VALUES ('of jane.canary@example.com')")
        base.commit()
    with gzip.open(tmp_path / "old.csv.gz", "wb") as file:
        file.write(b"x," * 2_500_000 + b"LEAD-003\n")
    (tmp_path / "wide.txt").write_bytes("Jane Canary".encode("utf-16"))
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "others.json").write_text('{"id": "LEAD-002"}', encoding="utf-8")
    assert traces(tmp_path) == {"mlflow.db", "old.csv.gz", "wide.txt", "damaged.parquet"}
