"""A small model of accounts: corrections of the noisy-or's log-odds, chosen on later time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import polars as pl

from leadcast.models.accounts.account_moments import INPUTS
from leadcast.models.data import Floats
from leadcast.models.evaluation.logistic import information, logistic_fit, sigmoid
from leadcast.models.evaluation.tally import Tally

Kind = Literal["noisy_or", "best", "account"]
KINDS: tuple[Kind, ...] = ("noisy_or", "best", "account")
"""The noisy-or calibrated, the best lead's score calibrated, and all `INPUTS`."""
WORDS: Mapping[str, str] = {
    "noisy_or": "the leads' scores together (noisy-or), calibrated",
    "best": "the best lead's score, calibrated",
    "account": "the leads' scores together, corrected by what is known of the account",
}
FOLDS = 4
FEWEST_WON = 20
"""With fewer won accounts nothing but the level is learned."""
_Z = 1.959963984540054
LEVEL_SPREAD = 0.3
"""How far the level of the leads' scores together is thought to be off before any account was won,
as a standard deviation in log-odds: what few won accounts say of it counts for as much as it is."""
_PRECISION = 1.0
"""Of each coefficient of a standardised input: drawn towards no correction, as by one unit."""
_OF: Mapping[str, tuple[str, ...]] = {
    "noisy_or": ("noisy_or",),
    "best": ("best",),
    "account": INPUTS,
}


