"""The batch: the scorer's numbers from files of any size, whole or not at all, resumed or not."""

import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.engine import partition as batch_split
from leadcast.features.tables import TIME
from leadcast.features.values import alike
from leadcast.serve.batch import deliver as batch_output
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import without_formulas
from leadcast.serve.batch.parts import summed
from leadcast.serve.batch.work import Work
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.scorer import Scorer
from tests.scoring_world import KINDS, START, bundle_folder, scoring_world

AS_OF = START + timedelta(days=150)
SMALL = BatchSettings(as_of=AS_OF, chunk_leads=120)


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def leads() -> pl.DataFrame:
    return scoring_world().tables.leads


@pytest.fixture
def leads_file(tmp_path: Path) -> Path:
    leads().write_parquet(tmp_path / "leads.parquet")
    return tmp_path / "leads.parquet"


@pytest.fixture
def events_file(tmp_path: Path) -> Path:
    scoring_world().tables.events.sink_parquet(tmp_path / "events.parquet")
    return tmp_path / "events.parquet"


def expected() -> pl.DataFrame:
    return scorer().score(leads(), scoring_world().tables.events, AS_OF, [])


def take_for_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be so small that it is held in memory, or that its texts are read one by one."""
    monkeypatch.setattr(alike, "FEW", 0)
    monkeypatch.setattr(batch_inputs, "CODED_BYTES", 0)
    monkeypatch.setattr(batch_split, "HELD_BYTES", 0)
    monkeypatch.setattr(batch_output, "HELD_BYTES", 0)


@pytest.mark.parametrize("chunk_leads", [100_000, 120, 1])
@pytest.mark.parametrize(("threads", "is_large"), [(1, False), (2, False), (2, True)])
def test_a_batch_gives_the_scores_of_the_scorer_in_the_order_of_the_leads(
    leads_file: Path,
    events_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chunk_leads: int,
    threads: int,
    is_large: bool,
) -> None:
    if is_large:
        take_for_large(monkeypatch)
    if chunk_leads == 1:
        leads().head(12).write_parquet(leads_file)
    settings = BatchSettings(AS_OF, chunk_leads=chunk_leads, threads=threads)
    done = score_files(bundle_folder(), leads_file, events_file, tmp_path / "out.parquet", settings)
    scores = pl.read_parquet(tmp_path / "out.parquet")
    assert_frame_equal(scores, expected().head(done.n_rows), check_exact=True)
    assert done.as_of == AS_OF


@pytest.mark.parametrize("is_large", [False, True])
def test_columns_that_nobody_reads_are_told_once_and_change_nothing(
    events_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    if is_large:
        take_for_large(monkeypatch)
    names = [f"column {n}" for n in range(200)]
    wide = leads().with_columns(pl.lit("x" * 50).alias(name) for name in names)
    wide.write_parquet(tmp_path / "wide.parquet")
    out = tmp_path / "out.parquet"
    done = score_files(scorer(), tmp_path / "wide.parquet", events_file, out, SMALL)
    assert_frame_equal(pl.read_parquet(out), expected(), check_exact=True)
    warnings: list[Fault] = []
    scorer().score(wide, scoring_world().tables.events, AS_OF, warnings)
    told = [fault for fault in done.warnings if "column 'column" in fault.where]
    of_one = [fault for fault in warnings if "column 'column" in fault.where]
    assert [fault.where for fault in told] == [f"leads: column {name!r}" for name in names]
    assert [fault.where for fault in of_one] == [fault.where for fault in told]
    assert {fault.count for fault in told + of_one} == {leads().height}


def test_csv_in_and_csv_out_give_the_same_scores(
    leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    zone = "%Y-%m-%dT%H:%M:%S%.6fZ"
    leads().drop("position").write_csv(tmp_path / "leads.csv", datetime_format=zone)
    events = scoring_world().tables.events.collect()
    events.write_csv(tmp_path / "events.csv", datetime_format=zone)
    out = tmp_path / "out.csv"
    score_files(scorer(), tmp_path / "leads.csv", tmp_path / "events.csv", out, SMALL)
    scores = pl.read_csv(out, try_parse_dates=True, schema_overrides={"lead_id": pl.String})
    assert scores["as_of"].dt.replace_time_zone("UTC").unique().to_list() == [AS_OF]
    numbers = ["lead_id", "probability", "lower", "upper", "score", "percentile", "grade"]
    assert_frame_equal(scores.select(numbers), expected().select(numbers), check_exact=True)


DIALECTS: dict[str, Callable[[str], bytes]] = {
    "a byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "an embedded line end": lambda text: text.replace("buyer", '"buy\ner"').encode(),
    "no line end at the end": lambda text: text.rstrip("\n").encode(),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_csv_as_other_programs_write_it_is_read(dialect: str, tmp_path: Path) -> None:
    few = leads().head(9).drop("position")
    text = few.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    (tmp_path / "leads.csv").write_bytes(DIALECTS[dialect](text))
    score_files(scorer(), tmp_path / "leads.csv", None, tmp_path / "out.parquet", SMALL)
    scores = pl.read_parquet(tmp_path / "out.parquet")
    assert scores["lead_id"].equals(few["lead_id"])
    assert scores["probability"].is_finite().all()


class Killed(BaseException):
    """What ends a batch in the middle."""


def kill_after(n_parts: int) -> Callable[[int, int], None]:
    calls = iter(range(1000))

    def progress(done: int, total: int) -> None:
        if next(calls) == n_parts:
            raise Killed

    return progress


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(("n_parts", "is_large"), [(0, False), (4, False), (4, True)])
def test_a_killed_batch_goes_on_and_gives_the_same_bytes(
    leads_file: Path,
    events_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    n_parts: int,
    is_large: bool,
) -> None:
    if is_large:
        take_for_large(monkeypatch)
    whole, out = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    score_files(scorer(), leads_file, events_file, whole, SMALL)
    with pytest.raises(Killed):
        score_files(scorer(), leads_file, events_file, out, SMALL, kill_after(n_parts))
    assert not out.exists()
    resumed = BatchSettings(AS_OF, resume=True, chunk_leads=120)
    score_files(scorer(), leads_file, events_file, out, resumed)
    assert out.read_bytes() == whole.read_bytes()
    left = [path.name for path in tmp_path.glob(".*") if path.suffix != ".leadcast"]
    assert not left, "something but marks is left behind"


def test_a_batch_killed_while_it_writes_leaves_no_half_output(
    leads_file: Path, events_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    out = tmp_path / "out.csv"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            score_files(scorer(), leads_file, events_file, out, SMALL)
    assert not out.exists()
    score_files(scorer(), leads_file, events_file, out, BatchSettings(AS_OF, True, 120))
    assert len(out.read_bytes().splitlines()) == 601
    left = [path.name for path in tmp_path.glob(".*") if path.suffix != ".leadcast"]
    assert not left, "something but marks is left behind"


def test_a_resumed_batch_does_not_score_again_what_is_done(
    leads_file: Path, events_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []
    keep = Work.keep

    def counted(work: Work, part: int, scores: pl.DataFrame, warnings: list[Fault]) -> None:
        scored.append(part)
        keep(work, part, scores, warnings)

    monkeypatch.setattr(Work, "keep", counted)
    out = tmp_path / "out.parquet"
    with pytest.raises(Killed):
        score_files(scorer(), leads_file, events_file, out, SMALL, kill_after(3))
    before = len(scored)
    assert 3 <= before <= 5
    resumed = BatchSettings(AS_OF, resume=True, chunk_leads=120)
    done = score_files(scorer(), leads_file, events_file, out, resumed)
    assert sorted(scored) == list(range(5))
    assert done.n_rows == leads().height


def test_a_resumed_batch_keeps_the_moment_at_which_it_began(
    leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    out, now = tmp_path / "out.parquet", BatchSettings(chunk_leads=120)
    before = datetime.now().astimezone()
    with pytest.raises(Killed):
        score_files(scorer(), leads_file, events_file, out, now, kill_after(2))
    after = datetime.now().astimezone()
    done = score_files(scorer(), leads_file, events_file, out, BatchSettings(None, True, 120))
    assert done.as_of is not None
    assert before <= done.as_of <= after
    assert pl.read_parquet(out)["as_of"].unique().to_list() == [done.as_of]


@pytest.mark.parametrize("other", ["leads", "as_of", "chunk"])
def test_another_batch_is_not_resumed(
    leads_file: Path, events_file: Path, tmp_path: Path, other: str
) -> None:
    out = tmp_path / "out.parquet"
    with pytest.raises(Killed):
        score_files(scorer(), leads_file, events_file, out, SMALL, kill_after(2))
    if other == "leads":
        leads().head(500).write_parquet(leads_file)
    moment = AS_OF + timedelta(days=1) if other == "as_of" else AS_OF
    resumed = BatchSettings(moment, True, 121 if other == "chunk" else 120)
    with pytest.raises(LeadcastError, match="without resuming"):
        score_files(scorer(), leads_file, events_file, out, resumed)
    score_files(scorer(), leads_file, events_file, out, SMALL)
    assert out.exists()


def test_faults_of_all_parts_are_told_before_anything_is_scored(
    leads_file: Path, events_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nameless = leads().head(7).with_columns(lead_id=pl.lit(None, pl.String))
    pl.concat([leads(), leads().gather_every(50), nameless]).write_parquet(leads_file)
    monkeypatch.setattr("leadcast.serve.batch.parts.score_rows", lambda *_: pytest.fail("scored"))
    with pytest.raises(FaultsError) as refused:
        score_files(scorer(), leads_file, events_file, tmp_path / "out.csv", SMALL)
    assert sorted(fault.count for fault in refused.value.faults) == [7, 24]
    assert re.search(r"more than once, such as \['lead \d+'\] \(24 rows\)", str(refused.value))
    assert {path.name for path in tmp_path.iterdir()} == {"leads.parquet", "events.parquet"}


def test_an_output_that_was_there_stays_when_the_batch_fails(
    leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    score_files(scorer(), leads_file, events_file, out, SMALL)
    yesterday = out.read_bytes()
    leads().drop("created_at").write_parquet(leads_file)
    with pytest.raises(LeadcastError, match="created_at"):
        score_files(scorer(), leads_file, events_file, out, SMALL)
    assert out.read_bytes() == yesterday


@pytest.mark.parametrize(
    ("name", "words"), [("absent.csv", "absent.csv"), ("absent.parquet", "absent.parquet")]
)
def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(LeadcastError, match=words):
        score_files(scorer(), tmp_path / name, None, tmp_path / "out.csv", SMALL)


def test_another_kind_of_output_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match=r"\.csv or \.parquet"):
        score_files(tmp_path / "absent", tmp_path / "x.csv", None, tmp_path / "out.xlsx")


def test_progress_is_told_from_nothing_to_all(
    leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    out = tmp_path / "out.csv"
    score_files(scorer(), leads_file, events_file, out, SMALL, lambda *now: told.append(now))
    assert told[0] == (0, 600)
    assert told[-1] == (600, 600)
    assert told == sorted(told)


def test_warnings_are_counted_over_all_parts(
    leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    leads().with_columns(shoe_size=44).write_parquet(leads_file)
    done = score_files(scorer(), leads_file, events_file, tmp_path / "out.csv", SMALL)
    (more,) = [fault for fault in done.warnings if "shoe_size" in fault.where]
    assert more.count == 600
    assert "(600 rows)" in str(more)


def with_events(asked: pl.DataFrame, has: bool) -> pl.DataFrame:
    """Those of some leads that have events, or have none."""
    events = scoring_world().tables.events.collect()
    created = pl.min_horizontal("created_at", pl.lit(AS_OF - timedelta(2))).cast(TIME)
    return asked.with_columns(created).join(events, on="lead_id", how="semi" if has else "anti")


@pytest.mark.parametrize("chunk_leads", [100_000, 7])
def test_some_leads_without_events_are_usual_and_all_are_not(
    events_file: Path, tmp_path: Path, chunk_leads: int
) -> None:
    settings = BatchSettings(AS_OF, chunk_leads=chunk_leads)
    some, none = with_events(leads(), has=True).head(40), with_events(leads(), has=False).head(9)
    twice = pl.concat([none.with_columns(as_of=pl.lit(AS_OF - timedelta(n))) for n in (0, 1)])
    found = {}
    for name, asked, known in (
        ("some", pl.concat([some, none]), events_file),
        ("all", none, events_file),
        ("all, twice", twice.with_columns(pl.col("as_of").cast(TIME)), events_file),
        ("no table", some, None),
    ):
        asked.write_parquet(tmp_path / "some.parquet")
        done = score_files(scorer(), tmp_path / "some.parquet", known, tmp_path / "o.csv", settings)
        told = [fault for fault in done.warnings if fault.where == "events"]
        assert len(told) == 1, name
        found[name] = told[0] in done.unexpected
    assert found == {"some": False, "all": True, "all, twice": True, "no table": True}


UNEXPECTED: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "shoe_size": lambda t: t.with_columns(shoe_size=44),
    "industry": lambda t: t.with_columns(industry=pl.lit("alchemy")),
    "budget": lambda t: t.drop("budget"),
}


@pytest.mark.parametrize("case", UNEXPECTED)
def test_what_a_healthy_export_does_not_bring_is_unexpected(
    events_file: Path, tmp_path: Path, case: str
) -> None:
    UNEXPECTED[case](leads().head(40)).write_parquet(tmp_path / "some.parquet")
    done = score_files(scorer(), tmp_path / "some.parquet", events_file, tmp_path / "o.csv", SMALL)
    assert any(case in fault.where for fault in done.unexpected)


def renamed(events: pl.DataFrame, share: float) -> pl.DataFrame:
    """The events, some of whose kinds are written otherwise."""
    some = pl.int_range(pl.len()) % 1000 < 1000 * share
    other = pl.col("event_type").str.replace_all("_", " ").str.to_uppercase()
    return events.with_columns(event_type=pl.when(some).then(other).otherwise("event_type"))


@pytest.mark.parametrize(("share", "n_unexpected"), [(1.0, 1), (0.3, 1), (0.001, 0)])
@pytest.mark.parametrize("chunk_leads", [100_000, 60])
def test_kinds_of_events_that_were_renamed_are_unexpected(
    leads_file: Path, tmp_path: Path, share: float, n_unexpected: int, chunk_leads: int
) -> None:
    events = renamed(scoring_world().tables.events.collect(), share)
    events.write_parquet(tmp_path / "renamed.parquet")
    settings, out = BatchSettings(AS_OF, chunk_leads=chunk_leads), tmp_path / "o.csv"
    done = score_files(scorer(), leads_file, tmp_path / "renamed.parquet", out, settings)
    told = [fault for fault in done.warnings if "event_type" in fault.where]
    assert len(told) == 1
    assert told[0].count == (~events["event_type"].is_in(KINDS)).sum()
    assert len([fault for fault in told if fault in done.unexpected]) == n_unexpected
    assert share < 1 or "(perhaps 'page_viewed')" in told[0].found


def test_what_is_unexpected_in_one_part_is_so_in_all() -> None:
    usual = Fault("leads", "it", "nothing", "None.", "warning", 2, is_usual=True)
    for parts in ([usual, replace(usual, is_usual=False)], [replace(usual, is_usual=False), usual]):
        assert [(one.count, one.is_usual) for one in summed(parts)] == [(4, False)]
    assert [one.is_usual for one in summed([usual, usual])] == [True]


def test_faults_of_a_kind_are_told_once_with_the_counts_of_all() -> None:
    counted = [Fault("a", f"such as {n}", "c", "d", count=n) for n in (2, 3)]
    other = Fault("b", "x", "c", "d", count=1)
    assert summed([*counted, other]) == [Fault("a", "such as 2", "c", "d", count=5), other]


def test_no_leads_give_an_empty_file(leads_file: Path, tmp_path: Path) -> None:
    leads().head(0).write_parquet(leads_file)
    done = score_files(scorer(), leads_file, None, tmp_path / "out.csv", SMALL)
    assert done.n_rows == 0
    header = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(header) == 1
    assert header[0].startswith("lead_id,as_of,probability")


FORMULAS = [
    *["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "|x", "%x"],
    *["\uff1d1+1", "\uff0b1", "\uff0d1+1", "\uff20SUM(A1)", "\u200b=1", "\u2060\ufeff=1"],
]


def test_csv_carries_no_formula(tmp_path: Path) -> None:
    ids = [*FORMULAS, "-12", "+49 170", "+4917", "lead 1", "", "1=1"]
    few = leads().head(len(ids)).with_columns(lead_id=pl.Series(ids))
    few.write_parquet(tmp_path / "leads.parquet")
    score_files(scorer(), tmp_path / "leads.parquet", None, tmp_path / "out.csv", SMALL)
    written = pl.read_csv(tmp_path / "out.csv", schema_overrides={"lead_id": pl.String})
    changed = [f"'{name}" for name in FORMULAS]
    assert written["lead_id"].to_list() == [
        *changed, "-12", "'+49 170", "+4917", "lead 1", "", "1=1"
    ]  # fmt: skip


def test_no_form_of_a_formulas_first_letter_passes_and_nothing_unseen_hides_it() -> None:
    letters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    kin = [one for one in letters if unicodedata.normalize("NFKC", one)[:1] in set("=+-@|%")]
    unseen = [one for one in letters if unicodedata.category(one) in ("Cc", "Cf", "Zs", "Zl", "Zp")]
    assert {"\uff1d", "\uff0b", "\uff0d", "\uff20"} < set(kin)
    assert {"\ufeff", "\u200b", "\u2060", "\u00ad"} < set(unseen)
    texts = [f"{one}1+1" for one in kin] + [f"{one}=1+1" for one in unseen]
    safe = pl.DataFrame({"x": texts}).select(without_formulas(pl.col("x")))["x"].to_list()
    assert safe == [f"'{text}" for text in texts]


def test_texts_of_all_languages_are_no_formulas() -> None:
    texts = ["Jürgen", "\u5f20\u4f1f", "\ufeffa", "\u200bname", "a=1", "\u0627\u0644", "é", "1-2"]
    safe = pl.DataFrame({"x": texts}).select(without_formulas(pl.col("x")))["x"].to_list()
    assert safe == texts


def test_parquet_keeps_ids_as_they_are(tmp_path: Path) -> None:
    few = leads().head(len(FORMULAS)).with_columns(lead_id=pl.Series(FORMULAS))
    few.write_parquet(tmp_path / "leads.parquet")
    score_files(scorer(), tmp_path / "leads.parquet", None, tmp_path / "out.parquet", SMALL)
    assert pl.read_parquet(tmp_path / "out.parquet")["lead_id"].to_list() == FORMULAS


def test_plain_numbers_are_no_formulas() -> None:
    texts = pl.DataFrame({"x": ["-1.5", "+3", "-1,5", "-x", "12", None]})
    safe = texts.select(without_formulas(pl.col("x")))["x"].to_list()
    assert safe == ["-1.5", "+3", "-1,5", "'-x", "12", None]


def explained(tmp_path: Path, which: str, suffix: str = ".parquet") -> pl.DataFrame:
    leads().write_parquet(tmp_path / "leads.parquet")
    scoring_world().tables.events.sink_parquet(tmp_path / "events.parquet")
    settings = replace(SMALL, reasons=ReasonsAsked.parse(which))
    out = tmp_path / f"out{suffix}"
    done = score_files(
        scorer(), tmp_path / "leads.parquet", tmp_path / "events.parquet", out, settings
    )
    scores = pl.read_parquet(out) if suffix == ".parquet" else pl.read_csv(out)
    column = scores["reasons"] if suffix == ".parquet" else scores["reasons_up"]
    assert done.n_reasons == column.is_not_null().sum()
    assert done.grades == dict(scores.group_by("grade").len().iter_rows())
    return scores


@pytest.mark.parametrize("which", ["top:7", "top:300", "cut", "all"])
def test_a_batch_in_parts_explains_the_leads_that_the_scorer_explains(
    tmp_path: Path, which: str
) -> None:
    events = scoring_world().tables.events
    whole = scorer().score(leads(), events, AS_OF, [], ReasonsAsked.parse(which))
    assert_frame_equal(explained(tmp_path, which), whole, check_exact=True)


def test_csv_tells_reasons_in_words(tmp_path: Path) -> None:
    scores = explained(tmp_path, "top:5", ".csv")
    best = scores.filter(pl.col("reasons_up").is_not_null())
    assert best.height == 5
    for text in best["reasons_up"]:
        for words in text.split(" | "):
            assert ": " in words, "a reason tells the lead's own value"
