"""The scorer: the numbers that are computed directly, whoever stands beside a lead."""

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError
from leadcast.features.engine.engine import compute
from leadcast.features.tables import TIME, empty_events
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.learners.prior import Prior
from leadcast.serve.scorer import Event, Scorer
from leadcast.serve.scores import SCHEMA
from tests.scoring_world import END, START, bundle_folder, scoring_world, undated_origin

ROOT = Path(__file__).parents[1]
AS_OF = START + timedelta(days=150)
HEAVY = ("mlflow", "dvc", "lightgbm", "sklearn", "pandas", "scipy.stats", "matplotlib", "optuna")


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


def leads() -> pl.DataFrame:
    return scoring_world().tables.leads.head(120)


def events() -> pl.LazyFrame:
    return scoring_world().tables.events


def busy_leads() -> pl.DataFrame:
    """Those of which something is known."""
    known = events().select("lead_id").unique().collect()["lead_id"]
    return leads().filter(pl.col("lead_id").is_in(known.implode()))


def at_moments() -> pl.DataFrame:
    """The training snapshots, as a question to the scorer: some leads stand there twice."""
    world = scoring_world()
    moments = world.snapshots.select("lead_id", "as_of")
    return moments.join(world.tables.leads, on="lead_id", how="left", maintain_order="left")


def probability(asked: pl.DataFrame, known: pl.LazyFrame | None = None) -> np.ndarray:
    return (
        scorer()
        .score(asked, events() if known is None else known, AS_OF, [])["probability"]
        .to_numpy()
    )


def test_scores_are_those_computed_directly() -> None:
    scores = scorer().score(at_moments(), events())
    np.testing.assert_allclose(scores["probability"], scoring_world().probability, atol=1e-12)
    assert scores["lead_id"].equals(scoring_world().snapshots["lead_id"])
    assert scores["as_of"].equals(scoring_world().snapshots["as_of"])


def test_the_comparison_can_fail() -> None:
    later = at_moments().with_columns(pl.col("as_of") + timedelta(days=1))
    scores = scorer().score(later, events())
    assert np.abs(scores["probability"].to_numpy() - scoring_world().probability).max() > 1e-3


def test_scores_have_the_columns_they_promise() -> None:
    scores = scorer().score(leads(), events(), AS_OF, [])
    assert scores.schema == pl.Schema(SCHEMA)
    assert scores["score"].equals((100 * scores["probability"]).round(1).rename("score"))
    assert scores["probability"].is_between(0, 1, closed="none").all()
    assert (scores["lower"] <= scores["probability"]).all()
    assert (scores["upper"] >= scores["probability"]).all()
    assert scores["percentile"].is_between(0, 100).all()
    assert set(scores["grade"]) <= set("ABCD")
    assert scores["model_version"].unique().to_list() == [scorer().bundle.manifest.bundle_id[:12]]
    assert not scores["insufficient_data"].any()


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(leads().height)
    shuffled = events().collect().sample(fraction=1.0, shuffle=True, seed=seed % 2**31).lazy()
    np.testing.assert_array_equal(
        probability(leads()[order], shuffled), probability(leads())[order]
    )


def test_a_lead_alone_scores_as_among_many() -> None:
    together = probability(leads())
    alone = [probability(leads()[row])[0] for row in range(0, 120, 7)]
    np.testing.assert_array_equal(together[::7], alone)


def test_a_lead_given_as_plain_values_scores_as_in_a_table() -> None:
    asked = leads().head(20)
    scores = scorer().score(asked, events(), AS_OF, [])
    known = events().collect()
    for lead, expected in zip(asked.rows(named=True), scores.rows(named=True), strict=True):
        theirs = known.filter(pl.col("lead_id") == lead["lead_id"])
        plain: list[Event] = theirs.drop("lead_id").rows()
        assert vars(scorer().score_one(lead, plain, AS_OF)) == expected | {
            "reasons": None,
            "extra": None,
        }


