"""Who the demo's leads are, and how well they fit: the half of the truth that a profile hints at.

A lead's `fit` is the logarithm of a factor of its hazard to buy. Most of it follows from what a
CRM asks for (title, size, industry, country, e-mail); the rest no column knows, and shows only a
little in what a lead looks at.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.demo.origins import INCENTIVISED, RESELLER, Origins, pick
from leadcast.demo.world import Floats, Integers

Flags = npt.NDArray[np.bool_]

SENIORITIES = ("student", "junior", "specialist", "manager", "director", "vp", "c_level", "owner")
_SENIORITY_SHARES = (0.04, 0.12, 0.30, 0.25, 0.12, 0.05, 0.07, 0.05)
_SENIORITY_SHARES_OF_WEAK = (0.22, 0.25, 0.28, 0.14, 0.04, 0.01, 0.02, 0.04)
_SENIORITY_FIT = (-1.7, -0.5, -0.1, 0.3, 0.55, 0.5, 0.4, 0.0)

FUNCTIONS = ("operations", "it", "sales", "marketing", "finance", "hr", "engineering", "other")
_FUNCTION_SHARES = (0.16, 0.17, 0.15, 0.14, 0.10, 0.08, 0.12, 0.08)
_FUNCTION_FIT = (0.2, 0.1, 0.0, -0.05, 0.05, -0.2, 0.0, -0.15)

SIZE_BOUNDS = (1, 2, 11, 51, 201, 501, 1001, 5001, 60_000)
"""Employees: band k goes from ``SIZE_BOUNDS[k]`` to ``SIZE_BOUNDS[k + 1] - 1``."""
SMALL_BANDS = 3
_SIZE_SHARES = (0.05, 0.16, 0.24, 0.22, 0.13, 0.08, 0.08, 0.04)
_SIZE_FIT = (-1.2, -0.55, 0.0, 0.45, 0.6, 0.4, 0.05, -0.2)
_RAMP_DAYS_BY_SIZE = (2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0)

INDUSTRIES = (
    *("Manufacturing", "Software", "Logistics", "Retail", "Healthcare", "Financial Services"),
    *("Education", "Construction", "Professional Services", "Public Sector", "Media", "Energy"),
)
_INDUSTRY_SHARES = (0.15, 0.14, 0.10, 0.11, 0.08, 0.09, 0.07, 0.07, 0.09, 0.04, 0.03, 0.03)
_INDUSTRY_FIT = (0.25, 0.1, 0.3, 0.0, -0.05, 0.05, -0.4, -0.1, 0.05, -0.5, -0.15, 0.15)

COUNTRIES = ("US", "DE", "GB", "FR", "NL", "ES", "IT", "AT", "CH", "PL", "SE", "IN", "BR", "CA")
_COUNTRY_SHARES = (
    *(0.22, 0.17, 0.12, 0.09, 0.06, 0.05, 0.05),
    *(0.04, 0.04, 0.03, 0.03, 0.05, 0.03, 0.02),
)
_COUNTRY_FIT = (0.05, 0.1, 0.05, 0.0, 0.05, -0.1, -0.1, 0.1, 0.1, -0.05, 0.0, -0.2, -0.15, 0.05)

EMAIL_KINDS = ("business", "free", "disposable", "invalid", "missing")
BUSINESS_EMAIL, INVALID_EMAIL = EMAIL_KINDS.index("business"), EMAIL_KINDS.index("invalid")
_EMAIL_FIT = (0.15, -0.45, -1.8, -1.2, -0.6)
_EMAIL_SHARES = (
    (0.72, 0.19, 0.01, 0.03, 0.05),  # came by itself
    (0.66, 0.22, 0.01, 0.08, 0.03),  # resold
    (0.14, 0.54, 0.16, 0.13, 0.03),  # paid for filling in forms
    (0.26, 0.58, 0.06, 0.07, 0.03),  # after the prize
)
_PHONE_VALID_SHARES = (0.93, 0.82, 0.45, 0.70)
_ORIGIN_FIT = (0.0, -0.7, -1.6, -0.9)
_COPY_FIT = -1.0
_HIDDEN_FIT_OF_COMPANY, _HIDDEN_FIT_OF_PERSON = 0.15, 0.15
_PRICE_FIT_OF_SMALL, _PRICE_FIT_OF_OTHERS = -0.35, -0.20
_LOSS_BY_EMAIL = (1.0, 1.0, 3.5, 4.0, 1.5)
_LOSS_OF_UNREACHABLE = 1.8


@dataclass(frozen=True)
class People:
    """Who the leads of a part are, as they are: no typing error, nothing missing."""

    seniority: Integers
    function: Integers
    size: Integers
    industry: Integers
    country: Integers
    email: Integers
    """Numbers of the tuples above. A company's are the same for all of its leads."""
    employees: Integers
    revenue: Floats
    """Euro a year."""
    phone_valid: Flags
    seeks_job: Flags
    scanned: Flags
    """Reachable by telephone; looks for a job; its mail goes through a scanner that follows links
    by itself."""
    hidden_fit: Floats
    """The part of `fit` that no column of the CRM tells."""
    fit: Floats
    """Hidden: logarithm of the lead's factor of the hazard to win."""
    price_fit: Floats
    """Hidden: what the price change adds to `fit` from its day on."""
    ramp_days: Floats
    """How long its company takes to buy anything at all (larger ones take longer)."""
    loss_factor: Floats
    """Factor of the hazard to be marked as lost."""
    web_activity: Floats
    mail_activity: Floats
    """How busy a person is in general, whatever the intent; about 1 on average."""


