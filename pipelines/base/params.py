"""The parameters in `params.yaml`: frozen, and a misspelt key fails at load.

What a run uses: the parameters laid over what the source's definition says.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import RoundTripRepresenter

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError, did_you_mean
from leadcast.features.base.files import written_whole
from leadcast.features.base.ownership import PARAMS
from leadcast.features.definitions.definition import (
    ComparisonDefaults,
    SplitDefaults,
    without_calibration_part,
)
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import Key, dotted, key_of, keys_at, plain_yaml
from leadcast.features.landmarks import AUTO, FIRST, landmarks_of
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import SnapshotSettings, refuse_landmarks
from leadcast.features.tables import Tables, TimeOrder
from leadcast.features.values.times import parse_moment
from leadcast.models.settings import LearnerSettings
from leadcast.models.splits import SplitSettings
from leadcast.pipelines.base.paths import RunFolder
from leadcast.serve.today.handoff_settings import HandoffSettings


class Frozen(BaseModel):
    """A part of the parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SnapshotParams(Frozen):
    """When leads are looked at; None stands for what the source's definition says."""

    landmarks_days: tuple[float, ...] | Literal["auto"] | None = None
    horizon_days: float | None = Field(None, gt=0)
    reporting_lag_days: float | None = Field(None, ge=0)

    _landmarks_increase = field_validator("landmarks_days")(refuse_landmarks)

    def over(self, source: BaseModel, tables: Callable[[], Tables | None]) -> SnapshotSettings:
        """Put these parameters over a source's own, and those over the defaults."""
        said = source.model_dump(exclude_none=True) | self.model_dump(exclude_none=True)
        if said.get("landmarks_days") != AUTO:
            return SnapshotSettings(**said)
        rest = SnapshotSettings(**{name: said[name] for name in said if name != "landmarks_days"})
        known = tables()
        found = FIRST if known is None else landmarks_of(known, rest.horizon_days)
        return rest.model_copy(update={"landmarks_days": found})


class SplitParams(Frozen):
    """How snapshots are split in time; None stands for what the source's definition says."""

    test_fraction: float | None = Field(None, gt=0, lt=1)
    purge_horizons: float | None = Field(None, ge=0)
    test_from: datetime | date | None = Field(
        None, description="a time, or a date in the source's zone; instead of test_fraction"
    )

    @model_validator(mode="before")
    @classmethod
    def _no_calibration_part(cls, said: object) -> object:
        return without_calibration_part(said)

    def over(self, source: SplitDefaults, time_zone: str | None) -> SplitSettings:
        """Put these parameters over a source's own, and those over the defaults."""
        said = source.model_dump(exclude_none=True)
        ours = self.model_dump(exclude_none=True)
        if "test_fraction" in ours:
            # Each says where the test begins: the parameters' word counts.
            said.pop("test_from", None)
        said |= ours
        if "test_from" in said:
            moment = said["test_from"]
            text = moment if isinstance(moment, str) else moment.isoformat()
            said["test_from"] = parse_moment(text, time_zone)
        return SplitSettings(**said)


class EvaluationParams(Frozen):
    """By what the test is measured, and how its intervals are computed."""

    replicates: int = Field(1000, ge=100, description="bootstrap replicates, on all of the test")
    slice_replicates: int = Field(200, ge=100, description="likewise, on each slice")
    segments: tuple[str, ...] | None = Field(
        None, description="attributes to measure by; None for those that the source names"
    )


class ComparisonParams(Frozen):
    """How the learned score is compared with points; None stands for what the source says."""

    calls_per_week: float | None = Field(None, gt=0, description="how many leads sales can call")
    cost_per_call: float | None = Field(None, ge=0, description="in the currency of the amounts")
    value_per_customer: float | None = Field(None, gt=0, description="None: the mean amount")
    currency: str | None = Field(
        None, min_length=1, max_length=8, description="of the amounts, as written before them"
    )
    call_landmark_days: float | None = Field(None, ge=0, description="None: the youngest age")
    rules: Path | None = Field(None, description="a points table; None: the score column")
    replicates: int = Field(2000, ge=100, description="bootstrap replicates")

    def over(self, source: ComparisonDefaults) -> "ComparisonParams":
        """Put these parameters over a source's own."""
        said = source.model_dump(include={*type(self).model_fields}, exclude_none=True)
        return ComparisonParams(**(said | self.model_dump(exclude_none=True)))


