"""How good the probability of an account is on later time, against what is simpler."""

from typing import Any

import numpy as np
import polars as pl

from leadcast.models.accounts.account_model import (
    WORDS,
    AccountModel,
    AccountTrial,
    clustered_error,
    log_losses,
)
from leadcast.models.accounts.account_moments import plain_probability
from leadcast.models.data import Floats
from leadcast.models.evaluation.bootstrap import bootstrap
from leadcast.models.evaluation.metrics import FAMILIES

MEASURED = ("log_loss", "auc", "ece", "calibration_slope", "mean_probability", "base_rate")
AGAINST = {"noisy_or": "noisy-or", "best": "best lead"}
FEWEST_JUDGED = 5


def judge_accounts(
    model: AccountModel, rows: pl.DataFrame, *, replicates: int, seed: int
) -> dict[str, Any] | None:
    """Measure accounts' probabilities on later time.

    Parameters
    ----------
    model : AccountModel
        Learned from what was known when the test began.
    rows : pl.DataFrame
        Account-moments of the test.
    replicates, seed : int
        Of the bootstrap, which draws accounts.

    Returns
    -------
    dict or None
        ``rows``, ``accounts``, ``won``, and for ``account``, ``noisy_or`` and ``best`` the metrics
        with intervals; ``against``: what the account's probability spares in log loss against each,
        with its standard error; ``reliability``: five groups of it with mean probability and rate.
        None where fewer than `FEWEST_JUDGED` accounts were won.
    """
    n_won = rows.filter("won")["account_id"].n_unique()
    if n_won < FEWEST_JUDGED:
        return None
    won = rows["won"].cast(pl.Float64).to_numpy()
    told = {
        "account": model.predict(rows)[0],
        **{name: plain_probability(rows[name]) for name in AGAINST},
    }
    group = rows["account_id"].rank("dense").cast(pl.Int64).to_numpy()
    families = tuple(one for one in FAMILIES if {*one.names} & {*MEASURED})
    measured = {
        name: {
            metric: estimate.to_json()
            for metric, estimate in bootstrap(
                probability, won, group, families=families, replicates=replicates, seed=seed
            ).items()
            if metric in MEASURED
        }
        for name, probability in told.items()
    }
    return {
        "rows": rows.height,
        "accounts": rows["account_id"].n_unique(),
        "won": n_won,
        **measured,
        "against": {name: _spared(told, name, won, rows["account_id"]) for name in AGAINST},
        "reliability": reliability_groups(told["account"], won),
    }


def _spared(
    told: dict[str, Floats], name: str, won: Floats, accounts: pl.Series
) -> dict[str, float]:
    gain = log_losses(told[name], won) - log_losses(told["account"], won)
    return {"log_loss": float(gain.mean()), "error": clustered_error(gain, accounts)}


def reliability_groups(probability: Floats, won: Floats, groups: int = 5) -> list[dict[str, float]]:
    """Compare mean probability and rate in groups of equal size, the lowest first.

    Parameters
    ----------
    probability, won : ndarray of float64, shape (n,)
    groups : int

    Returns
    -------
    list of dict
        ``rows``, ``probability`` and ``rate``.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, groups) if len(part)]
    return [
        {
            "rows": len(part),
            "probability": float(probability[part].mean()),
            "rate": float(won[part].mean()),
        }
        for part in parts
    ]


def accounts_words(trial: AccountTrial, judged: dict[str, Any] | None) -> list[str]:
    """Tell in sentences how good the probability of an account is.

    Parameters
    ----------
    trial : AccountTrial
    judged : dict or None
        As `judge_accounts` gives it.

    Returns
    -------
    list of str
    """
    if judged is None:
        return [
            "Too few accounts were won in the test to measure the accounts' probabilities there.",
            chosen_words(trial),
        ]
    own = judged["account"]
    lines = [
        f"The account's probability on {judged['rows']:,} account-moments of the test "
        f"({judged['accounts']:,} accounts, {judged['won']:,} of them won): "
        f"AUC {_told(own['auc'])}, log loss {_told(own['log_loss'], 4)}; it says "
        f"{own['mean_probability']['value']:.1%} on average, and "
        f"{own['base_rate']['value']:.1%} were won."
    ]
    for name, words in AGAINST.items():
        other, spared = judged[name], judged["against"][name]
        verdict = "spares" if spared["log_loss"] > 0 else "costs"
        lines.append(
            f"Against the {words} (says {other['mean_probability']['value']:.1%}, AUC "
            f"{other['auc']['value']:.3f}) it {verdict} {abs(spared['log_loss']):.4f} ± "
            f"{spared['error']:.4f} in log loss."
        )
    return [*lines, chosen_words(trial)]


def chosen_words(trial: AccountTrial) -> str:
    """Say which kind of model was chosen, and why.

    Parameters
    ----------
    trial : AccountTrial

    Returns
    -------
    str
        A sentence.
    """
    return f"Chosen: {WORDS[trial.chosen]}; {trial.why}."


def _told(estimate: dict[str, Any], digits: int = 3) -> str:
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if low is None or high is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
