"""Inputs for the report, made up but consistent: the tests' sample, and one to look at."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.account import GOES_ON, LEFT_OUT, LOOKS, SCHEMA, SNAPSHOTS
from leadcast.models.report import ReportInputs, RunFacts, SourceFacts, render_report

Floats = npt.NDArray[np.float64]
Hits = npt.NDArray[np.bool_]
START = datetime(2024, 1, 1, tzinfo=UTC)
CUTS = (1, 5, 10, 20)


def sample_inputs(**changes: object) -> ReportInputs:
    """Everything that a report can have, as a run on 20,000 leads might give it."""
    rng = np.random.default_rng(7)
    log_odds = rng.normal(-3.2, 1.25, 6000)
    probability = 1 / (1 + np.exp(-log_odds))
    converted = rng.random(6000) < probability
    curve = _gain(probability, converted)
    content: dict[str, Any] = {
        "source": SourceFacts(
            "acme_crm", "Acme CRM, web leads", "CC BY 4.0", "https://example.org/leads"
        ),
        "run": sample_run(),
        "metrics": sample_metrics(probability, converted),
        "notes": (
            "The calibration part has 61 converted snapshots: calibrated with two parameters only.",
        ),
        "reliability": _groups(probability, converted),
        "reliability_curve": _corp(probability),
        "gain": curve.select("share", "gain", "low", "high"),
        "lift": curve.select("share", *((pl.col(c) / pl.col("share")).alias(n) for c, n in _LIFT)),
        "roc": _roc(probability, converted),
        "separation": _histogram(probability, converted),
        "delays": _delays(),
        "delay_words": (
            "Half of the customers that were ever seen bought within 22 days; a horizon of 60 days "
            "catches 88 % of them (95 %: 86 % to 90 %)."
        ),
        "curve_grades": _curve_grades(),
        "importance": _importance(),
        "splits": _splits(),
        "account": _account(),
        "backtest": _backtest(),
        "choice_words": (
            "The blend had the lowest log loss in the backtest, by 0.0021 (95 %: 0.0004 to 0.0039) "
            "against the next, the logistic regression.",
        ),
        "calibration_words": (
            "Calibrated on 3,214 later snapshots by beta calibration, which had the lowest "
            "cross-validated log loss of the three methods tried.",
        ),
        "calibration_methods": pl.DataFrame(
            [
                ("identity", 0.29375, 0.00129, 0.00053),
                ("logistic", 0.29378, 0.00132, 0.00055),
                ("beta", 0.29246, 0.0, 0.0),
            ],
            schema=["method", "log_loss", "excess", "standard_error"],
            orient="row",
        ),
        "leakage": _leakage(),
        "quality": sample_quality(),
        "sellers": pl.DataFrame(
            [
                ("Alpha <Leads>", 900, 60.0, 48.2, 1.21, 1.02, 1.49, 1.0, 2.0, "above expected"),
                (
                    "Twelve",
                    12,
                    0.0,
                    0.4,
                    0.98,
                    0.4,
                    1.7,
                    1.0,
                    3.0,
                    "as expected, or too few to tell",
                ),
                ("Gamma", 700, 12.0, 35.5, 0.45, 0.25, 0.72, 3.0, 3.0, "the worst"),
            ],
            schema=[
                *("seller", "leads", "observed", "expected", "ratio", "low", "high"),
                *("rank_low", "rank_high", "verdict"),
            ],
            orient="row",
        ),
        "seller_words": ("Said to deliver junk or to resell is Gamma.",),
    }
    return ReportInputs(**(content | changes))


@cache
def sample_page() -> str:
    """The page of the sample, drawn once for all tests of a process."""
    return render_report(sample_inputs())


def short_inputs() -> ReportInputs:
    """A few pictures of different kinds, where drawing them all would take too long."""
    sample = sample_inputs()
    return bare_inputs(
        reliability=sample.reliability,
        reliability_curve=sample.reliability_curve,
        separation=sample.separation,
        splits=sample.splits,
        importance=sample.importance,
    )


def bare_inputs(**changes: object) -> ReportInputs:
    """The least that a report can be made of."""
    run = RunFacts(30, 0, 30, 2, datetime(2025, 1, 1, tzinfo=UTC), "0.1.0", "ab" * 32)
    content: dict[str, Any] = {"source": SourceFacts("tiny", "Tiny"), "run": run, "metrics": {}}
    return ReportInputs(**(content | changes))


def sample_run() -> RunFacts:
    """Facts of a run that are in agreement with the sample."""
    return RunFacts(
        n_leads=20_000,
        n_events=612_345,
        n_snapshots=57_904,
        n_customers=1_012,
        created_at=datetime(2026, 1, 9, 14, 30, tzinfo=UTC),
        code_version="0.1.0",
        fingerprint="9f2c1d" * 10 + "abcd",
        horizon_days=60.0,
        landmarks_days=(0.0, 1.0, 7.0, 30.0),
        first_created_at=START,
        last_created_at=START + timedelta(days=725),
        observed_until=START + timedelta(days=730),
        git_commit="a52b977",
        learner="blend",
    )


def sample_metrics(probability: Floats, converted: Hits) -> dict[str, Any]:
    """As ``metrics.json`` has them."""
    months = {f"2025-{month:02d}": 0.75 + 0.01 * (month % 4) for month in range(4, 11)}
    ages = {"0": 0.71, "1": 0.74, "7": 0.79, "30": 0.82}
    return {
        "verdict": {
            "use": "probability",
            "words": "Use it as a probability. AUC 0.780 (95 %: 0.760 to 0.800); log loss 0.196 "
            "where no model at all has 0.231; calibration error 0.7 %, no more than chance gives.",
            "beware": False,
        },
        "without_model": {
            **{"base_rate": 0.048, "log_loss": 0.231},
            **{"difference": -0.035, "low": -0.041, "high": -0.029},
        },
        "level_doubt": {"words": "The level of leads to come: models missed it by +0.10, -0.04."},
        "test": _part(probability, converted, 0.78, 6000),
        "by_month": {name: _part(probability, converted, auc, 860) for name, auc in months.items()},
        "by_landmark": {
            name: _part(probability, converted, auc, 1500) for name, auc in ages.items()
        },
        "by_segment": {
            "channel": {name: _part(probability, converted, auc, n) for name, auc, n in _CHANNELS}
        },
        "multicalibration": {
            "gap": 0.0061,
            "gap_by_chance": 0.0094,
            "attribute": "channel",
            "segment": "paid ads",
            "segments": [
                {"attribute": "channel", "segment": name, "n": n, "from": 0.02, "to": 0.3}
                | {"gap": gap, "gap_by_chance": 1.7 / n**0.5}
                for (name, _, n), gap in zip(_CHANNELS, (0.004, -0.031, 0.11), strict=True)
            ],
        },
    }


_CHANNELS = (("search", 0.79, 3600), ("paid ads", 0.74, 2200), ("referral", 0.76, 200))


def sample_quality() -> dict[str, Any]:
    """As ``quality.json`` has it."""
    return {
        "source": "acme_crm",
        "tables": {
            "leads": {"rows": 20_004, "kept": 20_000},
            "events": {"rows": 612_402, "kept": 612_345},
            "outcomes": {"rows": 20_000, "kept": 20_000},
        },
        "outcomes": {"won": 1_012, "lost": 11_870, "open": 7_118},
        "columns": [
            _column("created_at", "time", 0.0, 19_992),
            _column("job_title", "text", 0.084, 7_301),
            _column("company_size", "number", 0.213, 411),
            _column("revenue", "number", 0.482, 2_941),
            _column("industry", "category", 0.031, 14),
            _column("country", "category", 0.012, 31),
            _column("phone", "text", 0.389, 12_104),
            _column("source", "category", 0.0, 8),
        ],
        "events": {
            "types": [["email_opened", 301_220], ["page_viewed", 251_807], ["form_sent", 59_318]],
            "first": "2024-01-01T00:12:44+00:00",
            "last": "2025-12-30T22:41:03+00:00",
        },
        "faults": [
            {
                "severity": "warning",
                "where": "events: column 'lead_id'",
                "found": "57 of 612402 rows that name a lead which the leads' table does not have: "
                "'L-99017' (events.csv line 3012), …",
                "expected": "leads of the leads' table, or at most 0.01 of the rows otherwise",
                "remedy": "They are set aside in quarantine.parquet.",
                "count": 57,
            }
        ],
        "unused_columns": ["utm_term", "last_touch"],
        "forbidden": {"closed_reason": "filled in when the lead is closed: it gives the end away"},
    }


def _column(name: str, kind: str, missing: float, distinct: int) -> dict[str, Any]:
    about: dict[str, Any] = {"name": name, "type": kind, "missing_share": missing}
    about["distinct"] = distinct
    if kind == "number":
        about["quantiles"] = [[0.0, 1.0], [0.25, 12.0], [0.5, 60.0], [0.75, 380.0], [1.0, 90_000]]
    if kind == "category":
        about["top"] = [["Software", 4_120], ["Retail", 2_801], ["Health", 1_903], ["Other", 12]]
    return about


_LIFT = (("gain", "lift"), ("low", "low"), ("high", "high"))


def _ends(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def _part(probability: Floats, converted: Hits, auc: float, n: int) -> dict[str, Any]:
    order = np.argsort(-probability)
    half = 1.2 / np.sqrt(n)
    part: dict[str, Any] = {"n": n, "n_converted": int(n * converted.mean())}
    part["auc"] = _ends(auc, 1.6 * half)
    part["base_rate"] = _ends(float(converted.mean()) * auc / 0.78, half / 3)
    part["mean_probability"] = _ends(float(probability.mean()), half / 20)
    part["log_loss"] = _ends(0.221, half / 2)
    part["brier"] = _ends(0.0592, half / 5)
    part["average_precision"] = _ends(0.271, half)
    part["ece"] = {"value": 0.0093, "low": 0.002, "high": 0.0141}
    part["ece_if_calibrated"] = {"value": 0.0087, "low": 0.0052, "high": 0.0131}
    part["calibration_slope"] = _ends(1.02, 4 * half)
    part["calibration_intercept"] = _ends(0.04, 5 * half)
    part["calibration_in_the_large"] = _ends(0.01, 3 * half)
    for cut in CUTS:
        gain = float(converted[order[: len(order) * cut // 100]].sum() / converted.sum())
        part[f"gain_{cut}"] = _ends(gain, half)
        part[f"lift_{cut}"] = _ends(100 * gain / cut, 100 * half / cut)
    return part


def _groups(probability: Floats, converted: Hits) -> pl.DataFrame:
    rows = []
    for group in np.array_split(np.argsort(probability), 10):
        observed, predicted = float(converted[group].mean()), float(probability[group].mean())
        half = 1.96 * float(np.sqrt(max(observed * (1 - observed), 1e-4) / len(group)))
        low, high = max(observed - half, 0.0), min(observed + half, 1.0)
        rows.append((len(group), predicted, observed, low, high))
    names = ["n", "predicted", "observed", "low", "high"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _corp(probability: Floats) -> pl.DataFrame:
    predicted = np.unique(np.quantile(probability, np.linspace(0, 1, 200)))
    half = 0.012 + 0.09 * predicted
    steps = np.maximum.accumulate(predicted + 0.02 * np.sin(25 * predicted))
    return pl.DataFrame(
        {
            "predicted": predicted,
            "observed": np.clip(steps, 0, 1),
            "low": np.clip(predicted - half, 0, 1),
            "high": np.clip(predicted + half, 0, 1),
        }
    )


def _gain(probability: Floats, converted: Hits) -> pl.DataFrame:
    reached = np.cumsum(converted[np.argsort(-probability)]) / converted.sum()
    share = np.arange(1, len(reached) + 1) / len(reached)
    half = 0.09 * np.sqrt(reached * (1 - reached))
    ends = {"low": np.clip(reached - half, 0, 1), "high": np.clip(reached + half, 0, 1)}
    return pl.DataFrame({"share": share, "gain": reached, **ends})


def _roc(probability: Floats, converted: Hits) -> pl.DataFrame:
    hits = converted[np.argsort(-probability)]
    return pl.DataFrame(
        {
            "false_positive_rate": np.cumsum(~hits) / (~hits).sum(),
            "true_positive_rate": np.cumsum(hits) / hits.sum(),
        }
    )


def _histogram(probability: Floats, converted: Hits) -> pl.DataFrame:
    edges = np.linspace(0, 1, 41)
    won, _ = np.histogram(probability[converted], edges)
    lost, _ = np.histogram(probability[~converted], edges)
    return pl.DataFrame({"from": edges[:-1], "to": edges[1:], "won": won, "lost": lost})


def _curve_grades() -> pl.DataFrame:
    """What the curve told of two grades, and what came."""
    days = np.linspace(0.0, 90.0, 10)
    told = {"A": 0.2, "D": 0.02}
    return pl.concat(
        pl.DataFrame({"days": days, "predicted": most * days / 90}).select(
            pl.lit(grade).alias("grade"),
            "days",
            "predicted",
            observed=0.9 * pl.col("predicted"),
            low=0.7 * pl.col("predicted"),
            high=1.2 * pl.col("predicted"),
            leads=pl.lit(400),
        )
        for grade, most in told.items()
    )


def _delays() -> pl.DataFrame:
    days = np.arange(0, 366, dtype=np.float64)
    won = 0.081 * (1 - np.exp(-((days / 31) ** 0.9)))
    half = 0.004 * np.sqrt(days / 60)
    ends = {"low": np.clip(won - half, 0, 1), "high": won + half}
    at_risk = np.arange(20_000, 1_700, -50)
    return pl.DataFrame({"days": days, "share": won, **ends, "at_risk": at_risk})


def _importance() -> pl.DataFrame:
    rows = [
        ("pricing_page_count_7d", "engagement", "pricing pages viewed in the last 7 days", 0.19),
        ("seniority", "fit", "seniority read from the job title", 0.14),
        ("channel_rate", "source", "past conversion rate of the channel", 0.11),
        ("days_since_last_event", "engagement", "days since the lead last did anything", 0.10),
        ("form_count_30d", "engagement", "forms filled in during the last 30 days", 0.08),
        ("company_size", "fit", "number of employees of the company", 0.07),
        ("age_days", "timing", "days since the lead was created", 0.06),
        ("email_click_decayed_14d", "engagement", "e-mail clicks, halved every 14 days", 0.055),
        ("business_email", "fit", "e-mail address of a company, not of a free provider", 0.05),
        ("industry", "fit", "industry of the company", 0.04),
        ("vendor_rate", "source", "past conversion rate of the vendor that sold the lead", 0.03),
        ("created_weekday", "timing", "weekday on which the lead came in", 0.02),
        ("country", "fit", "country", 0.02),
        ("webinar_count", "engagement", "webinars attended so far", 0.015),
        ("revenue", "fit", "yearly revenue of the company", 0.01),
        ("created_hour", "timing", "hour of the day at which the lead came in", 0.01),
        ("phone_given", "fit", "whether there is a telephone number", 0.0),
    ]
    return pl.DataFrame(rows, schema=["name", "group", "words", "importance"], orient="row")


def _account() -> pl.DataFrame:
    rows = [
        ("leads", "kept", "", 19_990),
        ("leads", "set aside", "duplicate lead", 10),
        (LOOKS, GOES_ON, "", 57_904),
        (LOOKS, LEFT_OUT, "ended before", 22_056),
        (SNAPSHOTS, "test part", "", 6_000),
        (SNAPSHOTS, LEFT_OUT, "outcome not known yet", 9_460),
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _splits() -> pl.DataFrame:
    rows = [
        ("train", None, 27_524, 10_800, 1_592, 0, 530),
        ("test", None, 6_000, 2_780, 330, 591, 669),
        ("left_out", "another part's person", 5_120, 3_300, 260, 30, 590),
        ("left_out", "immature", 9_460, 4_011, 0, 670, 729),
        ("left_out", "purged", 9_800, 4_750, 570, 531, 590),
    ]
    schema = ["part", "reason", "snapshots", "groups", "converted", "first", "last"]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    time = {
        f"{end}_as_of": pl.lit(START) + pl.duration(days=pl.col(end)) for end in ("first", "last")
    }
    positions = {f"{end}_position": pl.col(f"{end}_as_of").dt.epoch() for end in ("first", "last")}
    rate = pl.when(pl.col("converted") > 0).then(pl.col("converted") / pl.col("snapshots"))
    return frame.with_columns(**time, base_rate=rate).with_columns(**positions)


_LOSSES = {
    "blend": (0.2190, 0.2245, 0.2171),
    "logistic": (0.2215, 0.2262, 0.2192),
    "lightgbm": (0.2231, 0.2249, 0.2183),
    "prior": (0.2467, 0.2522, 0.2431),
}
_ORIGIN_DAYS = (224, 278, 335)


def _backtest() -> pl.DataFrame:
    rows = []
    for name, losses in _LOSSES.items():
        for origin, (loss, best) in enumerate(zip(losses, _LOSSES["blend"], strict=True)):
            moment = START + timedelta(days=_ORIGIN_DAYS[origin])
            half = 0.0 if name == "blend" else 0.0024
            ends = (loss - best, loss - best - half, loss - best + half)
            rows.append((name, origin, int(moment.timestamp() * 1e6), loss, *ends))
    schema = ["candidate", "origin", "position", "log_loss", "difference", "low", "high"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _leakage() -> pl.DataFrame:
    rows = [
        ("L001", "A column that tells the outcome", "clean", "", "", ""),
        (
            "L007",
            "Names that smell of the outcome",
            "warning",
            "column 'last_activity_total'",
            "Its name ends in '_total', like columns that are filled in at the end.",
            "Look at when it is filled in, and forbid it if that is after the outcome.",
        ),
        ("L009", "Ids that predict", "not applicable", "", "no column looks like an id", ""),
    ]
    schema = ["code", "title", "status", "subject", "found", "remedy"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def tiny_inputs() -> ReportInputs:
    """Thirty leads, two customers: frames of a row or two, with gaps where nothing is known."""
    undefined = {"value": None, "low": None, "high": None}
    part = {"auc": undefined, "base_rate": {"value": 0.0, "low": None, "high": None}, "n": 3}
    none = pl.lit(None, pl.Float64)
    moment = pl.lit(START)
    splits = (
        _splits()
        .head(3)
        .with_columns(first_as_of=moment, last_as_of=moment, first_position=0, last_position=0)
    )
    return bare_inputs(
        metrics={"test": part, "by_month": {"2025-01": part, "x": part}, "by_landmark": {}},
        notes=("2 won leads: base rate only.",),
        reliability=pl.DataFrame({"n": [6], "predicted": [0.07], "observed": [0.0]}).with_columns(
            low=none, high=pl.lit(float("nan"))
        ),
        gain=pl.DataFrame({"share": [0.5, 1.0], "gain": [None, 1.0]}),
        lift=pl.DataFrame({"share": [0.001], "lift": [1.0]}),
        roc=pl.DataFrame({"false_positive_rate": [0.0], "true_positive_rate": [float("nan")]}),
        separation=pl.DataFrame({"from": [0.0], "to": [1.0], "won": [0], "lost": [6]}),
        delays=_delays().head(1),
        importance=_importance().with_columns(importance=0.0),
        splits=splits,
        backtest=_backtest().head(1).with_columns(low=none, high=none),
        leakage=_leakage().head(1),
        quality={"outcomes": {"won": 2, "lost": 28, "open": 0}, "faults": []},
    )
