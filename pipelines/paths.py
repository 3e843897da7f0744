"""Where a source's results lie: one folder a source, the same names in each."""

from dataclasses import dataclass
from pathlib import Path

SOURCES = Path("data/sources")
"""The folder of the source definitions."""
RUNS = Path("data/runs")
"""The folder of all results, one folder a source."""


@dataclass(frozen=True)
class RunFolder:
    """The files of one source's run; the names are stable, other tools rely on them."""

    source: str
    """The source's name."""

    @property
    def path(self) -> Path:
        """The folder itself."""
        return RUNS / self.source

    @property
    def results(self) -> tuple[Path, ...]:
        """Every file and folder that a stage writes."""
        names = (
            *("fingerprint", "tables", "snapshots", "plan", "matrix", "leakage", "learner"),
            *("backtest", "out_of_time", "calibration", "bundle", "test_scores", "metrics"),
            *("headline", "curves", "report", "comparison", "comparison_page", "plots", "tracking"),
        )
        return tuple(getattr(self, name) for name in names)

    @property
    def fingerprint(self) -> Path:
        """What the raw data were: a digest of each file or query."""
        return self.path / "fingerprint.json"

    @property
    def tables(self) -> Path:
        """The canonical tables, with the quarantine and the quality of the data."""
        return self.path / "tables"

    @property
    def snapshots(self) -> Path:
        """Every snapshot with its label, its part and why it was left out."""
        return self.path / "snapshots.parquet"

    @property
    def plan(self) -> Path:
        """How features are computed: what training learned of kinds and categories."""
        return self.path / "plan.json"

    @property
    def matrix(self) -> Path:
        """The features of the snapshots that are in a part, in the order of `snapshots`."""
        return self.path / "matrix.parquet"

    @property
    def leakage(self) -> Path:
        """What the leakage gate found."""
        return self.path / "leakage.json"

    @property
    def learner(self) -> Path:
        """The fitted learner."""
        return self.path / "learner"

    @property
    def backtest(self) -> Path:
        """Each candidate at each origin, and which was chosen."""
        return self.path / "backtest.json"

    @property
    def out_of_time(self) -> Path:
        """What the chosen learner predicted for snapshots later than its training."""
        return self.path / "out_of_time.parquet"

    @property
    def calibration(self) -> Path:
        """The calibrator, the intervals and how they were chosen."""
        return self.path / "calibration.json"

    @property
    def bundle(self) -> Path:
        """The exported scorer."""
        return self.path / "bundle"

    @property
    def test_scores(self) -> Path:
        """The probability of every test snapshot, with its label."""
        return self.path / "test_scores.parquet"

    @property
    def metrics(self) -> Path:
        """The test metrics with their intervals."""
        return self.path / "metrics.json"

    @property
    def headline(self) -> Path:
        """The few test metrics that `dvc metrics diff` and `dvc exp show` compare, values only."""
        return self.path / "headline.json"

    @property
    def curves(self) -> Path:
        """What the report and `dvc plots` draw: one CSV a curve."""
        return self.path / "curves"

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.path / "report.html"

    @property
    def distilled(self) -> Path:
        """The points table that `leadcast distill` makes; its page has the ending ``.md``."""
        return self.path / "distilled.yaml"

    @property
    def comparison(self) -> Path:
        """The learned score against points: ``comparison.json`` and ``leads.parquet``."""
        return self.path / "comparison"

    @property
    def comparison_page(self) -> Path:
        """The comparison as a page for people."""
        return self.path / "comparison.html"

    @property
    def plots(self) -> Path:
        """The report's pictures, each as an SVG file."""
        return self.path / "plots"

    @property
    def tracking(self) -> Path:
        """The MLflow run and model that hold this result."""
        return self.path / "mlflow.json"