@pytest.mark.parametrize(
    ("change", "known", "as_of", "words"),
    [
        ({"created_at": datetime(2025, 1, 1)}, [], AS_OF, "'created_at'"),
        ({}, [(datetime(2025, 1, 1), "call", None)], AS_OF, "'occurred_at'.* with a time zone"),
        ({}, [], datetime(2025, 6, 1), "as_of: found 2025.*; expected a time with a time zone"),
        ({"lead_id": 5.5}, [], AS_OF, "'lead_id': found 5.5, which is a fraction, and no id"),
        ({"lead_id": True}, [], AS_OF, "'lead_id': found True, which is neither a text nor"),
        ({"budget": "much"}, [], AS_OF, "'budget'"),
    ],
)
def test_plain_values_of_a_wrong_kind_are_refused(
    change: dict[str, object], known: list[Event], as_of: datetime, words: str
) -> None:
    lead = leads().row(0, named=True)
    with pytest.raises(LeadcastError, match=words):
        scorer().score_one(lead | change, known, as_of)


def test_what_happens_at_the_moment_or_later_changes_nothing() -> None:
    later = (
        events()
        .collect()
        .with_columns(occurred_at=AS_OF + pl.duration(days=pl.int_range(pl.len()) % 9))
    )
    known = pl.concat([events().collect(), later]).lazy()
    before = events().filter(pl.col("occurred_at") < AS_OF)
    np.testing.assert_array_equal(probability(leads(), known), probability(leads(), before))


def test_the_moment_is_that_of_the_row_else_the_argument_else_now() -> None:
    own = leads().with_columns(as_of=pl.col("created_at"))
    assert scorer().score(own, events(), AS_OF, [])["as_of"].equals(own["as_of"])
    assert set(scorer().score(leads(), events(), AS_OF, [])["as_of"]) == {AS_OF}
    before = datetime.now(UTC)
    now = scorer().score(leads(), events(), None, [])["as_of"]
    assert before <= now.min() <= datetime.now(UTC)  # type: ignore[operator]


def test_moments_may_be_in_any_zone() -> None:
    zoned = leads().with_columns(
        created_at=pl.col("created_at").dt.convert_time_zone("Asia/Kolkata").dt.cast_time_unit("ms")
    )
    exact = leads().with_columns(
        created_at=pl.col("created_at").dt.cast_time_unit("ms").dt.cast_time_unit("us")
    )
    np.testing.assert_array_equal(probability(zoned), probability(exact))


def naive(name: str) -> pl.Expr:
    return pl.col(name).dt.replace_time_zone(None)


BAD_LEADS: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "no id": (lambda t: t.drop("lead_id"), "'lead_id': found no such column"),
    "no creation": (lambda t: t.drop("created_at"), "'created_at': found no such column"),
    "an id is null": (
        lambda t: t.with_columns(lead_id=pl.when(pl.int_range(pl.len()) > 0).then("lead_id")),
        r"'lead_id': found no id \(1 row\)",
    ),
    "a creation is null": (
        lambda t: t.with_columns(created_at=pl.when(pl.int_range(pl.len()) > 0).then("created_at")),
        r"'created_at': found no time \(1 row\); expected when each lead came to be",
    ),
    "an id twice": (lambda t: pl.concat([t, t.head(1)]), "an id more than once"),
    "a naive creation": (lambda t: t.with_columns(naive("created_at")), "'created_at'.*Datetime"),
    "a naive moment": (
        lambda t: t.with_columns(as_of=naive("created_at")),
        "'as_of': found type Datetime.*time zone",
    ),
    "a moment missing": (
        lambda t: t.with_columns(as_of=pl.when(pl.int_range(pl.len()) > 0).then("created_at")),
        "'as_of': found no time",
    ),
    "a moment twice": (
        lambda t: pl.concat([t, t.head(1)]).with_columns(as_of=pl.lit(AS_OF)),
        "a lead twice at one moment",
    ),
    "attributes that change": (
        lambda t: pl.concat(
            [
                t.with_columns(as_of=pl.lit(AS_OF)),
                t.head(1).with_columns(as_of=pl.lit(END), company_size=7.5),
            ]
        ),
        "attributes that differ",
    ),
    "texts for numbers": (
        lambda t: t.with_columns(budget=pl.lit("much")),
        "'budget': found type String",
    ),
    "a number that is no id": (
        lambda t: t.with_columns(lead_id=pl.int_range(pl.len()) + 0.5),
        "'lead_id': found '0.5', which is a fraction, and no identifier",
    ),
    "a number that is no text": (
        lambda t: t.with_columns(industry=2.0**60),
        "'industry': found '1.152921504606847e[+]18', which is a number too large to be exact",
    ),
    "numbers for flags": (lambda t: t.with_columns(newsletter=3), "'newsletter': found type Int32"),
}


