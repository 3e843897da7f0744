"""What amounts come to, in a few sentences."""

from collections.abc import Mapping
from typing import Any

from leadcast.models.charts.numbers import percent
from leadcast.models.comparison.headline import amount

Told = Mapping[str, Any]


def amounts_words(found: Told) -> list[str]:
    """Say how good amounts and expected revenue are, for a person.

    Parameters
    ----------
    found : mapping
        The content of ``amounts.json``.

    Returns
    -------
    list of str
        The most important first.
    """
    words = [found["choice"]["words"]]
    if found["currency"] is None:
        words.append(
            "No currency is declared (amounts.currency): that all amounts are in one is believed."
        )
    if found["known_in_advance"]:
        words.append(f"{found['known_in_advance']}.")
    if found["test"] is None:
        return [*words, "Too few leads of the test were won for a known amount to measure it."]
    words.append(_test_words(found["test"], found["currency"], found["choice"]["kind"]))
    words.append(_revenue_words(found["revenue"]))
    if found["ranking"] is not None:
        words.append(ranking_words(found["ranking"], found["currency"]))
    return words


def _test_words(test: Told, currency: str | None, kind: str) -> str:
    mine, mean = (test[name]["absolute_error"]["value"] for name in ("model", "mean"))
    ratio = test["model"]["ratio"]
    held = f"{percent(test['covered_90']['value'])} of the amounts lie in their 90 % intervals"
    total = (
        f"all means together are {ratio['value']:.2f} of all amounts ({_between(ratio, '{:.2f}')})"
    )
    won = f"On {test['leads']:,} won leads of the test"
    if test["known_in_advance"] >= test["leads"] - 0.5:
        return f"{won} every amount was known in advance."
    if kind == "mean":
        return f"{won} the mean errs by {amount(mean, currency)}; {held}; {total}."
    gap = test["difference"]["absolute_error"]
    surely = "surely less" if (gap["low"] or 0) > 0 else "not surely less"
    return (
        f"{won} it errs by {amount(mine, currency)} on average, {surely} "
        f"than the mean of all, which errs by {amount(mean, currency)}; {held}; {total}."
    )


def _revenue_words(revenue: Told) -> str:
    ratio, plain = revenue["ratio"], revenue["ratio_of_mean"]
    if ratio["value"] is None:
        return "No snapshot of the test brought any revenue."
    return (
        f"Expected revenue of the test's snapshots adds up to {ratio['value']:.2f} of what came "
        f"({_between(ratio, '{:.2f}')}); the probability times the mean of all would to "
        f"{plain['value']:.2f} ({_between(plain, '{:.2f}')})."
    )


def ranking_words(ranking: Told, currency: str | None) -> str:
    """Say what calling by expected revenue reaches beside calling by probability.

    Parameters
    ----------
    ranking : mapping
        As `leadcast.models.amounts.value_ranking.rank_by_value` gives it.
    currency : str or None

    Returns
    -------
    str
    """
    money, customers = ranking["money"], ranking["customers"]
    gap, fewer = money["difference"], customers["difference"]
    return (
        f"At {ranking['calls_per_week']:g} calls a {ranking['per']}, calling by expected revenue "
        f"reaches {customers['by_value']['value']:.0f} customers who bring "
        f"{amount(money['by_value']['value'], currency)}, calling by probability "
        f"{customers['by_probability']['value']:.0f} who bring "
        f"{amount(money['by_probability']['value'], currency)}: "
        f"{_signed(gap['value'], currency)} ({_ends(gap, currency)}) and "
        f"{fewer['value']:+z.0f} customers ({_between(fewer, '{:+z.0f}')})."
    )


def _signed(value: float, currency: str | None) -> str:
    return f"{amount(abs(value), currency)} {'more' if value >= 0 else 'less'}"


def _ends(one: Told, currency: str | None) -> str:
    if one["low"] is None:
        return "too few to tell how surely"
    return f"95 %: {_signed(one['low'], currency)} to {_signed(one['high'], currency)}"


def _between(one: Told, form: str) -> str:
    if one["low"] is None:
        return "too few to tell how surely"
    return f"95 %: {form.format(one['low'])} to {form.format(one['high'])}"