class LeakageParams(Frozen):
    """What the leakage gate does with what it finds."""

    stop: bool = Field(True, description="whether a finding of severity error fails the run")
    vouched: tuple[str, ...] = Field(
        (), description="columns, features or codes of checks whose findings are warnings only"
    )


class TrackingParams(Frozen):
    """Where runs are tracked."""

    uri: str = Field("sqlite:///mlflow.db", description="MLflow's tracking store")


class SelectionParams(Frozen):
    """Whether snapshots are weighed by who was called."""

    weigh_calls: bool = Field(
        False, description="whether called leads stand for those of their call list"
    )
    most_weight: float = Field(25.0, ge=1, description="what no weight is above")


class PromotionParams(Frozen):
    """What a challenger must show to become the champion."""

    log_loss_margin: float = Field(0.005, ge=0, description="nats a snapshot it may lose")
    reached_margin: float = Field(
        0.05, ge=0, description="share of the champion's customers at capacity that it may miss"
    )
    level: tuple[float, float] = Field(
        (0.8, 1.25), description="how many customers it may expect for each that came"
    )
    slope: tuple[float, float] = Field((0.7, 1.4), description="of the calibration")
    segment_margin: float = Field(0.02, ge=0, description="nats that a segment may lose")
    segment_leads: int = Field(200, ge=2, description="so many leads a segment needs")
    fewest_converted: int = Field(
        30, ge=1, description="so many snapshots of either outcome a comparison needs"
    )
    latency_ms: float = Field(20.0, gt=0, description="to score one lead")
    size_mib: float = Field(64.0, gt=0, description="of the bundle")


class Params(Frozen):
    """Everything in `params.yaml`."""

    sources: tuple[str, ...] = ("demo",)
    seed: int = 7
    snapshots: SnapshotParams = SnapshotParams()
    split: SplitParams = SplitParams()
    features: FeatureSettings = FeatureSettings()
    model: LearnerSettings = LearnerSettings()
    evaluation: EvaluationParams = EvaluationParams()
    comparison: ComparisonParams = ComparisonParams()
    handoff: HandoffSettings = HandoffSettings()
    selection: SelectionParams = SelectionParams()
    leakage: LeakageParams = LeakageParams()
    promotion: PromotionParams = PromotionParams()
    tracking: TrackingParams = TrackingParams()
    level_tracking: bool = Field(
        False, description="whether leadcast recalibrate may move the champion's level"
    )


_held: ContextVar[Params | None] = ContextVar("held parameters", default=None)


@contextmanager
def holding_params(params: Params) -> Iterator[None]:
    """Let `load_params` give parameters that are in no file, to the caller's thread alone."""
    token = _held.set(params)
    try:
        yield
    finally:
        _held.reset(token)