def draw_people(rng: np.random.Generator, origins: Origins) -> People:
    """Draw who the leads are."""
    kind = np.select(
        [origins.weak, origins.vendor == RESELLER, origins.vendor == INCENTIVISED], [3, 1, 2], 0
    )
    drawn = _company(rng, origins.account) | _person(rng, origins.person, kind)
    hidden = drawn.pop("hidden_of_company") + drawn.pop("hidden_of_person")
    copy = origins.person < np.arange(len(origins.person))
    return People(
        **drawn,
        hidden_fit=hidden,
        fit=_visible_fit(drawn) + hidden + np.array(_ORIGIN_FIT)[kind] + _COPY_FIT * copy,
        price_fit=np.where(drawn["size"] < SMALL_BANDS, _PRICE_FIT_OF_SMALL, _PRICE_FIT_OF_OTHERS),
        ramp_days=np.array(_RAMP_DAYS_BY_SIZE)[drawn["size"]],
        loss_factor=np.array(_LOSS_BY_EMAIL)[drawn["email"]]
        * np.where(drawn["phone_valid"], 1.0, _LOSS_OF_UNREACHABLE),
    )


def _company(rng: np.random.Generator, account: Integers) -> dict[str, Any]:
    n_leads = len(account)
    size = _of_shares(rng, _SIZE_SHARES, n_leads)
    bounds = np.log(SIZE_BOUNDS)
    spread = rng.random(n_leads)
    employees = np.exp(bounds[size] + spread * (bounds[size + 1] - bounds[size])).astype(np.int64)
    drawn = {
        "size": size,
        "employees": np.maximum(employees, 1),
        "revenue": employees * rng.lognormal(np.log(140_000.0), 0.6, n_leads),
        "industry": _of_shares(rng, _INDUSTRY_SHARES, n_leads),
        "country": _of_shares(rng, _COUNTRY_SHARES, n_leads),
        "scanned": rng.random(n_leads) < np.where(size > SMALL_BANDS, 0.2, 0.03),
        "hidden_of_company": rng.normal(0.0, _HIDDEN_FIT_OF_COMPANY, n_leads),
    }
    return {name: values[account] for name, values in drawn.items()}


def _person(rng: np.random.Generator, person: Integers, kind: Integers) -> dict[str, Any]:
    n_leads = len(person)
    seniorities = np.array([*[_SENIORITY_SHARES] * 3, _SENIORITY_SHARES_OF_WEAK])
    seniority = pick(rng, seniorities, kind)
    drawn = {
        "seniority": seniority,
        "function": _of_shares(rng, _FUNCTION_SHARES, n_leads),
        "email": pick(rng, np.array(_EMAIL_SHARES), kind),
        "phone_valid": rng.random(n_leads) < np.array(_PHONE_VALID_SHARES)[kind],
        "seeks_job": rng.random(n_leads) < np.where(seniority <= 1, 0.2, 0.01),
        "hidden_of_person": rng.normal(0.0, _HIDDEN_FIT_OF_PERSON, n_leads),
        "web_activity": rng.lognormal(-0.08, 0.40, n_leads),
        "mail_activity": rng.lognormal(-0.08, 0.40, n_leads),
    }
    return {name: values[person] for name, values in drawn.items()}


def _visible_fit(drawn: dict[str, Any]) -> Floats:
    fit: Floats = (
        np.array(_SENIORITY_FIT)[drawn["seniority"]]
        + np.array(_FUNCTION_FIT)[drawn["function"]]
        + np.array(_SIZE_FIT)[drawn["size"]]
        + np.array(_INDUSTRY_FIT)[drawn["industry"]]
        + np.array(_COUNTRY_FIT)[drawn["country"]]
        + np.array(_EMAIL_FIT)[drawn["email"]]
        - np.where(drawn["seeks_job"], 1.0, 0.0)
    )
    return fit


def _of_shares(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> Integers:
    return rng.choice(len(shares), count, p=shares)