@pytest.mark.parametrize("fault", BAD_LEADS)
def test_what_cannot_be_scored_is_refused_by_name(fault: str) -> None:
    change, words = BAD_LEADS[fault]
    with pytest.raises(FaultsError, match=words):
        scorer().score(change(leads()), events(), AS_OF)


def test_all_faults_are_told_at_once() -> None:
    bad = pl.concat([leads(), leads().head(1)]).with_columns(budget=pl.lit("x"))
    wrong = events().drop("event_type").with_columns(naive("occurred_at"))
    with pytest.raises(FaultsError) as raised:
        scorer().score(bad, wrong, datetime(2025, 6, 1))
    told = "; ".join(fault.where + fault.found for fault in raised.value.faults)
    for part in ("as_of", "budget", "more than once", "event_type", "occurred_at"):
        assert part in told


@pytest.mark.parametrize("created", [{}, {"created_at": None}])
def test_one_lead_without_a_creation_is_refused_with_its_other_faults(
    created: dict[str, object],
) -> None:
    with pytest.raises(FaultsError) as raised:
        scorer().score_one({"lead_id": "a", "budget": "x", "newsletter": 3} | created, (), AS_OF)
    told = [fault.where for fault in raised.value.faults]
    assert told == ["leads: column 'created_at'", "lead: 'budget'", "lead: 'newsletter'"]


def test_all_faults_of_one_lead_are_told_at_once() -> None:
    lead = leads().row(0, named=True) | {"lead_id": None, "created_at": "soon", "budget": "much"}
    naive_time: Any = datetime(2025, 1, 1)
    known: list[Any] = [
        (AS_OF, "call", 1.0),
        (naive_time, "call", "many"),
        (None, ["call"], None),
        (AS_OF, "call"),
    ]
    with pytest.raises(FaultsError) as raised:
        scorer().score_one(lead, known, naive_time)
    assert [(fault.where, fault.count) for fault in raised.value.faults] == [
        ("lead: 'lead_id'", 0),
        ("as_of", 0),
        ("lead: 'budget'", 0),
        ("lead: 'created_at'", 0),
        ("events", 1),
        ("events: 'occurred_at'", 2),
        ("events: 'event_type'", 1),
        ("events: 'value'", 1),
    ]


@pytest.mark.parametrize("bad", [(AS_OF, "call", "many"), (AS_OF, ["call"], None), (AS_OF,)])
def test_an_event_of_one_lead_that_cannot_be_read_is_told(bad: object) -> None:
    known: list[Any] = [bad]
    with pytest.raises(FaultsError, match="events"):
        scorer().score_one(leads().row(0, named=True), known, AS_OF)


@pytest.mark.parametrize("when", [None, "2025-01-01T00:00:00Z", datetime(2025, 1, 1)])
def test_an_event_of_one_lead_needs_its_time(when: datetime) -> None:
    lead = leads().row(0, named=True)
    with pytest.raises(LeadcastError, match=r"'occurred_at': found .* with a time zone"):
        scorer().score_one(lead, [(when, "call", None)], AS_OF)


TOO_OLD = "older than 7 days when they are scored"
"""What is usual in this world."""


def warned(asked: pl.DataFrame, known: pl.LazyFrame | None = None) -> list[Fault]:
    warnings: list[Fault] = []
    scorer().score(asked, events() if known is None else known, AS_OF, warnings)
    assert all(fault.severity == "warning" for fault in warnings)
    return [fault for fault in warnings if not fault.found.startswith(TOO_OLD)]


def test_leads_as_in_training_give_no_warning() -> None:
    assert warned(busy_leads().filter(pl.col("created_at") < AS_OF)) == []


