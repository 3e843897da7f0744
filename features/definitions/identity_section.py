"""What a source says of who is one person, and of one company, and what follows from it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from leadcast.features.definitions.table_schema import Name, TableSchema
from leadcast.features.values.formats import TableSection, as_list

PoolHistory = Literal["no", "from_known", "from_start"]
"""Whether the records of one person share their history: not at all, from the moment on at which
they could be known to be one, or as if that had been known from the start."""


class MergeColumns(TableSection):
    """Columns of a table of merges."""

    canonical_id: Name
    """The record that stays."""
    merged_id: Name
    """The record that went into it."""
    merged_at: Name | None = None
    """When; None where nobody knows, and the merge counts from the start."""


class MergesTable(TableSchema):
    """One row a merge of the CRM.

    Parameters
    ----------
    columns : MergeColumns
        The two records, and when they became one.
    """

    columns: MergeColumns


class IdentityDefaults(TableSection):
    """Which leads are one person.

    Parameters
    ----------
    match : {"off", "exact", "probabilistic"}
        By what leads are one person: ``off`` leaves it at addresses and numbers as they are typed,
        which keeps a person on one side of a split and does nothing else; ``exact`` by normalised
        addresses and numbers and by merges; ``probabilistic`` by names, companies and places too.
    threshold : float
        From this probability on two leads are one person.
    default_country : str or None
        Two letters: of telephone numbers of leads that name no country.
    merges : MergesTable or None
        What the CRM has merged.
    pool_history : {"no", "from_known", "from_start"}
        Whether a person's records share events and outcomes.
    resale_days : float
        A lead is sold again where its person came at most so many days before.
    """

    match: Literal["off", "exact", "probabilistic"] = "off"
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.9
    default_country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    merges: MergesTable | None = None
    pool_history: PoolHistory = "no"
    resale_days: Annotated[float, Field(gt=0)] = 90.0


MatchBy = Literal["account_id", "domain", "company"]
MATCH_BY: tuple[MatchBy, ...] = ("account_id", "domain", "company")
"""By what a lead may be matched to an account, the surest first."""


class AccountsSection(TableSection):
    """Which leads belong to one account, whose history each of them then carries.

    Parameters
    ----------
    match : tuple of {"account_id", "domain", "company"}
        By what leads are matched: the attribute ``account_id``, the business domain of ``email``,
        the company's name.
    """

    match: Annotated[tuple[MatchBy, ...], BeforeValidator(as_list), Field(min_length=1)] = MATCH_BY
