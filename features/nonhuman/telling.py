"""What was found of events that are not people's: plain data, and a few lines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.nonhuman.evidence import CODES
from leadcast.features.nonhuman.judging import Places, ReducedEvents, Verdicts
from leadcast.features.nonhuman.people_rules import PeopleRules, company_domain

Plain = dict[str, Any]
ROLE_WORDS = ("other", "deliveries", "opens", "clicks", "visits")
SIGN_WORDS: Mapping[str, str] = {
    "staff": "of a colleague or a test lead",
    "agent": "a machine's user agent",
    "privacy_proxy": "an open by a privacy proxy",
    "scanner_network": "from a scanner's network",
    "hosting_network": "from a hosting network",
    "crm_filter": "marked by the CRM",
    "two_links": "two links within two seconds",
    "many_links": "three links or more within two seconds",
    "at_once": "within 5 seconds of delivery",
    "soon": "within a minute of delivery",
    "late": "more than 10 minutes after delivery",
    "unopened": "a click without an open",
    "every_mail": "as quickly on every mail",
    "gateway_domain": "a domain where machines click",
    "follows_machine": "a visit after a machine's click",
}
MOST_DOMAINS = 10


def describe_nonhuman(
    rules: PeopleRules,
    events: ReducedEvents,
    verdicts: Verdicts,
    leads: Places,
    emails: Sequence[str | None],
    *,
    dropped: bool,
) -> Plain:
    """Describe what was found as plain data.

    Parameters
    ----------
    rules, events, leads, emails
        As in `leadcast.features.nonhuman.judging.judge`.
    verdicts : Verdicts
        Of these events.
    dropped : bool
        Whether such events are left out of what follows.

    Returns
    -------
    dict
        ``events`` (how many were looked at), ``nonhuman`` (how many count as no person's),
        ``dropped``, ``threshold``, ``roles`` and ``signs`` (each with ``events`` and
        ``nonhuman``), ``domains`` (those with most such events), ``gateways`` (how many domains),
        ``leads`` and ``leads_without_events`` (how many have such events, and only such).
    """
    gone = verdicts.probability >= rules.threshold
    n_leads = len(emails)
    of_lead = np.bincount(leads, minlength=n_leads)
    gone_of_lead = np.bincount(leads[gone], minlength=n_leads)
    roles = [
        {"role": name, **_counted(gone, events.roles == role)}
        for role, name in enumerate(ROLE_WORDS)
    ]
    signs = [
        {"sign": code, **_counted(gone, (verdicts.signs >> bit) & 1 == 1)}
        for bit, code in enumerate(CODES)
    ]
    domains = pl.Series([company_domain(email) for email in emails], dtype=pl.String)
    by_domain = (
        pl.DataFrame({"domain": domains, "nonhuman": gone_of_lead, "events": of_lead})
        .drop_nulls("domain")
        .group_by("domain")
        .agg(pl.len().alias("leads"), pl.col("nonhuman", "events").sum())
        .filter(pl.col("nonhuman") > 0)
        .sort("nonhuman", "domain", descending=[True, False])
    )
    return {
        "events": len(gone),
        "nonhuman": int(gone.sum()),
        "dropped": dropped,
        "threshold": rules.threshold,
        "roles": roles,
        "signs": signs,
        "domains": by_domain.head(MOST_DOMAINS).to_dicts(),
        "n_domains": by_domain.height,
        "gateways": len(rules.gateways),
        "leads": int((gone_of_lead > 0).sum()),
        "leads_without_events": int(((gone_of_lead == of_lead) & (of_lead > 0)).sum()),
    }


def _counted(gone: Any, which: Any) -> Plain:  # noqa: ANN401 - arrays of booleans
    return {"events": int(which.sum()), "nonhuman": int((gone & which).sum())}


def nonhuman_words(found: Mapping[str, Any]) -> list[str]:
    """Tell what `describe_nonhuman` found.

    Parameters
    ----------
    found : mapping
        As `describe_nonhuman` gives it.

    Returns
    -------
    list of str
        Lines, the first of which stands alone.
    """
    share = found["nonhuman"] / max(found["events"], 1)
    what = "left out" if found["dropped"] else "kept (nonhuman.events)"
    lines = [
        f"{found['nonhuman']:,} of {found['events']:,} events ({share:.1%}) are not people's "
        f"(probability of at least {found['threshold']:g}) and are {what}: of "
        f"{found['leads']:,} leads, {found['leads_without_events']:,} of which have no others"
    ]
    lines += [
        f"{one['role']}: {one['nonhuman']:,} of {one['events']:,}"
        for one in found["roles"]
        if one["events"] and (one["nonhuman"] or one["role"] != "other")
    ]
    lines += [
        f"{SIGN_WORDS[one['sign']]}: {one['nonhuman']:,}"
        + (f" (and {rest:,} that count as people's)" if (rest := _rest(one)) else "")
        for one in found["signs"]
        if one["events"]
    ]
    if found["gateways"]:
        lines.append(f"domains where machines click: {found['gateways']:,}")
    if found["domains"]:
        names = [f"{one['domain']} {one['nonhuman']:,}" for one in found["domains"][:5]]
        lines.append(f"most at {', '.join(names)} ({found['n_domains']:,} domains in all)")
    silent = [one["role"] for one in found["roles"] if one["role"] != "other" and not one["events"]]
    if silent:
        lines.append(f"no events that the definition names as {', '.join(silent)}")
    return lines


def _rest(one: Mapping[str, Any]) -> int:
    return int(one["events"] - one["nonhuman"])
