"""A fitted model with everything that was found out about it, in tables and pictures."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from leadcast.features.base.files import put_out, read_json, temporary_beside, written_whole
from leadcast.features.readers.frames import Frame, given_back, library_of
from leadcast.models.bundle.bundle_files import KIND
from leadcast.models.calibration.verdict import ModelVerdict
from leadcast.pipelines.audit import audit
from leadcast.pipelines.base.dataset import read_plan, used_snapshots
from leadcast.pipelines.base.params import Params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.summary import read_leakage, summarise
from leadcast.pipelines.frames.held import OwnFolder, held_project
from leadcast.pipelines.frames.lead_data import LeadData
from leadcast.pipelines.frames.new_frames import read_new
from leadcast.pipelines.frames.plots import CurvePlots
from leadcast.pipelines.frames.points_given import GivenPoints, PointsComparison, compare_given
from leadcast.pipelines.frames.shown import model_html
from leadcast.pipelines.report import report
from leadcast.serve.pandas_tables import as_asked
from leadcast.serve.scorer import Scorer


class FittedModel(CurvePlots):
    """A model that `leadcast.fit` has fitted and tested; every table is of the data's library.

    Parameters
    ----------
    data : LeadData
        What it has learned from.
    params : Params
        How.
    folder : OwnFolder
        Where the run lies; removed with this object.
    """

    def __init__(self, data: LeadData, params: Params, folder: OwnFolder) -> None:
        self.data = data
        self.params = params
        self._folder = folder

    @contextmanager
    def _run(self) -> Iterator[RunFolder]:
        definition = self.data.definition
        with held_project(definition, self.params, self._folder.path):
            yield RunFolder(definition.name)

    def _given(self, frame: pl.DataFrame) -> Frame:
        return given_back(frame, self.data.held_by)

    @property
    def metrics(self) -> Frame:
        """The test's metrics: ``metric``, ``value``, and ``low`` to ``high`` (95 %)."""
        with self._run() as run:
            test = read_json(run.metrics)["test"]
        rows = [
            {"metric": name, **(one if isinstance(one, dict) else {"value": one})}
            for name, one in test.items()
        ]
        schema = {"metric": pl.String} | dict.fromkeys(("value", "low", "high"), pl.Float64)
        return self._given(pl.DataFrame(rows, schema=schema))

    @property
    def verdict(self) -> ModelVerdict:
        """What the scores may be used for; ``verdict.words`` says it in a sentence."""
        with self._run() as run:
            return ModelVerdict.model_validate(read_json(run.metrics)["verdict"])

    @property
    def notes(self) -> tuple[str, ...]:
        """How the learner was chosen, and what there was too little data for."""
        with self._run() as run:
            backtest = read_json(run.backtest)
        return tuple(dict.fromkeys((*backtest["notes"], *backtest["warnings"])))

    @property
    def snapshots(self) -> Frame:
        """Each lead at its landmarks: its label, its part, and why it was left out."""
        with self._run() as run:
            return self._given(pl.read_parquet(run.snapshots))

    @property
    def features(self) -> Frame:
        """The features of the snapshots that are in a part, by ``lead_id`` and ``as_of``."""
        with self._run() as run:
            rows = used_snapshots(run).select("lead_id", "as_of")
            return self._given(rows.hstack(pl.read_parquet(run.matrix)))

    @property
    def test_scores(self) -> Frame:
        """The tested model's probability of each test snapshot, with what became of it."""
        with self._run() as run:
            return self._given(pl.read_parquet(run.test_scores))

    @property
    def importance(self) -> Frame:
        """How much each feature matters to the tested model, the most first."""
        with self._run() as run:
            importance, features = read_json(run.backtest)["importance"], read_plan(run).features
        rows = {
            "feature": [one.name for one in features],
            "words": [one.words for one in features],
            "group": [one.group for one in features],
            "importance": importance,
        }
        return self._given(pl.DataFrame(rows).sort("importance", descending=True))

    @property
    def backtest(self) -> Frame:
        """Each candidate at each rolling origin; empty where there was too little for any."""
        with self._run() as run:
            results = read_json(run.backtest)["results"]
        return self._given(pl.DataFrame(results, infer_schema_length=None))

    @property
    def leakage(self) -> Frame:
        """What the leakage gate looked at, and what it found."""
        with self._run() as run:
            return self._given(read_leakage(run))

    def curve(self, name: str) -> pl.DataFrame:
        """Give the numbers of a curve, in polars; see `leadcast.pipelines.frames.plots.CURVES`."""
        with self._run() as run:
            return pl.read_csv(run.curves / f"{name}.csv")

    @cached_property
    def scorer(self) -> Scorer:
        """The model to use, which has learned from all that is known."""
        with self._run() as run:
            return Scorer.load(run.bundle)

    @cached_property
    def judged(self) -> Scorer:
        """The model that was tested; it reproduces `test_scores`."""
        with self._run() as run:
            return Scorer.load(run.judged)

    def score(
        self, leads: Frame, events: Frame | None = None, as_of: datetime | None = None
    ) -> Frame:
        """Score leads with the model to use.

        Parameters
        ----------
        leads, events : DataFrame
            In the shape of the tables that `LeadData` was given, and read as they were. The leads
            may have ``as_of``: a row is then a lead at a moment of its own.
        as_of : datetime, optional
            The moment at which to score, with a time zone, where there is no such column; now, if
            not given.

        Returns
        -------
        DataFrame
            As `leadcast.Scorer.score` gives it.
        """
        new = read_new(self.data, leads, events, self.scorer.bundle.plan.people)
        scores = self.scorer.score(new.leads, new.events, as_of)
        return as_asked(scores, leads, library_of(leads, "leads"))

    def compare(
        self, points: GivenPoints = "rules_score", **asked: float | None
    ) -> PointsComparison:
        """Compare the learned score with points, on the test's leads at the same moments.

        Parameters
        ----------
        points : str, Path, RuleTable, Series or DataFrame
            A numeric column of the leads; a points table (`leadcast.load_rules`, or its file); a
            Series, by the index' lead ids or one for each lead that was given; or a table with
            ``lead_id`` and one more column.
        **asked : float
            ``calls_per_week``, ``call_landmark_days``, ``cost_per_call``, ``value_per_customer``
            and ``points_after_days`` (the age from which on a lead has its points); what is not
            named is as the parameters and the definition say.

        Returns
        -------
        PointsComparison

        Raises
        ------
        LeadcastError
            If these are no points of the leads.
        """
        with self._run() as run:
            return compare_given(run, self.data, self.params, points, asked)

    def report(self, path: str | Path) -> Path:
        """Write the report: one page of HTML that needs nothing else.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path

        Raises
        ------
        LeadcastError
            If there is a file that Leadcast did not write.
        """
        place = Path(path)
        with self._run() as run:
            if not run.report.exists():
                audit(run.source)
                report(run.source)
            place.parent.mkdir(parents=True, exist_ok=True)
            copy = temporary_beside(place)
            shutil.copyfile(run.report, copy)
            put_out(copy, place)
        return place

    def save(self, path: str | Path) -> Path:
        """Save the model to use as a bundle: plain data, which `leadcast.Scorer.load` reads.

        Parameters
        ----------
        path : str or Path
            A folder that is new, or holds an earlier bundle.

        Returns
        -------
        Path

        Raises
        ------
        LeadcastError
            If there is something that Leadcast did not write.
        """
        place = Path(path)
        with self._run() as run, written_whole(place, KIND, is_named=True) as temporary:
            shutil.copytree(run.bundle, temporary)
        return place

    def __repr__(self) -> str:
        with self._run() as run:
            lines = summarise(run).splitlines()
        # Its folder is nobody's business: `report` and `save` write where they are told to.
        return "\n".join(line for line in lines if str(self._folder.path) not in line)

    def _repr_html_(self) -> str:
        with self._run() as run:
            return model_html(read_json(run.metrics), self.notes)