def test_leads_older_than_any_that_was_tested_are_counted_as_usual() -> None:
    asked = busy_leads().filter(pl.col("created_at") < AS_OF)
    warnings: list[Fault] = []
    scorer().score(asked, events(), AS_OF, warnings)
    (older,) = warnings
    assert older.count == asked.filter(AS_OF - pl.col("created_at") > timedelta(days=7)).height
    assert older.found == TOO_OLD
    assert older.is_usual


def test_leads_without_events_are_counted_on_every_way() -> None:
    silent = leads().height - busy_leads().height
    young = leads().with_columns(pl.min_horizontal("created_at", pl.lit(AS_OF - timedelta(1))))
    assert silent > 0
    (some,) = warned(young)
    (all_of_them,) = warned(young, empty_events())
    assert (some.count, all_of_them.count) == (silent, leads().height)
    assert "no event of some leads" in some.found
    alone: list[Fault] = []
    scorer().score_one(young.drop("position").row(0, named=True), (), AS_OF, alone)
    aged, told = alone[1:], alone[:1]
    assert [(one.where, one.count) for one in told] == [("events", 1)]
    assert [one.found for one in aged] == [TOO_OLD]


WORKED_AROUND: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str, int]] = {
    "a column more": (lambda t: t.with_columns(shoe_size=44), "shoe_size", 119),
    "an unknown category": (
        lambda t: t.with_columns(
            industry=pl.when(pl.int_range(pl.len()) < 5)
            .then(pl.lit("alchemy"))
            .otherwise("industry")
        ),
        "industry",
        5,
    ),
    "a column less": (lambda t: t.drop("company_size"), "company_size", 119),
    "a moment before the lead was there": (
        lambda t: t.with_columns(as_of=pl.col("created_at") - timedelta(days=1)),
        "leads",
        119,
    ),
}


@pytest.mark.parametrize("case", WORKED_AROUND)
def test_what_can_be_worked_around_is_a_counted_warning(case: str) -> None:
    change, where, count = WORKED_AROUND[case]
    busy = busy_leads().with_columns(pl.min_horizontal("created_at", pl.lit(AS_OF - timedelta(1))))
    (warning,) = warned(change(busy))
    assert where in warning.where
    assert warning.count == count


def test_warnings_are_logged_when_nobody_collects_them(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="leadcast"):
        scorer().score(leads().with_columns(shoe_size=44), events(), END)
    assert "shoe_size" in caplog.text


def test_a_column_more_changes_no_score() -> None:
    more = leads().with_columns(shoe_size=44, rules_score=1.0)
    np.testing.assert_array_equal(probability(more), probability(leads()))


@pytest.mark.parametrize("known", [None, empty_events(), empty_events().collect()])
def test_leads_without_events_are_scored(known: pl.LazyFrame | pl.DataFrame | None) -> None:
    scores = scorer().score(leads(), known, AS_OF, [])
    assert scores["probability"].is_finite().all()


def test_no_leads_give_no_scores() -> None:
    assert scorer().score(leads().head(0), events(), AS_OF).schema == pl.Schema(SCHEMA)


ODD: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "NaN": lambda t: t.with_columns(budget=pl.lit(float("nan"))),
    "infinity": lambda t: t.with_columns(budget=pl.lit(float("inf"))),
    "minus infinity": lambda t: t.with_columns(budget=pl.lit(float("-inf"))),
    "a huge number": lambda t: t.with_columns(budget=pl.lit(1e300)),
    "the year 9999": lambda t: t.with_columns(
        created_at=pl.lit(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), dtype=TIME)
    ),
    "10 MB of text": lambda t: t.head(2).with_columns(job_title=pl.lit("x" * 10_000_000)),
    "nothing known": lambda t: t.with_columns(
        pl.lit(None).alias(name) for name in ("industry", "company_size", "job_title", "newsletter")
    ),
    "strange letters": lambda t: t.with_columns(industry=pl.lit("\0\u202e💥\ud7ff\r\n")),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_values_are_scored(case: str) -> None:
    found = probability(ODD[case](leads()))
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize(("first", "refused"), [((1, 1, 1), True), ((1980, 1, 1), False)])
def test_a_lead_from_before_there_were_any_is_refused_as_in_a_file(
    first: tuple[int, int, int], refused: bool
) -> None:
    # CSV, Parquet, tables and single leads: an empty date is no age at any of the doors.
    created = datetime(*first, tzinfo=UTC)
    table = leads().head(9).with_columns(created_at=pl.lit(created, dtype=TIME))
    lead = table.to_dicts()[0]
    for ask in (
        lambda: scorer().score(table, None, AS_OF),
        lambda: scorer().score_one(lead, (), AS_OF),
    ):
        if refused:
            with pytest.raises(FaultsError, match="before 1980"):
                ask()
        else:
            ask()


