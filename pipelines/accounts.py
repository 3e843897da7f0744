"""Accounts: the probability that one of an account's open leads is won, judged on later time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import TIME, Tables, TimeOrder
from leadcast.models.accounts.account_judged import accounts_words, judge_accounts
from leadcast.models.accounts.account_model import AccountModel, choose_kind
from leadcast.models.accounts.account_moments import AccountTables, accounts_at
from leadcast.models.calibration.level_doubt import miss_of
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.models.evaluation.random_effects import spread_of
from leadcast.pipelines.base.dataset import (
    learning_snapshots,
    read_calibrator,
    read_out_of_time,
)
from leadcast.pipelines.base.params import load_params, snapshot_settings
from leadcast.pipelines.base.paths import AccountsFolder, RunFolder
from leadcast.pipelines.base.stage import run_stage

KIND = "accounts"
MOMENT_DAYS = 14
"""Accounts are looked at on each day since 1970 whose number this divides."""
FEWEST_MOMENTS = 2


def learn_accounts(source: str) -> str:
    """Learn the probability of accounts on predictions out of time, and judge it on the test."""
    run, params = RunFolder(source), load_params()
    tables = Tables.read(run.tables)
    if (why := _why_not(source, tables)) is not None:
        asked = find_definition(source).accounts is not None
        _write(run, {"why": why, "asked": asked}, None, None)
        return why
    settings = snapshot_settings(source, params)
    horizon, lag = settings.horizon_days, settings.reporting_lag_days
    of_accounts, scores = AccountTables.of(tables), scores_out_of_time(run)
    begins, until = _first(pl.read_parquet(run.test_scores)), tables.observed_until
    assert until is not None, "dated sources know until when"
    known_after = timedelta(days=horizon + lag)
    learned = moments_between(_first(scores), begins - known_after)
    judged = moments_between(begins, until - known_after)
    if min(len(learned), len(judged)) < FEWEST_MOMENTS:
        why = (
            f"{len(learned)} moments before the test and {len(judged)} in it have predictions out "
            f"of time and a known label; accounts need {FEWEST_MOMENTS} of each, two weeks apart"
        )
        _write(run, {"why": why}, None, None)
        return why
    about = (horizon, lag)
    rows = accounts_at(of_accounts, scores, learned, *about)
    later = accounts_at(of_accounts, scores, judged, *about)
    trial = choose_kind(rows, horizon + lag)
    model = AccountModel.fit(trial.chosen, rows)
    drawn = {"replicates": params.evaluation.slice_replicates, "seed": params.seed}
    found = judge_accounts(model, later, **drawn)
    deployed = AccountModel.fit(trial.chosen, pl.concat([rows, later]))
    probability, lower, upper = model.predict(later)
    test = later.drop("lead_ids").with_columns(
        probability=pl.Series(probability), lower=pl.Series(lower), upper=pl.Series(upper)
    )
    content = {
        "why": None,
        "horizon_days": horizon,
        "matched": read_json(run.tables / "accounts.json"),
        "trial": {
            "log_loss": trial.log_loss,
            "gain": trial.gain,
            "error": trial.error,
            "chosen": trial.chosen,
            "why": trial.why,
        },
        "learned": {"rows": rows.height, "accounts": model.accounts, "won": model.won},
        "test": found,
    }
    content["words"] = [matched_words(content["matched"]), *accounts_words(trial, found)]
    _write(run, content, deployed, test)
    return "\n".join(content["words"])


def matched_words(matched: dict[str, Any]) -> str:
    """Say how leads were matched to accounts.

    Parameters
    ----------
    matched : dict
        As `leadcast.features.accounts.known_accounts.described` gives it.

    Returns
    -------
    str
    """
    by = matched["matched_by"]
    named = {"account_id": "by identifier", "domain": "by domain", "company": "by company name"}
    told = ", ".join(f"{by[name]:,} {words}" for name, words in named.items() if by[name])
    return (
        f"{matched['leads']:,} leads belong to {matched['accounts']:,} accounts ({told or 'none'}; "
        f"{by['none']:,} to none); {matched['with_several_leads']:,} accounts have several."
    )


def moments_between(start: datetime, end: datetime) -> list[datetime]:
    """List the moments at which accounts are looked at, from `start` up to and with `end`.

    Parameters
    ----------
    start, end : datetime
        With a time zone.

    Returns
    -------
    list of datetime
        Midnights in UTC, `MOMENT_DAYS` apart.
    """
    step, epoch = timedelta(days=MOMENT_DAYS), datetime(1970, 1, 1, tzinfo=UTC)
    first = epoch + -(-(start - epoch) // step) * step
    return [first + step * number for number in range(max(0, (end - first) // step + 1))]


def scores_out_of_time(run: RunFolder) -> pl.DataFrame:
    """Read what models said of snapshots that they had not seen: before the test, and in it.

    What the models of earlier origins said is moved to the level that came (`level_that_came`), so
    that how leads of an account hang together is learned apart from how far scores missed.

    Parameters
    ----------
    run : RunFolder

    Returns
    -------
    pl.DataFrame
        ``lead_id``, ``as_of`` and ``probability``, each snapshot once.
    """
    past = read_out_of_time(run).filter(pl.col("origin") >= 0)
    told = learning_snapshots(run)[past["row"].to_list()].select(
        "lead_id", "as_of", "landmark_days"
    )
    log_odds = level_that_came(
        read_calibrator(run).log_odds(past["log_odds"].to_numpy()),
        past.hstack(told.select("landmark_days")),
    )
    earlier = told.select("lead_id", "as_of", probability=pl.Series(sigmoid(log_odds)))
    earlier = earlier.with_columns(past["origin"])
    once = earlier.sort("origin").unique(["lead_id", "as_of"], keep="last").drop("origin")
    test = pl.read_parquet(run.test_scores).select("lead_id", "as_of", "probability")
    whole: Sequence[pl.DataFrame] = [once, test]
    return pl.concat([one.with_columns(pl.col("as_of").cast(TIME)) for one in whole])


def level_that_came(log_odds: Floats, past: pl.DataFrame) -> Floats:
    """Move what earlier models said to the level that came, by age and by origin.

    Models of few leads know less of what a lead's age means than the one that is used, and scores
    of old leads count longest. So each age is moved by how far it was missed over all origins, as
    far as ages differ by more than chance; and then each origin by how far it was missed.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_rows,)
        Calibrated.
    past : pl.DataFrame
        ``converted``, ``group``, ``origin`` and ``landmark_days``.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    converted, group = past["converted"].to_numpy(), past["group"].to_numpy()
    moved = log_odds.copy()
    for name in ("landmark_days", "origin"):
        of = past[name].to_numpy()
        each = [of == one for one in np.unique(of)]
        missed = [miss_of(moved[at], converted[at], group[at]) for at in each]
        shift = np.array([0.0 if one is None else one.shift for one in missed])
        if name == "landmark_days":
            variance = np.array([1e6 if m is None else m.standard_error**2 for m in missed])
            spread = spread_of(shift, variance) ** 2
            shift *= spread / (spread + variance)
        for at, by in zip(each, shift, strict=True):
            moved[at] += by
    return moved


