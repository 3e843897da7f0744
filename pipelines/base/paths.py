"""Where a source's results lie: one folder a source, the same names in each.

What makes a folder a project, and how to tell whoever works elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import CHAMPIONS, PARAMS, RUNS, SOURCES

_OF_COMMANDS = (
    *("distilled", "forecast", "icp", "listed_accounts", "monitoring", "returned", "sellers"),
    "today",
)
"""How the names of what no stage writes begin."""


_runs: ContextVar[Path] = ContextVar("folder of runs", default=RUNS)


@contextmanager
def running_in(folder: Path) -> Iterator[None]:
    """Let every `RunFolder` lie in a folder of its own, for the caller's thread alone."""
    token = _runs.set(folder)
    try:
        yield
    finally:
        _runs.reset(token)


JUDGED, DEPLOYED = "judged", "deployed"
"""In the folder of a stage that makes an optional part: those of the two bundles."""


class RunFile:
    """A file or folder of a run, by its name in the run's folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(
        self,
        run: "RunFolder | DeployedFolder | AmountsFolder | AccountsFolder",
        _: type["RunFolder | DeployedFolder | AmountsFolder | AccountsFolder"] | None = None,
    ) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class DeployedFolder:
    """The parts of the deployed bundle, named as those of the model that was tested."""

    path: Path
    """The folder itself."""

    plan = RunFile("plan.json")
    """How features are computed, by what was known at the end of the export."""
    learner = RunFile("learner")
    """The learner, fitted on all that was known then."""
    calibration = RunFile("calibration.json")
    """The calibrator and the intervals, likewise."""
    reference = RunFile("reference.json")
    """The population behind percentiles and grades."""
    rates = RunFile("rates.json")
    """How often leads converted, by the value of each feature."""
    seen = RunFile("seen.json")
    """What the learner has seen, and until when."""


@dataclass(frozen=True)
class AmountsFolder:
    """What the stage `amounts` writes."""

    path: Path
    """The folder itself."""

    result = RunFile("amounts.json")
    """How good amounts are, and in which currency; or why there are none."""
    test = RunFile("test.parquet")
    """What was told of every test snapshot, and what came of it."""
    judged = RunFile("judged")
    """The model of amounts that was tested."""
    deployed = RunFile("deployed")
    """The one to be used, fitted on all that is known."""


@dataclass(frozen=True)
class AccountsFolder:
    """What the stage `accounts` writes."""

    path: Path
    """The folder itself."""

    result = RunFile("accounts.json")
    """How good the accounts' probabilities are; or why there are none."""
    test = RunFile("test.parquet")
    """Every account-moment of the test, with its probability and what came of it."""
    model = RunFile("model.json")
    """The model that is used, fitted on all that is known."""