@dataclass(frozen=True)
class AccountModel:
    """Log-odds of an account: those of its base, and a linear correction.

    Parameters
    ----------
    kind : {"noisy_or", "best", "account"}
        What it reads.
    mean, scale : tuple of float
        By which its inputs are standardised.
    coefficients : tuple of float
        The intercept, then one for each input.
    covariance : tuple of tuple of float
        Of the coefficients, given all that was seen; an account's moments count as one.
    rows, accounts, won : int
        What it has learned from: account-moments, accounts, and won account-moments.
    """

    kind: Kind
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    rows: int
    accounts: int
    won: int

    @classmethod
    def fit(cls, kind: Kind, rows: pl.DataFrame) -> Self:
        """Fit a model.

        Parameters
        ----------
        kind : {"noisy_or", "best", "account"}
        rows : pl.DataFrame
            As `leadcast.models.accounts.account_moments.accounts_at` gives them.

        Returns
        -------
        AccountModel
        """
        values = rows.select(_OF[kind]).to_numpy().astype(np.float64)
        won = rows["won"].cast(pl.Float64).to_numpy()
        mean = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
        spread = values.std(axis=0) if len(values) else np.ones(values.shape[1])
        scale = np.where(spread > 1e-9, spread, 1.0)
        n_won = int(rows.filter("won")["account_id"].n_unique()) if rows.height else 0
        design = _design((values - mean) / scale)
        if n_won < FEWEST_WON:
            design = design[:, :1]
        offset = rows[_OF[kind][0]].to_numpy().astype(np.float64)
        found, covariance = _fitted(design, offset, won, rows["account_id"])
        width = 1 + len(_OF[kind])
        coefficients, whole = np.zeros(width), np.zeros((width, width))
        n = len(found)
        coefficients[:n], whole[:n, :n] = found, covariance
        return cls(
            kind=kind,
            mean=tuple(mean.tolist()),
            scale=tuple(scale.tolist()),
            coefficients=tuple(coefficients.tolist()),
            covariance=tuple(map(tuple, whole.tolist())),
            rows=rows.height,
            accounts=rows["account_id"].n_unique(),
            won=int(won.sum()),
        )

    def log_odds(self, rows: pl.DataFrame) -> tuple[Floats, Floats]:
        """Give log-odds and their standard errors.

        Parameters
        ----------
        rows : pl.DataFrame
            With `INPUTS`.

        Returns
        -------
        log_odds, error : ndarray of float64, shape (n_rows,)
        """
        names = _OF[self.kind]
        values = rows.select(names).to_numpy().astype(np.float64)
        design = _design((values - np.array(self.mean)) / np.array(self.scale))
        variance = np.einsum("ij,jk,ik->i", design, np.array(self.covariance), design)
        offset = rows[names[0]].to_numpy().astype(np.float64)
        return offset + design @ np.array(self.coefficients), np.sqrt(np.maximum(variance, 0.0))

    def predict(self, rows: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Give probabilities with their 95 % intervals.

        Parameters
        ----------
        rows : pl.DataFrame
            With `INPUTS`.

        Returns
        -------
        probability, lower, upper : ndarray of float64, shape (n_rows,)
        """
        log_odds, error = self.log_odds(rows)
        bounds = (log_odds, log_odds - _Z * error, log_odds + _Z * error)
        probability, lower, upper = (sigmoid(np.clip(one, -30.0, 30.0)) for one in bounds)
        return probability, lower, upper

    def to_json(self) -> dict[str, Any]:
        """Give the model as JSON values."""
        return {
            "kind": self.kind,
            "inputs": list(_OF[self.kind]),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "coefficients": list(self.coefficients),
            "covariance": [list(row) for row in self.covariance],
            "rows": self.rows,
            "accounts": self.accounts,
            "won": self.won,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        own = {name: value for name, value in content.items() if name != "inputs"}
        for name in ("mean", "scale", "coefficients"):
            own[name] = tuple(own[name])
        return cls(**(own | {"covariance": tuple(map(tuple, own["covariance"]))}))


def _design(values: Floats) -> Floats:
    return np.column_stack([np.ones(len(values)), values])


def _fitted(
    design: Floats, offset: Floats, won: Floats, accounts: pl.Series
) -> tuple[Floats, Floats]:
    """Fit the correction, drawn towards none, and give how far it may be off.

    An account is looked at every two weeks and won once. What its moments tell together counts as
    what one tells: the likelihood is tempered by how many moments a won account has.
    """
    width = design.shape[1]
    nothing: Floats = np.zeros(width)
    precision = np.eye(width) * _PRECISION
    precision[0, 0] = LEVEL_SPREAD**-2
    if not len(won):
        return nothing, np.asarray(np.linalg.inv(precision), np.float64)
    moments = won.sum() / max(accounts.filter(won > 0).n_unique(), 1)
    each = 1.0 / max(moments, 1.0)
    counts = Tally(offset, np.full(len(won), each), won * each)
    found = logistic_fit(design, offset, counts, precision)
    found = nothing if found is None else found
    known = information(found, design, offset, counts) + precision
    return found, np.asarray(np.linalg.inv(known), np.float64)


@dataclass(frozen=True)
class AccountTrial:
    """How the kinds did on later time."""

    log_loss: dict[str, float]
    """Mean by kind, and of the noisy-or as it is (``raw``); empty where nothing could be tried."""
    gain: float | None
    """What all inputs spare against the calibrated noisy-or, in log loss."""
    error: float | None
    """Its standard error, with accounts as clusters."""
    chosen: Kind
    why: str


def choose_kind(rows: pl.DataFrame, known_after_days: float) -> AccountTrial:
    """Choose a kind by folds in the order of time.

    Parameters
    ----------
    rows : pl.DataFrame
        As `leadcast.models.accounts.account_moments.accounts_at` gives them.
    known_after_days : float
        So long after its moment a row's label is known: horizon and reporting lag.

    Returns
    -------
    AccountTrial
        The calibrated noisy-or, unless all inputs beat it by more than one standard error.
    """
    losses: dict[str, list[Floats]] = {name: [] for name in ("raw", *KINDS)}
    accounts = []
    for learn, later in _folds(rows, known_after_days):
        won = later["won"].cast(pl.Float64).to_numpy()
        accounts.append(later["account_id"])
        losses["raw"].append(log_losses(sigmoid(later["noisy_or"].to_numpy()), won))
        for kind in KINDS:
            probability = AccountModel.fit(kind, learn).predict(later)[0]
            losses[kind].append(log_losses(probability, won))
    if not accounts:
        why = f"fewer than {FEWEST_WON} won accounts, or too short a time, to try anything else"
        return AccountTrial({}, None, None, "noisy_or", why)
    whole = {name: np.concatenate(parts) for name, parts in losses.items()}
    gain = whole["noisy_or"] - whole["account"]
    error = clustered_error(gain, pl.concat(accounts))
    is_better = bool(gain.mean() > error)
    told = f"{gain.mean():+z.4f} ± {error:.4f} in log loss on later time"
    why = (
        f"what is known of accounts spares {told}"
        if is_better
        else f"what is known of accounts adds nothing that shows ({told})"
    )
    means = {name: float(one.mean()) for name, one in whole.items()}
    chosen: Kind = "account" if is_better else "noisy_or"
    return AccountTrial(means, float(gain.mean()), error, chosen, why)


def _folds(
    rows: pl.DataFrame, known_after_days: float
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    moments: Sequence[Any] = rows["as_of"].unique().sort().to_list()
    cuts = [moments[len(moments) * number // (FOLDS + 1)] for number in range(1, FOLDS + 1)]
    known_at = pl.col("as_of") + pl.duration(microseconds=round(known_after_days * 86_400e6))
    for start, end in zip(cuts, [*cuts[1:], None], strict=True) if len(moments) > FOLDS else ():
        learn = rows.filter(known_at <= pl.lit(start))
        later = rows.filter(pl.col("as_of") >= start)
        later = later if end is None else later.filter(pl.col("as_of") < end)
        if learn.filter("won")["account_id"].n_unique() >= FEWEST_WON and later.height:
            yield learn, later


def log_losses(probability: Floats, won: Floats) -> Floats:
    """Give the log loss of each row; an expected one where `won` is a true probability."""
    inside = np.clip(probability, 1e-12, 1 - 1e-12)
    return -(won * np.log(inside) + (1 - won) * np.log1p(-inside))


def clustered_error(values: Floats, accounts: pl.Series) -> float:
    """Estimate the standard error of a mean, with accounts as clusters."""
    frame = pl.DataFrame({"account": accounts, "value": values - values.mean()})
    sums = (
        frame.group_by("account", maintain_order=True)
        .agg(pl.col("value").sum())["value"]
        .to_numpy()
    )
    return float(np.sqrt(np.square(sums).sum()) / len(values))
