"""Which part of a buying group a person plays, by the job title."""

from functools import lru_cache

from leadcast.features.values.titles import job_function, seniority

DECISION_MAKER, CHAMPION, INFLUENCER, USER, FINANCE = (
    *("decision_maker", "champion", "influencer", "user", "finance"),
)
ROLES = (DECISION_MAKER, CHAMPION, INFLUENCER, USER, FINANCE)
"""The roles of a buying group, in the order in which they are told."""
NO_ROLE = "no_role"
"""Of a person whose title says none, or who has none."""
_DECIDES = frozenset({"chief", "owner", "vice president"})
_LEADS = frozenset({"director", "manager"})
_PAYS = frozenset({"finance", "purchasing", "legal"})
_NO_PART = frozenset({"student", "not working", "unclear"})


def buying_role(title: str | None) -> str:
    """Tell which part of a buying group a person plays.

    Parameters
    ----------
    title : str or None
        The job title as typed.

    Returns
    -------
    str
        ``"finance"`` (finance, purchasing and legal, at every rank but the head of the company),
        ``"decision_maker"`` (chiefs, owners, vice presidents), ``"champion"`` (directors and
        managers), ``"influencer"`` (seniors and specialists), ``"user"`` (everybody else who
        works there), or `NO_ROLE`.

    Examples
    --------
    >>> [buying_role(title) for title in ("CEO", "CFO", "Head of IT", "Accountant", "")]
    ['decision_maker', 'finance', 'champion', 'finance', 'no_role']
    """
    return NO_ROLE if title is None or not title.strip() else _role_of(title)


@lru_cache(maxsize=8_192)
def _role_of(title: str) -> str:
    rank = seniority(title)
    if rank in _NO_PART:
        return NO_ROLE
    if job_function(title) in _PAYS:
        return FINANCE
    if rank in _DECIDES:
        return DECISION_MAKER
    if rank in _LEADS:
        return CHAMPION
    return INFLUENCER if rank == "senior" else USER
