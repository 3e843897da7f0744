"""What the report is made from: plain data, computed by others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from leadcast.models.charts.numbers import ShownEstimate
from leadcast.models.evaluation.feature_shapes import FeatureShape

FRAMES: dict[str, tuple[str, ...]] = {
    "reliability": ("n", "predicted", "observed", "low", "high"),
    "reliability_curve": ("predicted", "observed", "low", "high"),
    "gain": ("share", "gain"),
    "lift": ("share", "lift"),
    "roc": ("false_positive_rate", "true_positive_rate"),
    "separation": ("from", "to", "won", "lost"),
    "delays": ("days", "share", "low", "high", "at_risk"),
    "curve_grades": ("grade", "days", "predicted", "observed", "low", "high", "leads"),
    "importance": ("name", "group", "words", "importance"),
    "splits": (
        *("part", "reason", "snapshots", "groups", "converted", "base_rate"),
        *("first_position", "last_position", "first_as_of", "last_as_of"),
    ),
    "backtest": ("candidate", "origin", "position", "log_loss", "difference", "low", "high"),
    "calibration_methods": ("method", "log_loss", "excess", "standard_error"),
    "leakage": ("code", "title", "status", "subject", "found", "remedy"),
    "account": ("step", "fate", "reason", "rows"),
    "sellers": (
        *("seller", "leads", "observed", "expected", "ratio", "low", "high"),
        *("rank_low", "rank_high", "verdict"),
    ),
}
"""The columns that each frame of `ReportInputs` must have; it may have more."""
KEYS: dict[str, tuple[str, ...]] = {
    "reliability": ("predicted", "observed"),
    "reliability_curve": ("predicted", "observed", "low", "high"),
    "gain": ("share", "gain"),
    "lift": ("share", "lift"),
    "roc": ("false_positive_rate", "true_positive_rate"),
    "delays": ("days", "share", "low", "high"),
    "curve_grades": ("predicted",),
    "importance": ("importance",),
    "backtest": ("log_loss", "difference"),
}
"""The columns without which a row shows nothing: it is left out where one of them is null."""
NUMBERS = frozenset({"low", "high", "gain", "lift", "true_positive_rate", "observed", "base_rate"})
"""Columns that may be null throughout."""


@dataclass(frozen=True)
class SourceFacts:
    """Where the leads come from.

    Parameters
    ----------
    name : str
        The source's name (``"x_education"``).
    title : str
        Its name for people.
    licence : str or None
        Under which terms the data stand.
    homepage : str or None
        Where the data are described; linked only if it is an address of the web.
    """

    name: str
    title: str
    licence: str | None = None
    homepage: str | None = None


@dataclass(frozen=True)
class RunFacts:
    """What was done, on how much, and when.

    Parameters
    ----------
    n_leads, n_events, n_snapshots : int
        How many there are after ingest, of all parts.
    n_customers : int
        How many of the leads became customers, at any time that the export knows of.
    created_at : datetime
        When the run was made (UTC).
    code_version, fingerprint : str
        Leadcast's version, and the digest of the source's bytes.
    horizon_days : float or None
        How far ahead the model predicts; None where the source is not dated.
    landmarks_days : tuple of float
        The leads' ages at which they are scored; empty where the source is not dated.
    time_order : str
        A value of `leadcast.features.tables.TimeOrder`.
    first_created_at, last_created_at, observed_until : datetime or None
        The time span of the leads, and until when outcomes are known (UTC).
    git_commit : str or None
        The commit of the code, where it is known.
    learner : str or None
        The chosen learner: its kind (``"logistic"``), or words.
    """

    n_leads: int
    n_events: int
    n_snapshots: int
    n_customers: int
    created_at: datetime
    code_version: str
    fingerprint: str
    horizon_days: float | None = None
    landmarks_days: tuple[float, ...] = ()
    time_order: str = "dated"
    first_created_at: datetime | None = None
    last_created_at: datetime | None = None
    observed_until: datetime | None = None
    git_commit: str | None = None
    learner: str | None = None


@dataclass(frozen=True)
class ReportInputs:
    """Everything that the report may show; what is None or empty has no section.

    Parameters
    ----------
    source : SourceFacts
        Where the leads come from.
    run : RunFacts
        What was done.
    metrics : mapping
        As ``metrics.json`` has them: ``"test"``, and where there are any ``"by_landmark"`` and
        ``"by_month"`` (or ``"by_block"``, where nothing is dated), ``"by_segment"`` and
        ``"multicalibration"``; ``"verdict"``, ``"level_doubt"`` and ``"without_model"``.
    notes : tuple of str
        What the reader should beware of, a sentence each; shown with the summary.
    reliability, reliability_curve : pl.DataFrame or None
        As `leadcast.models.charts.reliability_chart.ReliabilityChart` takes them.
    gain, lift, roc : pl.DataFrame or None
        As the charts of `leadcast.models.charts.ranking_charts` take them.
    separation : pl.DataFrame or None
        As `leadcast.models.charts.ranking_charts.SeparationChart` takes it.
    delays : pl.DataFrame or None
        As `leadcast.models.charts.time_charts.DelayChart` takes it.
    delay_words : str
        What the delay curve says about the horizon.
    curve_grades : pl.DataFrame or None
        As `leadcast.models.charts.time_charts.WhenChart` takes them.
    curve : mapping or None
        As the stage ``curve`` writes ``summary.json``: ``why_not``, ``deployed`` and ``test``.
    importance : pl.DataFrame or None
        A row a feature: ``name``, ``group``, ``words``, ``importance`` (all sum to 1).
    splits : pl.DataFrame or None
        As `leadcast.models.charts.time_charts.TimelineChart` takes it.
    model_words : tuple of str
        Which model is deployed and which was judged, and what each has seen, a sentence each.
    backtest : pl.DataFrame or None
        As `leadcast.models.charts.backtest_chart.BacktestChart` takes it.
    choice_words : tuple of str
        Why the model was chosen, a sentence each.
    history_words : str
        Whether attributes are taken as they stood then, or as on the day of the export.
    segments : tuple of mapping
        What each has of its own, as `leadcast.models.choice.segment_form.segments_told` tells.
    calibration_words : tuple of str
        How it was calibrated and why so, a sentence each.
    calibration_methods : pl.DataFrame or None
        A row a method that was tried, as `calibrator_choice.CalibratorCandidate` tells of it.
    leakage : pl.DataFrame or None
        A row a finding of the leakage gate, or a check without one, as
        `LeakageReport.frame` gives them: ``code``, ``title``, ``status``
        (``"error"``, ``"warning"``, ``"clean"`` or ``"not applicable"``), ``subject``,
        ``found``, ``remedy``.
    quality : mapping or None
        As the ingest stage writes ``quality.json``.
    audit : mapping or None
        As `leadcast.models.audit.lead_audit.audit_leads` gives it.
    accounts : mapping or None
        As the stage ``accounts`` writes ``accounts.json``.
    leaks : tuple of str
        What the leakage gate found that speaks against using the scores, in words.
    grades : pl.DataFrame or None
        As `leadcast.models.evaluation.score_groups.grade_table` gives them.
    shapes : tuple of FeatureShape
        What the most important features do to the score.
    scores : pl.DataFrame or None
        A row a lead of the test: ``as_of``, ``probability``, ``converted`` and
        ``score_attributes``.
    score_attributes : tuple of str
        Attributes by which the scores are told, over time as well.
    steering, rights : mapping or None
        As the stages ``gate`` and ``evaluate`` write ``steering.json`` and ``rights.json``.
    account : pl.DataFrame or None
        Where every row went, as `leadcast.models.account.account_frame` gives it.
    amounts : mapping or None
        As the stage ``amounts`` writes ``amounts.json``.
    nonhuman : mapping or None
        What it changes that events of machines are left out:
        `leadcast.models.report.machines.nonhuman_blocks` tells the keys.
    sellers : pl.DataFrame or None
        A row a vendor, as `leadcast.models.charts.sellers_chart.SellersChart` takes them; None
        where nothing was agreed with vendors.
    seller_words : tuple of str
        Who is said to deliver junk or to resell, a sentence each.

    Raises
    ------
    ValueError
        If a frame lacks a column that its chart needs; names all of them.
    """

    source: SourceFacts
    run: RunFacts
    metrics: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()
    reliability: pl.DataFrame | None = None
    reliability_curve: pl.DataFrame | None = None
    gain: pl.DataFrame | None = None
    lift: pl.DataFrame | None = None
    roc: pl.DataFrame | None = None
    separation: pl.DataFrame | None = None
    delays: pl.DataFrame | None = None
    delay_words: str = ""
    curve_grades: pl.DataFrame | None = None
    curve: Mapping[str, Any] | None = None
    importance: pl.DataFrame | None = None
    splits: pl.DataFrame | None = None
    model_words: tuple[str, ...] = ()
    backtest: pl.DataFrame | None = None
    choice_words: tuple[str, ...] = ()
    history_words: str = ""
    segments: tuple[Mapping[str, Any], ...] = ()
    calibration_words: tuple[str, ...] = ()
    calibration_methods: pl.DataFrame | None = None
    leakage: pl.DataFrame | None = None
    quality: Mapping[str, Any] | None = None
    account: pl.DataFrame | None = None
    amounts: Mapping[str, Any] | None = None
    nonhuman: Mapping[str, Any] | None = None
    audit: Mapping[str, Any] | None = None
    accounts: Mapping[str, Any] | None = None
    sellers: pl.DataFrame | None = None
    seller_words: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    grades: pl.DataFrame | None = None
    shapes: tuple[FeatureShape, ...] = ()
    scores: pl.DataFrame | None = None
    score_attributes: tuple[str, ...] = ()
    steering: Mapping[str, Any] | None = None
    rights: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        faults = [
            f"{name} lacks {', '.join(missing)}"
            for name, needed in FRAMES.items()
            if (frame := getattr(self, name)) is not None
            and (missing := [column for column in needed if column not in frame.columns])
        ]
        if faults:
            raise ValueError("the report's inputs are incomplete: " + "; ".join(faults))

    @property
    def test(self) -> Mapping[str, Any]:
        """The metrics of the whole test."""
        return dict(self.metrics.get("test", {}))

    def estimate(self, metric: str) -> ShownEstimate:
        """Give a metric of the whole test, undefined where it is absent."""
        return ShownEstimate.of(self.test, metric)

    def frame(self, name: str) -> pl.DataFrame | None:
        """Give one of the frames if there is something in it; its NaN have become null.

        Parameters
        ----------
        name : str
            A key of `FRAMES`.

        Returns
        -------
        pl.DataFrame or None
            None where the frame is absent, or has no row with a value for each of `KEYS`.
        """
        frame: pl.DataFrame | None = getattr(self, name)
        if frame is None:
            return None
        # A column read from a file in which all is empty has no type of its own.
        empty = [column for column in frame.columns if frame[column].null_count() == frame.height]
        numbers = [column for column in empty if column in NUMBERS]
        known = frame.with_columns(pl.col(numbers).cast(pl.Float64)).fill_nan(None)
        known = known.drop_nulls(KEYS.get(name, ()))
        return None if known.is_empty() else known