@dataclass(frozen=True)
class RunFolder:
    """The files of one source's run; the names are stable, other tools rely on them."""

    source: str
    """The source's name."""

    fingerprint = RunFile("fingerprint.json")
    """What the raw data were: a digest of each file or query."""
    edited = RunFile("edited.json")
    """Which attributes differ from those of the export before; null where none was read."""
    settings = RunFile("settings")
    """What the run uses of parameters and definition, a file a section; DVC watches these."""
    tables = RunFile("tables")
    """The canonical tables, with the quarantine and the quality of the data."""
    snapshots = RunFile("snapshots.parquet")
    """Every snapshot with its label, its part and why it was left out."""
    account = RunFile("account.json")
    """Where every row went, from the files to the test part."""
    plan = RunFile("plan.json")
    """How features are computed: what training learned of kinds and categories."""
    matrix = RunFile("matrix.parquet")
    """The features of the snapshots that are in a part, in the order of `snapshots`."""
    leakage = RunFile("leakage.json")
    """What the leakage gate found."""
    steering = RunFile("steering.json")
    """What the deny-list found, and how well features reproduce what is denied."""
    learner = RunFile("learner")
    """The fitted learner."""
    backtest = RunFile("backtest.json")
    """Each candidate at each origin, and which was chosen."""
    out_of_time = RunFile("out_of_time.parquet")
    """What the chosen learner predicted for snapshots later than its training."""
    calibration = RunFile("calibration.json")
    """The calibrator, the intervals and how they were chosen."""
    deployed = RunFile("deployed")
    """What the deployed bundle is made of; see `DeployedFolder`."""
    curve = RunFile("curve")
    """When leads become customers: ``summary.json``, and the curves of both bundles."""
    bundle = RunFile("bundle")
    """The exported scorer, which has learned from all that was known: the deployed one."""
    judged = RunFile("judged")
    """The scorer that was tested, as a bundle of its own: it reproduces `test_scores`."""
    test_scores = RunFile("test_scores.parquet")
    """The probability of every test snapshot, with its label."""
    metrics = RunFile("metrics.json")
    """The test metrics with their intervals."""
    rights = RunFile("rights.json")
    """Whether payouts change a score, and how the scores are for each group of people."""
    headline = RunFile("headline.json")
    """The few test metrics that `dvc metrics diff` and `dvc exp show` compare, values only."""
    curves = RunFile("curves")
    """What the report and `dvc plots` draw: one CSV a curve."""
    report = RunFile("report.html")
    """The page for people."""
    distilled = RunFile("distilled.yaml")
    """The points table that `leadcast distill` makes; its page has the ending ``.md``."""
    audit = RunFile("audit.json")
    """What the audit found about the leads' fields."""
    audit_page = RunFile("audit.html")
    """The same as a page for people."""
    icp = RunFile("icp.json")
    """How a profile of the ideal customer does; `leadcast icp` makes it, and no stage."""
    icp_page = RunFile("icp.html")
    """The same as a page for people."""
    amounts = RunFile("amounts")
    """What leads are worth if they are won; see `AmountsFolder`."""
    accounts = RunFile("accounts")
    """What is told of accounts; see `AccountsFolder`."""
    comparison = RunFile("comparison")
    """The learned score against points: ``comparison.json`` and ``leads.parquet``."""
    comparison_page = RunFile("comparison.html")
    """The comparison as a page for people."""
    card = RunFile("model_card.md")
    """The model card; as a page for people, `card_page`."""
    card_page = RunFile("model_card.html")
    """The same as a page for people."""
    plots = RunFile("plots")
    """The report's pictures, each as an SVG file."""
    monitoring = RunFile("monitoring.json")
    """What `leadcast monitor` found last night."""
    monitoring_page = RunFile("monitoring.html")
    """The same as a page for people."""
    monitoring_lines = RunFile("monitoring.prom")
    """The same as lines for Prometheus."""
    monitoring_level = RunFile("monitoring_level.json")
    """What the newest conversions say of the level, and the record of its offset."""
    forecast = RunFile("forecast.json")
    """What the open pipeline brings by week; `leadcast forecast` makes it, and no stage."""
    forecast_csv = RunFile("forecast.csv")
    """The same as a table, a row a week."""
    forecast_page = RunFile("forecast.html")
    """The same as a page for people."""
    sellers = RunFile("sellers.json")
    """What `leadcast sellers` found of vendors, sources and campaigns."""
    sellers_page = RunFile("sellers.html")
    """The same as a page for people."""
    returned = RunFile("returned.parquet")
    """The leads that were sent back to their vendors; `leadcast returns --sent` adds to it."""
    listed_accounts = RunFile("accounts_now.parquet")
    """The accounts with open leads; `leadcast accounts` makes it, and no stage."""
    listed_accounts_before = RunFile("accounts_before.parquet")
    """The list before it, since which movements are told."""
    tracking = RunFile("mlflow.json")
    """The MLflow run and model that hold this result."""
    today = RunFile("today.parquet")
    """The leads that are open now; `leadcast today` makes it, and no stage."""
    today_before = RunFile("today_before.parquet")
    """The list before it, since which movements are told."""
    today_csv = RunFile("today.csv")
    """The list for sales."""
    today_misses = RunFile("misses.json")
    """The customers that the test scored low; `leadcast misses` makes it."""
    today_calls = RunFile("today_calls")
    """The call list of each week with its propensities, ``2026-W01.parquet`` and so on."""
    today_feedback = RunFile("today_feedback.parquet")
    """What sales has told back; `leadcast feedback` adds to it."""

    @property
    def path(self) -> Path:
        """The folder itself."""
        return _runs.get() / self.source

    def require(self, path: Path) -> None:
        """Refuse a run in which a file is not there yet."""
        if not path.exists():
            raise LeadcastError(
                f"{path}: there is no such file; `leadcast run {self.source}` makes it"
            )

    @property
    def results(self) -> tuple[Path, ...]:
        """Every file and folder that a stage writes."""
        return tuple(
            self.path / one.name
            for key, one in vars(RunFolder).items()
            if isinstance(one, RunFile) and not key.startswith(_OF_COMMANDS)
        )


def require_source(name: str) -> str:
    """Refuse a source of which there is neither a definition nor anything that was made by one.

    Parameters
    ----------
    name : str
        As a user typed it.

    Returns
    -------
    str
        The name.

    Raises
    ------
    LeadcastError
        If there is none; lists the sources there are, the nearest first.
    """
    if not any(path.exists() for path in (SOURCES / f"{name}.yaml", RUNS / name, CHAMPIONS / name)):
        # Not above: reading definitions needs much that a known name does not.
        from leadcast.features.definitions.load import find_definition

        find_definition(name)
    return name


_OF_PROJECTS = (PARAMS, SOURCES, RUNS)
"""A folder with one of these is a project."""


def is_project(folder: Path) -> bool:
    """Tell whether a folder holds a project.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    bool
    """
    return any((folder / name).exists() for name in _OF_PROJECTS)


def require_project(folder: Path) -> None:
    """Refuse a folder that holds no project.

    Parameters
    ----------
    folder : Path
        Where the program was called.

    Raises
    ------
    LeadcastError
        If it holds none; names the one around it, if there is one.
    """
    if is_project(folder):
        return
    above = next((one for one in folder.resolve().parents if (one / PARAMS).exists()), None)
    remedy = (
        f"go to {above}, which is one"
        if above is not None
        else "go to the folder that holds it, or begin one with `leadcast new FOLDER`"
    )
    raise LeadcastError(
        f"{folder.resolve()} is not a Leadcast project: it has neither {PARAMS} nor data/sources; "
        f"{remedy}"
    )
