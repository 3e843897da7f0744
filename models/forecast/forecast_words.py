"""A forecast of the open pipeline in a few sentences."""

from collections.abc import Mapping
from typing import Any

from leadcast.models.charts.numbers import percent
from leadcast.models.comparison.headline import amount


def forecast_words(content: Mapping[str, Any]) -> list[str]:
    """Say what the pipeline brings, how far that can be believed, and what is not in it.

    Parameters
    ----------
    content : mapping
        Of ``forecast.json``.

    Returns
    -------
    list of str
    """
    weeks, currency = content["weeks"], content["currency"]
    last = weeks[-1]
    customers, revenue = last["customers_so_far"], last["revenue_so_far"]
    told = f"{customers['mean']:.0f}"
    become = "becomes a customer" if told == "1" else "become customers"
    ahead = "1 week" if len(weeks) == 1 else f"{len(weeks)} weeks"
    money = "nothing is told of amounts"
    if revenue is not None:
        bring = "brings" if told == "1" else "bring"
        mean, low, high = (amount(revenue[one], currency) for one in ("mean", "low", "high"))
        money = f"who {bring} {mean} ({low} to {high})"
    return [
        f"{content['source']}: of {content['open_leads']:,} open leads at "
        f"{content['as_of'][:16].replace('T', ' ')}, {told} {become} in {ahead} "
        f"({customers['low']:.0f} to {customers['high']:.0f}, "
        f"{percent(content['interval'])}), {money}.",
        "Leads that have yet to come are not in it.",
        coverage_words(content["backtest"]),
    ]


def coverage_words(backtest: Mapping[str, Any]) -> str:
    """Say how past forecasts did.

    Parameters
    ----------
    backtest : mapping
        As `leadcast.models.forecast.forecast_coverage.coverage_of` gives it.

    Returns
    -------
    str
    """
    customers, revenue = backtest["customers"], backtest["revenue"]
    words = (
        f"At {backtest['origins']} past weeks, forecast with what was known by then, the 90 % "
        f"interval held the customers of {percent(customers['held'])} of {customers['weeks']} "
        f"single weeks and of {percent(customers['totals_held'])} of the totals"
    )
    if revenue is not None:
        words += (
            f", and the revenue of {percent(revenue['held'])} and {percent(revenue['totals_held'])}"
        )
    came = f"{customers['came']:.0f} customers came in the first weeks"
    return f"{words}; {came}, {customers['expected']:.0f} were expected."