def load_params(path: Path = PARAMS) -> Params:
    """Read the parameters, telling every fault at once."""
    held = _held.get()
    if held is not None:
        return held
    try:
        content = plain_yaml(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise LeadcastError(f"{path}: there is no such file; run in the project's root") from None
    except YAMLError as error:
        raise LeadcastError(f"{path}: is not valid YAML: {error}") from None
    _refuse_moments(content, str(path))
    return checked_params(content, str(path))


def _refuse_moments(content: object, name: str) -> None:
    """Refuse what YAML takes for a date or a time: DVC, which reads the file too, cannot hold it.

    Raises
    ------
    FaultsError
        If there is one; tells all.
    """
    faults = [
        Fault(
            where=f"{name}: {dotted(key)}",
            found=f"the date {moment.isoformat()} without quotation marks, which DVC cannot hold",
            expected="a text",
            remedy=f'Put it in quotation marks: "{moment.isoformat()}".',
        )
        for key, moment in _moments(content, ())
    ]
    if faults:
        raise FaultsError(name, faults)


def _moments(content: object, key: Key) -> Iterator[tuple[Key, date]]:
    if isinstance(content, date):
        yield key, content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _moments(value, (*key, str(name)))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from _moments(value, (*key, number))


def checked_params(content: object, name: str) -> Params:
    """Make parameters of plain data as `params.yaml` has it, telling every fault at once.

    Parameters
    ----------
    content : mapping
        Sections and their keys; what is not named has its default.
    name : str
        What it is called, for messages.

    Returns
    -------
    Params

    Raises
    ------
    FaultsError
        If a key is not known, or its value none that it may have.
    """
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
    raise FaultsError(name, [*_faults(name, details, content)]) from None


def _faults(name: str, details: list[ErrorDetails], content: Any) -> Iterator[Fault]:  # noqa: ANN401
    told: dict[Key, list[ErrorDetails]] = {}
    for one in details:
        told.setdefault(key_of(one, content), []).append(one)
    for key, variants in told.items():
        # That a list is not the word that may stand instead of it goes without saying.
        if any(other[: len(key)] == key for other in told if other != key):
            continue
        unknown = variants[0]["type"] == "extra_forbidden"
        yield Fault(
            where=f"{name}: {dotted(key)}",
            found=f"the unknown key {key[-1]!r}" if unknown else repr(variants[0]["input"]),
            expected="a key that parameters have"
            if unknown
            else ", or ".join(dict.fromkeys(map(_expected, variants))),
            remedy=did_you_mean(str(key[-1]), keys_at(Params, key[:-1]))
            if unknown
            else "Correct the key or its value.",
        )


def _expected(one: ErrorDetails) -> str:
    if one["type"] == "too_short":
        return f"{one['ctx']['min_length']} or more of them"
    return one["msg"].removeprefix("Value error, ").removeprefix("Input should be ")


class _AsWritten(RoundTripRepresenter):
    """Writes null as the file has it."""


_AsWritten.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def change_params(path: Path, change: Callable[[Any], None]) -> None:
    """Change a file of parameters in place; comments and layout stay as they are."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.Representer = _AsWritten
    content = yaml.load(path)
    change(content)
    with written_whole(path, replacing=True) as temporary:
        yaml.dump(content, temporary)


def snapshot_settings(
    source: str, params: Params, tables: Tables | None = None
) -> SnapshotSettings:
    """Give the landmarks and the horizon that a run uses.

    Parameters
    ----------
    source : str
        Its name.
    params : Params
    tables : Tables, optional
        Whose ages the landmarks follow where they are ``auto``; the run's, if not given.

    Returns
    -------
    SnapshotSettings
    """

    def read() -> Tables | None:
        # Whoever asks before the first run asks for the horizon.
        folder = RunFolder(source).tables
        return Tables.read(folder) if tables is None and folder.is_dir() else tables

    return params.snapshots.over(find_definition(source).snapshots, read)


def learner_settings(source: str, params: Params) -> LearnerSettings:
    """Give how a run learns; of segments what the definition says where the parameters do not."""
    segments = params.model.segments_by
    if segments is None:
        segments = find_definition(source).segments_by
    return params.model.model_copy(update={"seed": params.seed, "segments_by": segments or None})


def split_settings(source: str, params: Params) -> SplitSettings:
    """Give how a run splits its snapshots."""
    definition = find_definition(source)
    try:
        return params.split.over(definition.split, definition.time_zone)
    except ValueError as error:
        fault = Fault(
            where=f"{PARAMS}: split.test_from",
            found=str(params.split.test_from),
            expected='a time with its zone, as "2024-01-01T00:00:00Z"',
            remedy=f"{error}. Write the zone, or set time_zone in {definition.file}.",
        )
        raise FaultsError(str(PARAMS), [fault]) from None


def horizon_days(tables: Tables, settings: SnapshotSettings) -> float | None:
    """Give how far labels look ahead."""
    return settings.horizon_days if tables.time_order is TimeOrder.DATED else None


def used_settings(source: str, params: Params) -> dict[str, dict[str, Any]]:
    """Give what a run uses: the parameters laid over what the source's definition says.

    Parameters
    ----------
    source : str
        Its name.
    params : Params

    Returns
    -------
    dict of str to dict
        JSON values by section. Who writes the definition's own value, or a default, into the
        parameters changes nothing here, and so retrains nothing.
    """
    definition = find_definition(source)
    # Landmarks that follow the leads' ages stand here by that word: the tables tell the rest.
    landmarks = params.snapshots.landmarks_days or definition.snapshots.landmarks_days
    dated = params.snapshots.model_copy(update={"landmarks_days": None})
    without = definition.snapshots.model_copy(update={"landmarks_days": None})
    snapshots = dated.over(without, lambda: None).model_dump(mode="json")
    evaluation = params.evaluation.model_dump(mode="json")
    if params.evaluation.segments is None:
        evaluation["segments"] = list(definition.segments)
    return {
        "snapshots": snapshots | ({} if landmarks is None else {"landmarks_days": landmarks}),
        "split": split_settings(source, params).model_dump(mode="json"),
        "evaluation": evaluation,
        "model": {"segments_by": learner_settings(source, params).segments_by},
        "comparison": params.comparison.over(definition.comparison).model_dump(mode="json"),
    }
