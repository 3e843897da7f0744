"""What a source says of the history of its leads' attributes."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from leadcast.features.definitions.table_schema import Name, Names, TableSchema
from leadcast.features.values.formats import TableSection, as_list

HISTORY = "attribute_changes"
"""The table of changes."""
ACCOUNT_CHANGES = "account_changes"
"""The table of changes of accounts."""


def _to_list(value: object) -> object:
    return {key: as_list(one) for key, one in value.items()} if isinstance(value, dict) else value


class ChangeColumns(TableSection):
    """Columns of a table of changes."""

    lead_id: Name
    """Whose attribute was changed."""
    changed_at: Name
    """When."""
    attribute: Name
    """Which field it was."""
    new_value: Name
    """What it says since then; blank where it was cleared."""
    old_value: Name | None = None
    """What it said before; None where the export does not tell: it is then the value of the change
    before, and blank before the first."""


class AccountChangeColumns(TableSection):
    """Columns of a table of changes of accounts."""

    account_id: Name
    """Whose attribute was changed."""
    changed_at: Name
    attribute: Name
    new_value: Name
    old_value: Name | None = None
    """As in a table of changes of leads."""


class AccountChangesTable(TableSchema):
    """One row a change of one field of one account: each of its leads has it in its history.

    Parameters
    ----------
    columns : AccountChangeColumns
        Whose, when, which field, and what it says since then.
    fields : dict of str to tuple of str
        For an attribute what the history calls it, where that is neither its name nor its column.
    """

    columns: AccountChangeColumns
    fields: Annotated[dict[Name, Names], BeforeValidator(_to_list)] = Field(default_factory=dict)


class AttributeChangesTable(TableSchema):
    """One row a change of one field of one lead.

    Parameters
    ----------
    columns : ChangeColumns
        Whose, when, which field, and what it says since then.
    fields : dict of str to tuple of str
        For an attribute what the history calls it, where that is neither its name nor its column.
    creation_seconds : float
        What is changed within so many seconds of a lead's creation belongs to the creation.
    """

    columns: ChangeColumns
    fields: Annotated[dict[Name, Names], BeforeValidator(_to_list)] = Field(default_factory=dict)
    creation_seconds: Annotated[float, Field(ge=0)] = 60.0
