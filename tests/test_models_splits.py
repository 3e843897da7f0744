from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.features.snapshots import microseconds
from leadcast.features.tables import TIME
from leadcast.models.splits import (
    ANOTHER_PARTS,
    PARTS,
    SplitSettings,
    is_apart,
    split_snapshots,
    split_summary,
    with_fresh,
)

Row = tuple[float, str, bool | None]


def snapshots(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows are (day, group, converted), converted None where the label is not mature."""
    position = [microseconds(row[0]) for row in rows]
    frame = {
        "lead_id": [f"lead {number}" for number in range(len(rows))],
        "position": pl.Series(position, dtype=pl.Int64),
        "as_of": pl.Series(position, dtype=pl.Int64).cast(TIME),
        "group_id": [row[1] for row in rows],
        "person_id": [row[1] for row in rows],
        "converted": pl.Series([row[2] for row in rows], dtype=pl.Boolean),
    }
    return pl.DataFrame(frame).with_columns(mature=pl.col("converted").is_not_null())


def daily(count: int) -> list[Row]:
    return [(float(number), f"group {number}", number % 3 == 0) for number in range(count)]


# Enough history that three parts exist, then anything: shared groups, immature rows, ties.
labels = st.sampled_from([True, False, None])
extra = st.tuples(
    st.integers(0, 40).map(float), st.integers(0, 30).map(lambda g: f"group {g}"), labels
)
many = st.lists(extra, max_size=30).map(lambda rows: snapshots(daily(41) + rows))
SETTINGS = SplitSettings()


def bounds(split: pl.DataFrame, part: str) -> tuple[int, int]:
    positions = split.filter(pl.col("part") == part)["position"]
    return int(positions.min()), int(positions.max())  # type: ignore[arg-type]


def test_worked_example() -> None:
    split = split_snapshots(snapshots(daily(10)), SplitSettings(test_fraction=0.2), horizon_days=2)
    assert split["part"].to_list() == ["train"] * 7 + ["left_out"] + ["test"] * 2
    assert split["reason"].to_list() == [None] * 7 + ["purged"] + [None] * 2


@given(frame=many, horizon=st.integers(1, 6).map(float))
@settings(max_examples=60)
def test_learned_from_is_what_was_known_when_the_test_began_and_all_of_it(
    frame: pl.DataFrame, horizon: float
) -> None:
    split = split_snapshots(frame, SETTINGS, horizon)
    tested = split.filter(part="test")
    known = pl.col("position") + microseconds(horizon) <= tested["position"].min()
    own = ~pl.col("person_id").is_in(tested["person_id"].unique().implode())
    learned = split.filter(part="train")
    assert learned.equals(split.filter(known & pl.col("mature") & own))


def test_the_law_of_the_purge_can_fail() -> None:
    split = split_snapshots(snapshots(daily(41)), SplitSettings(purge_horizons=0), 6)
    assert bounds(split, "train")[1] + microseconds(6) > bounds(split, "test")[0]


@given(frame=many)
@settings(max_examples=40)
def test_no_person_stands_on_two_sides(frame: pl.DataFrame) -> None:
    split = split_snapshots(frame, SETTINGS, 2).filter(pl.col("part") != "left_out")
    assert split.group_by("person_id").agg(pl.col("part").n_unique())["part"].max() == 1


@given(frame=many)
@settings(max_examples=40)
def test_every_snapshot_is_accounted_for_once(frame: pl.DataFrame) -> None:
    split = split_snapshots(frame, SETTINGS, 2)
    assert split.drop("part", "reason").equals(frame)
    assert split["part"].is_in([*PARTS, "left_out"]).all()
    assert (split["reason"].is_not_null() == (split["part"] == "left_out")).all()
    assert ((split["reason"] == "immature").fill_null(False) == ~split["mature"]).all()
    assert split_summary(split, 2).frame()["snapshots"].sum() == frame.height


@given(frame=many, seed=st.integers(0, 2**16))
@settings(max_examples=30)
def test_order_of_rows_changes_nothing(frame: pl.DataFrame, seed: int) -> None:
    shuffled = split_snapshots(frame.sample(fraction=1, shuffle=True, seed=seed), SETTINGS, 2)
    assert shuffled.sort("lead_id").equals(split_snapshots(frame, SETTINGS, 2).sort("lead_id"))


def test_a_lead_that_is_looked_at_again_in_the_test_was_known_before() -> None:
    # Each lead is looked at every ten days, for as long as it is open: it ends with its win.
    looks = [(lead + age, lead) for lead in range(60) for age in range(0, 60 - lead % 20, 10)]
    frame = snapshots([(float(day), f"lead {lead}", False) for day, lead in looks])
    frame = frame.with_columns(lead_id="person_id")
    split = split_snapshots(frame, SETTINGS, 5)
    start = split.filter(part="test")["position"].min()
    known = split.filter(pl.col("position") + microseconds(5) <= start)
    assert set(known["part"]) == {"train"}
    assert known.join(split.filter(part="test"), on="lead_id", how="semi").height > 15


def test_a_label_of_the_tests_own_time_is_not_learned_of_a_lead_in_it() -> None:
    looks = [(float(day), f"lead {day % 10}", day % 3 == 0) for day in range(60)]
    frame = snapshots(looks).with_columns(lead_id="person_id")
    split = split_snapshots(frame, SplitSettings(purge_horizons=0), 20)
    start = split.filter(part="test")["position"].min()
    unknown = pl.col("position") + microseconds(20) > start
    before = split.filter(pl.col("position") < start)
    assert set(before.filter(unknown)["reason"]) == {ANOTHER_PARTS}
    assert set(before.filter(~unknown)["part"]) == {"train"}


def test_the_test_part_has_the_first_claim_on_a_person() -> None:
    # One person from the first day to the last: only its snapshots in the test part count.
    rows = [(day, "big" if day % 5 == 0 else name, won) for day, name, won in daily(41)]
    split = split_snapshots(snapshots(rows), SETTINGS, 0)
    big = split.filter(pl.col("group_id") == "big")
    assert set(big["part"]) == {"test", "left_out"}
    assert set(big["reason"].drop_nulls()) == {ANOTHER_PARTS}


def test_an_account_that_comes_again_is_learned_from() -> None:
    frame = snapshots(daily(41)).with_columns(group_id=pl.lit("the one account"))
    split = split_snapshots(frame, SETTINGS, 0)
    assert split["part"].to_list() == ["train"] * 33 + ["test"] * 8


def test_snapshots_of_one_moment_stay_together() -> None:
    rows = [(float(number // 10), f"group {number}", number % 3 == 0) for number in range(100)]
    split = split_snapshots(snapshots(rows), SETTINGS, None)
    assert split.group_by("position").agg(pl.col("part").n_unique())["part"].max() == 1


def test_few_moments_are_shared_out_among_all_parts() -> None:
    rows = [(float(number), f"group {number} {i}", i == 0) for number in range(2) for i in range(2)]
    many_first = rows + [(0.0, f"group {i}", False) for i in range(30)]
    split = split_snapshots(snapshots(many_first), SETTINGS, None)
    assert [bounds(split, part)[0] for part in PARTS] == [microseconds(day) for day in range(2)]
    many_last = rows + [(1.0, f"group {i}", False) for i in range(30)]
    split = split_snapshots(snapshots(many_last), SETTINGS, None)
    assert [bounds(split, part)[0] for part in PARTS] == [microseconds(day) for day in range(2)]


def test_thirty_leads_with_two_winners_give_both_parts() -> None:
    rows = [(number * 20.0, f"group {number}", number in (4, 27)) for number in range(30)]
    split = split_snapshots(snapshots(rows), SETTINGS, 90)
    sizes = dict(split["part"].value_counts().iter_rows())
    assert (sizes["train"], sizes["left_out"], sizes["test"]) == (20, 4, 6)
    warnings = split_summary(split, 90).warnings
    assert len(warnings) == 2, "each part has too few winners, and says so"


def test_nothing_is_purged_where_nothing_is_dated() -> None:
    split = split_snapshots(snapshots(daily(10)), SplitSettings(test_fraction=0.3), None)
    assert split["part"].to_list() == ["train"] * 7 + ["test"] * 3


def test_too_short_a_history_is_explained_and_the_advice_works() -> None:
    frame = snapshots(daily(41))
    with pytest.raises(LeadcastError) as error:
        split_snapshots(frame, SETTINGS, 35)
    message = str(error.value)
    for words in ("train", "span 40.0 days", "purge_horizons 1 x horizon_days 35", "purged"):
        assert words in message
    advised = float(message.split("purge_horizons to at most ")[1].split(",")[0])
    assert set(PARTS) <= set(
        split_snapshots(frame, SplitSettings(purge_horizons=advised), 35)["part"]
    )


def test_one_person_everywhere_is_explained() -> None:
    rows = [(float(number), "the one", number % 2 == 0) for number in range(20)]
    with pytest.raises(LeadcastError, match="16 another part's person"):
        split_snapshots(snapshots(rows), SETTINGS, None)


def test_summary_tells_counts_rates_and_ranges() -> None:
    split = split_snapshots(snapshots([*daily(10), (20.0, "late", None)]), SETTINGS, 2)
    table = split_summary(split, 2).frame()
    assert table["part"].to_list() == ["train", "test", "left_out", "left_out"]
    train = table.row(0, named=True)
    assert (train["snapshots"], train["groups"], train["converted"]) == (7, 7, 3)
    assert train["base_rate"] == pytest.approx(3 / 7)
    assert train["last_position"] == microseconds(6)
    assert table["last_label_until"].cast(pl.Int64).to_list()[0] == microseconds(8)


def test_summary_warns_where_less_than_half_is_learned_from() -> None:
    frame = snapshots(daily(200))
    warnings = split_summary(split_snapshots(frame, SETTINGS, 100), 100).warnings
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "Only 38% of the 160 labelled snapshots from before the test are learned from "
        "(62% purged): a shorter horizon_days"
    )
    assert split_summary(split_snapshots(frame, SETTINGS, 80), 80).warnings == ()


def test_summary_says_where_the_same_persons_take_most() -> None:
    again = [(day, f"person {day % 10 if day % 3 else day}") for day, _, _ in daily(200)]
    rows = [(day, person, day % 2 == 0) for day, person in again]
    split = split_snapshots(snapshots(rows), SETTINGS, 1)
    warnings = split_summary(split, 1).warnings
    assert len(warnings) == 1
    assert "leads of one company by account_id" in warnings[0]


def test_fresh_snapshots_are_not_counted_as_learned_from() -> None:
    frame = snapshots(daily(200)).with_columns(landmark_days=pl.lit(0.0))
    split = split_snapshots(frame, SETTINGS, 100)
    fresh = with_fresh(split)
    assert (fresh["part"] == "fresh").sum() > 0
    assert split_summary(fresh, 100).warnings == split_summary(split, 100).warnings


def _with_landmarks(rows: Sequence[tuple[float, str, float]]) -> pl.DataFrame:
    """Rows are (day of creation, group, landmark in days)."""
    frame = snapshots([(day + age, group, day % 3 == 0) for day, group, age in rows])
    return frame.with_columns(landmark_days=pl.Series([float(row[2]) for row in rows]))


def test_fresh_snapshots_are_those_purged_before_the_test_and_no_others() -> None:
    example = SplitSettings(test_fraction=0.2)
    rows = _with_landmarks([(float(day), f"group {day}", 0.0) for day in range(10)])
    split = with_fresh(split_snapshots(rows, example, horizon_days=2))
    assert split["part"].to_list() == ["train"] * 7 + ["fresh"] + ["test"] * 2
    assert split_summary(split, 2).frame()["part"].to_list() == [*PARTS, "fresh"]


def test_a_lead_is_apart_or_not_whether_or_not_it_lived_to_be_looked_at_again() -> None:
    # The lead of day 39 is looked at again on day 41, in the test: unless it has ended by then.
    daily_rows = [(float(day), f"group {day}", age) for day in range(41) for age in (0.0, 2.0)]
    ended = [row for row in daily_rows if row[0] != 39 or row[2] == 0.0]
    settings = SplitSettings(test_fraction=0.04)
    for rows in (daily_rows, ended):
        split = with_fresh(split_snapshots(_with_landmarks(rows), settings, horizon_days=6))
        start = bounds(split, "test")[0]
        fresh = split.filter((pl.col("part") == "fresh") & is_apart(split))
        assert 0 < fresh.height < split.filter(part="fresh").height
        assert "group 39" not in fresh["group_id"].to_list()
        again = microseconds(2.0) - fresh["landmark_days"] * microseconds(1.0)
        assert (fresh["position"] + again < start).all()
        assert not set(fresh["group_id"]) & set(split.filter(part="test")["group_id"])


def test_the_test_may_begin_at_a_moment() -> None:
    begins = datetime(1970, 1, 31, tzinfo=UTC)
    split = split_snapshots(snapshots(daily(41)), SplitSettings(test_from=begins), 2)
    assert bounds(split, "test") == (microseconds(30), microseconds(40))
    # What was purged before is known by then: 28 + 2 <= 30.
    assert bounds(split, "train")[1] == microseconds(28)


def test_a_moment_after_all_snapshots_is_told_with_their_span() -> None:
    begins = SplitSettings(test_from=datetime(1971, 1, 1, tzinfo=UTC))
    with pytest.raises(LeadcastError, match="snapshots are from 1970-01-01 to 1970-02-10"):
        split_snapshots(snapshots(daily(41)), begins, 2)


def test_without_dates_no_test_begins_at_a_moment() -> None:
    begins = SplitSettings(test_from=datetime(1970, 1, 31, tzinfo=UTC))
    with pytest.raises(LeadcastError, match="set test_fraction instead"):
        split_snapshots(snapshots(daily(41)), begins, None)
