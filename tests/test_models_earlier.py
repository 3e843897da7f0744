"""New points against earlier ones: the laws of a paired difference."""

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison import Compared
from leadcast.models.comparison.comparison_store import lead_frame
from leadcast.models.comparison.earlier import AgainstEarlier, against_earlier
from tests.comparison_world import world_frame

CALLS = 20.0


def found(new: pl.DataFrame, earlier: pl.DataFrame, replicates: int = 300) -> AgainstEarlier:
    every, before = (Compared.of(frame, ()) for frame in (new, earlier))
    told = against_earlier(every, lead_frame(before), CALLS, replicates=replicates, seed=1)
    assert told is not None
    return told


def with_points(frame: pl.DataFrame, points: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(points=points)


FRAME = world_frame(noise=2.0)
BETTER = with_points(FRAME, 100 * pl.col("probability"))


def test_a_table_against_itself_is_as_many_and_never_a_difference() -> None:
    same = found(FRAME, FRAME)
    assert same.difference.value == same.difference.low == same.difference.high == 0
    assert not same.difference.shows
    assert "as many (95 %: 0 to 0; chance could explain that)" in same.words


def test_what_one_gains_is_what_the_other_loses() -> None:
    gain, loss = found(BETTER, FRAME), found(FRAME, BETTER)
    assert gain.difference.shows
    assert (gain.difference.value or 0) > 0
    assert "more (95 %: +" in gain.words
    assert "more than chance explains" in gain.words
    assert "fewer (95 %: −" in loss.words
    assert gain.new == loss.earlier
    assert gain.difference.low == pytest.approx(-(loss.difference.high or 0))


def test_only_leads_with_both_are_counted_and_with_their_part_of_the_calls() -> None:
    lacking = with_points(FRAME, pl.when(pl.int_range(pl.len()) % 3 > 0).then("points"))
    part = found(BETTER, lacking)
    assert part.leads == lacking["points"].count() < FRAME.height
    assert part.customers == lacking.filter(pl.col("points").is_not_null())["converted"].sum()
    nobody = with_points(FRAME, pl.lit(None, pl.Float64))
    before = lead_frame(Compared.of(nobody, ()))
    assert against_earlier(Compared.of(BETTER, ()), before, CALLS, replicates=9, seed=1) is None


def test_leads_of_an_account_are_drawn_together() -> None:
    # Two leads that are one and the same make a difference half as sure as two that are not.
    twice = pl.concat([FRAME, FRAME.with_columns(lead_id=pl.col("lead_id") + " again")])
    better = with_points(twice, 100 * pl.col("probability"))
    alone = [frame.with_columns(group=np.arange(twice.height)) for frame in (better, twice)]
    errors = [
        found(new, old, replicates=800).difference.standard_error or 0
        for new, old in ((better, twice), alone)
    ]
    assert errors[0] / errors[1] == pytest.approx(2**0.5, rel=0.08)


def test_where_nothing_is_dated_leads_are_matched_by_their_id() -> None:
    undated = [
        frame.with_columns(
            as_of=pl.lit(None, pl.Datetime("us", "UTC")), landmark_days=pl.lit(None, pl.Float64)
        )
        for frame in (BETTER, FRAME)
    ]
    told = found(undated[0], undated[1])
    assert told.leads == FRAME.height
    assert "calls a block of 100 leads" in told.words


def test_another_table_is_refused() -> None:
    with pytest.raises(LeadcastError, match="lack as_of, points"):
        against_earlier(
            Compared.of(FRAME, ()), FRAME.select("lead_id"), CALLS, replicates=9, seed=1
        )
