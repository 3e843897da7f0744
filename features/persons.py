"""Leads that are not independent: of one account, or of one person by e-mail or telephone."""

import numpy as np
import numpy.typing as npt
import polars as pl

MOST_LEADS_OF_A_PERSON = 10
"""An e-mail address or a telephone number of more leads than this is not one person's: it is a
switchboard, a placeholder or a test."""

_FEWEST_DIGITS = 7
Integers = npt.NDArray[np.int64]


def group_ids(leads: pl.DataFrame) -> pl.Series:
    """Give each lead the name of the group that it belongs to.

    Leads with the same ``account_id``, e-mail address or telephone number belong together, and so
    do leads that are linked through others.

    Parameters
    ----------
    leads : pl.DataFrame
        With ``lead_id``; ``account_id``, ``email`` and ``phone`` are looked at where they exist.

    Returns
    -------
    pl.Series of String
        In the order of `leads`: ``"account:"`` and the group's first account where it has one
        (prefixed, or account 17 would swallow a lead 17 that has no account), else the group's
        first lead. The order of the rows makes no difference.
    """
    order = leads["lead_id"].arg_sort()
    keys = leads.select("lead_id", **person_keys(leads))[order]
    links = _links(keys)
    label = pl.Series(_connected(leads.height, links["row"].to_numpy(), links["key"].to_numpy()))
    accounts = keys.select("account_id", label=label).drop_nulls()
    named = accounts.group_by("label").agg(account=pl.lit("account:") + pl.col("account_id").min())
    # The smallest label is the row of the smallest lead_id, and names a group without an account.
    groups = pl.DataFrame({"label": label, "first_lead": keys["lead_id"][label]})
    groups = groups.join(named, on="label", how="left", maintain_order="left")
    in_order = groups.select(group_id=pl.coalesce("account", "first_lead"))["group_id"]
    return in_order[order.arg_sort()]


def person_keys(leads: pl.DataFrame) -> dict[str, pl.Expr]:
    """Say how accounts, e-mail addresses and telephone numbers are compared.

    Parameters
    ----------
    leads : pl.DataFrame
        The columns that there are.

    Returns
    -------
    dict of str to pl.Expr
        ``account_id``, ``email`` (lower case, trimmed) and ``phone`` (its digits), each null
        where the lead has none that could identify anybody.
    """
    keys = {name: pl.lit(None, dtype=pl.String) for name in ("account_id", "email", "phone")}
    if "account_id" in leads.columns:
        keys["account_id"] = pl.col("account_id").cast(pl.String)
    if leads.schema.get("email") == pl.String:
        email = pl.col("email").str.strip_chars().str.to_lowercase()
        keys["email"] = pl.when(email.str.contains("@", literal=True)).then(email)
    if leads.schema.get("phone") == pl.String:
        digits = pl.col("phone").str.replace_all(r"\D", "")
        keys["phone"] = pl.when(digits.str.len_chars() >= _FEWEST_DIGITS).then(digits)
    return keys


def _links(keys: pl.DataFrame) -> pl.DataFrame:
    # A row for each lead and key that it shares with others. Keys are compared by a hash, because
    # millions of texts are slow to group; two that collide would join two groups, which is safe.
    numbered = keys.with_row_index("row")
    frames = []
    for number, name in enumerate(("account_id", "email", "phone")):
        hashed = numbered.select("row", key=name).drop_nulls()
        hashed = hashed.with_columns(pl.col("key").hash(number))
        leads = pl.len().over("key")
        most = leads <= MOST_LEADS_OF_A_PERSON if name != "account_id" else pl.lit(True)
        frames.append(hashed.filter((leads > 1) & most))
    return pl.concat(frames).select(
        pl.col("row").cast(pl.Int64), key=pl.col("key").rank("dense").cast(pl.Int64) - 1
    )


def _connected(n_leads: int, lead: Integers, key: Integers) -> Integers:
    # Each group takes the smallest label among its leads, which spreads through shared keys until
    # nothing changes; following labels to their own labels makes long chains short.
    label = np.arange(n_leads)
    while True:
        of_key = np.full(int(key.max(initial=-1)) + 1, n_leads)
        np.minimum.at(of_key, key, label[lead])
        spread = label.copy()
        np.minimum.at(spread, lead, of_key[key])
        spread = spread[spread]
        if np.array_equal(spread, label):
            return label
        label = spread
