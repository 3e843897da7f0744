"""What a user may say about learning; every default is one recipe for all sources."""

from collections import Counter
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationInfo,
    field_validator,
)

BuiltIn = Literal["prior", "logistic", "lightgbm", "blend"]


class EstimatorCandidate(BaseModel):
    """An estimator of scikit-learn's kind, by its import path, that competes beside the built-in.

    Parameters
    ----------
    estimator : str
        The path of its class, as ``sklearn.ensemble.HistGradientBoostingClassifier``.
    parameters : dict
        Of the class; a parameter that is itself ``{estimator: ..., parameters: ...}`` is built.
    name : str or None
        What it is called; the class's name, if not given.
    matrix : {"auto", "codes", "filled"}
        How it is given the features (`leadcast.models.imported.given_matrix`); "auto" by what its
        tags say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    estimator: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    name: str | None = Field(None, pattern=r"^[A-Za-z]\w{0,39}$")
    matrix: Literal["auto", "codes", "filled"] = "auto"

    @property
    def kind(self) -> str:
        """What the learner is called in results."""
        return self.name or self.estimator.rpartition(".")[2]


def _which(said: object) -> str:
    return "estimator" if isinstance(said, dict | EstimatorCandidate) else "built-in"


Candidate = Annotated[
    Annotated[BuiltIn, Tag("built-in")] | Annotated[EstimatorCandidate, Tag("estimator")],
    Discriminator(_which),
]


Capacity = Literal["cautious", "moderate", "bold", "deep"]


class LearnerSettings(BaseModel):
    """Settings of the learners and of the choice between them.

    Parameters
    ----------
    candidates : tuple of str or EstimatorCandidate
        Who competes in the backtest, apart from what the minima below rule out.
    origins : int
        How many rolling origins the backtest has.
    half_lives : tuple of float or None
        Recency weights that compete: a row's weight halves every so much of the training span
        (0.25: a quarter of it); None weighs all rows alike.
    penalties : tuple of float
        Ridge penalties of the logistic regression that compete.
    rounds : tuple of int
        Numbers of boosting rounds that compete, as far as more of them help on later leads.
    capacities : tuple of str
        How bold trees may be, of which as many compete as the won leads allow.
    few_rows : int
        With fewer training rows than this, twice the most rounds and a quarter of the least
        penalty compete as well, since they cost little there, and trees choose among more
        features.
    seeds : int
        How many forests of different seeds LightGBM averages.
    knots : int
        Most pieces of the curve that the logistic regression draws for a number.
    periods : int
        Most periods into which the training rows are cut to follow the level of conversion.
    clock_share : float
        A feature is a clock when at least this share of its variance lies between the periods.
    follow_clocks : float or "auto"
        How far the level of conversion follows clocks: 1 as in training, 0 not at all; "auto": as
        far as that has held out of time.
    early_conversions : bool
        Whether the level is moved by what leads whose window has not ended have shown so far.
    extrapolation : float
        How far a line may go on beyond the range seen in training, as a share of that range.
    monotone : dict of str to -1 or 1
        Features whose effect may only fall (-1) or rise (1) with their value; not beside
        estimators of others, which would not be held to it.
    fresh_snapshots : bool or "auto"
        Whether to learn as well from snapshots whose window had not ended when the test began;
        "auto": where the backtest shows that it helps, beyond its error.
    segments_by : tuple of str or None
        Categories (by the feature's or the attribute's name) whose values may have levels and
        slopes of their own, where the backtest shows that it helps, beyond its error.
    fewest_won_logistic, fewest_won_lightgbm : int
        Won leads below which the choice falls back to the prior, and to logistic regression;
        estimators of others need as many as LightGBM.
    backtest_rows : int
        At most this many training rows are used for each origin of the backtest.
    logistic_rows : int
        At most this many rows are used to fit the logistic regression, estimators of others, and
        each level.
    boosting_rows : int
        At most this many rows are used to fit LightGBM.
    search_seconds : float
        Time for an additional search for LightGBM's parameters; 0 for none.
    search_file : str or None
        An SQLite file that keeps the search, so that it can go on later.
    num_threads : int
        Threads of LightGBM.
    seed : int
        Of everything that is random.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    candidates: tuple[Candidate, ...] = Field(
        default=("prior", "logistic", "lightgbm", "blend"), min_length=1
    )
    origins: PositiveInt = 3
    half_lives: tuple[PositiveFloat | None, ...] = Field(default=(None, 0.3), min_length=1)
    penalties: tuple[PositiveFloat, ...] = Field(default=(10.0, 40.0, 160.0), min_length=1)
    rounds: tuple[PositiveInt, ...] = Field(default=(50, 100, 200, 400), min_length=1)
    capacities: tuple[Capacity, ...] = Field(
        default=("cautious", "moderate", "bold", "deep"), min_length=1
    )
    few_rows: int = Field(default=10_000, ge=0)
    seeds: PositiveInt = 4
    knots: PositiveInt = 8
    periods: PositiveInt = 12
    clock_share: float = Field(default=0.25, gt=0)
    follow_clocks: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = "auto"
    early_conversions: bool = True
    extrapolation: float = Field(default=0.5, ge=0)
    monotone: dict[str, Literal[-1, 1]] = Field(default_factory=dict)
    fresh_snapshots: bool | Literal["auto"] = False
    segments_by: tuple[str, ...] | None = None
    fewest_won_logistic: int = Field(default=20, ge=1)
    fewest_won_lightgbm: int = Field(default=100, ge=1)
    backtest_rows: int = Field(default=20_000, ge=100)
    logistic_rows: int = Field(default=100_000, ge=100)
    boosting_rows: int = Field(default=400_000, ge=100)
    search_seconds: float = Field(default=0.0, ge=0)
    search_file: str | None = None
    num_threads: PositiveInt = 1
    seed: int = 0

    @field_validator("segments_by", mode="before")
    @classmethod
    def _one_or_many(cls, said: object) -> object:
        return (said,) if isinstance(said, str) else said

    @field_validator("candidates")
    @classmethod
    def _named_apart(cls, said: tuple[Any, ...]) -> tuple[Any, ...]:
        names = Counter(kind_of(one) for one in said)
        twice = [name for name, times in names.items() if times > 1]
        taken = [
            one.kind
            for one in said
            if isinstance(one, EstimatorCandidate) and one.kind in get_args(BuiltIn)
        ]
        if twice or taken:
            raise ValueError(
                f"candidates must have names of their own; found {', '.join(twice or taken)} "
                "twice: give an estimator another name (name: ...)"
            )
        return said

    @field_validator("monotone")
    @classmethod
    def _held_by_all(
        cls, said: dict[str, Literal[-1, 1]], info: ValidationInfo
    ) -> dict[str, Literal[-1, 1]]:
        # Absent where the candidates themselves are at fault, which is told.
        candidates = info.data.get("candidates", ())
        theirs = [one.kind for one in candidates if isinstance(one, EstimatorCandidate)]
        if said and theirs:
            raise ValueError(
                f"no monotone beside the candidate {', '.join(theirs)}: an estimator of others is "
                "not held to it, so remove monotone, or this candidate, or give the estimator "
                "its own constraints among its parameters and leave monotone empty"
            )
        return said

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of all candidates."""
        return tuple(kind_of(one) for one in self.candidates)

    @property
    def estimators(self) -> dict[str, EstimatorCandidate]:
        """The candidates that are estimators of others, by their names."""
        return {one.kind: one for one in self.candidates if isinstance(one, EstimatorCandidate)}

    @property
    def middle_penalty(self) -> float:
        """The penalty in the middle of those that compete; of two, the lower."""
        return sorted(self.penalties)[(len(self.penalties) - 1) // 2]

    def for_rows(self, n: int) -> Self:
        """Widen what competes where there are few rows.

        Parameters
        ----------
        n : int
            Training rows.

        Returns
        -------
        LearnerSettings
        """
        if n >= self.few_rows:
            return self
        rounds, penalties = 2 * max(self.rounds), min(self.penalties) / 4
        return self.model_copy(
            update={
                "rounds": (*self.rounds, rounds),
                "penalties": (penalties, *self.penalties),
            }
        )

    def rounds_of(self, capacity: Capacity) -> tuple[int, ...]:
        """List the numbers of boosting rounds that compete: of bolder trees twice as many as well.

        Parameters
        ----------
        capacity : str

        Returns
        -------
        tuple of int
            Ascending.
        """
        more = () if capacity == "cautious" else (2 * max(self.rounds),)
        return tuple(sorted((*self.rounds, *more)))


def kind_of(candidate: str | EstimatorCandidate) -> str:
    """Give a candidate's name."""
    return candidate.kind if isinstance(candidate, EstimatorCandidate) else candidate
