"""From a folder or a database to the text of a source definition, guesses and questions marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import why_no_folder
from leadcast.features.discovery.crm_names import CRMS
from leadcast.features.discovery.draft import Draft, draft_of
from leadcast.features.discovery.draft_text import write_draft
from leadcast.features.discovery.meanings import Meaning
from leadcast.features.discovery.trust_keys import Denies, deny, write_trust_keys
from leadcast.features.inspection.found_tables import Found, tables_of_database, tables_of_folder
from leadcast.features.inspection.links import ids_of
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.values.guesses import kin_words


@dataclass(frozen=True)
class ExportPlace:
    """What is to be looked at.

    Parameters
    ----------
    name : str
        The source's name.
    folder : Path or None
        The export; None for a database.
    url_env : str or None
        The environment variable with a database's URL; None for a folder.
    root : str
        The folder as the definition names it.
    crm : str or None
        Whose export it is, a key of `leadcast.features.discovery.crm_names.CRMS`.
    leads : str or None
        The table that holds the leads, where the user says so.
    time_zone : str or None
        The zone of times that name none, likewise.
    denies : callable
        Tells by a column's name whether no score may read it.
    """

    name: str
    folder: Path | None
    url_env: str | None
    root: str
    crm: str | None = None
    leads: str | None = None
    time_zone: str | None = None
    denies: Denies = lambda _: None


@dataclass(frozen=True)
class Discovered:
    """What was found.

    Parameters
    ----------
    text : str
        The source definition.
    guesses, to_do, left_out : list of str
        What was guessed, what is left open, and what was not read.
    counts : dict of str to int
        Leads that are won, lost and open, read as guessed.
    """

    text: str
    guesses: list[str]
    to_do: list[str]
    left_out: list[str]
    counts: dict[str, int]


def discover(asked: ExportPlace) -> Discovered:
    """Look at an export and draft its definition.

    Parameters
    ----------
    asked : ExportPlace
        Where it is.

    Returns
    -------
    Discovered

    Raises
    ------
    LeadcastError
        If there is nothing that can be read, or no table that plausibly holds leads, or several.
    """
    crm = None if asked.crm is None else CRMS[asked.crm]
    place = str(asked.folder) if asked.folder is not None else f"the database of {asked.url_env}"
    found = _tables(asked)
    draft = draft_of(found, place, crm, asked.leads, asked.time_zone)
    deny(draft, asked.denies)
    export = "Export the files once more" if crm is None else crm.export
    about = {
        "name": asked.name,
        "title": f"{asked.name}, drafted from {place}"
        if crm is None
        else f"{asked.name}, from {crm.title}",
        "where_to_get": export,
        "root": asked.root,
    }
    pages = write_draft(draft, about, _heading(asked, None if crm is None else crm.warning))
    write_trust_keys(pages, draft)
    left = [*found.left_out, *_unused(draft)]
    text = "\n".join(pages.lines) + "\n"
    return Discovered(text, pages.guesses, pages.to_do, left, draft.counts)


def _tables(asked: ExportPlace) -> Found:
    if asked.url_env is not None:
        try:
            return tables_of_database(asked.url_env)
        except UnreadableError as error:
            raise FaultsError(f"the database of {asked.url_env}", [error.fault]) from None
    folder = asked.folder
    assert folder is not None
    if not folder.is_dir():
        told = why_no_folder(folder)
        raise LeadcastError(f"{folder}: {told}; name the folder in which the export lies")
    return tables_of_folder(folder)


def _heading(asked: ExportPlace, warning: str | None) -> Sequence[str]:
    of_crm = "" if asked.crm is None else f" by the names that {CRMS[asked.crm].title} exports"
    lines = [
        f"Drafted by `leadcast init`{of_crm}. Nobody has looked at it yet: what is marked as a "
        "guess is one, and a TO DO is for you to decide; `leadcast check` tells where. "
        "data/sources/template.yaml explains every key."
    ]
    return [*lines, f"Note: {warning}."] if warning else lines


def _unused(draft: Draft) -> list[str]:
    used = {draft.leads.name, *(one.meaning.name for one in draft.events)}
    used |= {draft.accounts.name} if draft.accounts is not None else set()
    for one in draft.endings.told:
        used |= {one.table.name, *(join.other.name for join in one.joins)}
    return [
        f"{one.name}: {_why_unused(one, draft)}" for one in draft.meanings if one.name not in used
    ]


def _kin(one: Meaning, leads: Meaning) -> str:
    """Tell by which change of writing its ids would be those of leads."""
    key = leads.fields.get("lead_id")
    column = one.fields.get("lead_id", key)
    if key is None or column is None or column not in one.seen.looks:
        return ""
    some = ids_of(one.seen, column).drop_nulls().unique(maintain_order=True).head(100)
    return kin_words(some.to_list(), ids_of(leads.seen, key).drop_nulls(), column, leads.name)


def _why_unused(one: Meaning, draft: Draft) -> str:
    if one.kind in ("deals", "events", "accounts", "links"):
        told = f"not used (taken for {one.kind}; it names no lead of {draft.leads.name})"
        return ": ".join(filter(None, (told, _kin(one, draft.leads))))
    if one.kind != "lookup":
        return "not used (what it is was not recognised)"
    columns = ", ".join(list(one.seen.looks)[:8])
    return f"not used ({one.why}; join it where you want one of its columns: {columns})"