def _first(scores: pl.DataFrame) -> datetime:
    """Give the earliest moment of some scores."""
    first: datetime = scores["as_of"].min()  # type: ignore[assignment]
    return first


def _why_not(source: str, tables: Tables) -> str | None:
    """Say why nothing is told of accounts; None where something is."""
    if find_definition(source).accounts is None:
        return (
            "The source's definition does not ask for accounts, so nothing is told of them; "
            "`accounts: {}` matches leads to accounts (docs/accounts.md)"
        )
    if tables.time_order is not TimeOrder.DATED:
        return "Leads have no dates, so nothing is told of accounts at moments"
    if tables.matches is None or not tables.matches["account_id"].count():
        return (
            "No lead could be matched to an account: leads have neither account_id nor the "
            "address of a company nor a company's name"
        )
    return None


def _write(
    run: RunFolder, content: dict[str, Any], model: AccountModel | None, test: pl.DataFrame | None
) -> None:
    with written_whole(run.accounts, KIND) as temporary:
        temporary.mkdir()
        folder = AccountsFolder(temporary)
        write_json(folder.result, content)
        if model is not None:
            write_json(folder.model, model.to_json())
        if test is not None:
            test.write_parquet(folder.test)


if __name__ == "__main__":
    run_stage("accounts", learn_accounts)