def test_moments_far_away_are_scored() -> None:
    far = leads().with_columns(as_of=pl.lit(datetime(9999, 12, 31, tzinfo=UTC), dtype=TIME))
    found = probability(far)
    assert ((found > 0) & (found < 1)).all()


def test_a_source_without_dates_is_scored_without_a_moment(tmp_path: Path) -> None:
    world = scoring_world()
    plan, about = undated_origin()
    learner = Prior(-1.0, None, len(plan.features))
    write_bundle(
        tmp_path / "bundle",
        plan=plan,
        learner=learner,
        calibrator=world.calibrator,
        reference=Reference.of(world.probability),
        metrics={},
        origin=about,
    )
    undated = Scorer.load(tmp_path / "bundle")
    scores = undated.score(leads().drop("created_at"), None)
    assert scores["as_of"].null_count() == scores.height
    assert scores["insufficient_data"].all()
    assert scores["lower"].null_count() == scores["upper"].null_count() == scores.height
    assert undated.score(leads(), None, AS_OF)["as_of"].unique().to_list() == [AS_OF]
    one = undated.score_one(leads().row(0, named=True))
    assert one.as_of is None
    assert one.probability == scores["probability"][0]
    values = compute(plan, leads(), None, leads().select("lead_id"))
    expected = world.calibrator.probability(learner.log_odds(values))
    np.testing.assert_array_equal(scores["probability"], expected)


def test_what_is_slow_to_import_is_not_imported() -> None:
    program = (
        "import sys; from leadcast.serve.scorer import Scorer; "
        f"Scorer.load({str(bundle_folder())!r}); import leadcast.serve.batch.batch; "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize(("rare_in_training", "usual"), [(0.0, False), (0.04, False), (0.2, True)])
def test_values_as_rare_as_in_training_are_usual(rare_in_training: float, usual: bool) -> None:
    bundle = scorer().bundle
    assert bundle.rates is not None
    rates = bundle.rates
    place = [feature.name for feature in bundle.plan.features].index("industry")
    own = rates.features[place]
    others = round(rare_in_training * rates.leads)
    changed = own.model_copy(update={"leads": (own.leads[0], others, *own.leads[2:])})
    features = (*rates.features[:place], changed, *rates.features[place + 1 :])
    drifted = Scorer(replace(bundle, rates=rates.model_copy(update={"features": features})))
    # Of 119 leads: a third have a value that the model has no code for.
    new = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("alchemy")).otherwise("industry")
    told: list[Fault] = []
    drifted.score(leads().with_columns(industry=new), events(), AS_OF, told)
    (fault,) = [one for one in told if "'industry'" in one.where]
    assert fault.is_usual == usual


def test_a_kind_of_events_that_was_renamed_is_told_of_one_lead_as_of_a_table() -> None:
    lead = busy_leads().head(1)
    mine = events().filter(pl.col("lead_id") == lead["lead_id"][0]).collect()
    renamed = mine.with_columns(event_type=pl.lit("Page Viewed"))
    of_table, of_one = list[Fault](), list[Fault]()
    scorer().score(lead, renamed, AS_OF, of_table)
    plain = renamed.select("occurred_at", "event_type", "value").rows()
    scorer().score_one(lead.to_dicts()[0], plain, AS_OF, of_one)
    told = [[one for one in found if "event_type" in one.where] for found in (of_table, of_one)]
    assert told[0] == told[1]
    assert [one.count for one in told[0]] == [mine.height]
    assert "'Page Viewed' (perhaps 'page_viewed')" in told[0][0].found
