"""What a draft says of leads' trustworthiness: denied columns, machines, persons, vendors.

Denied columns are drafted as such: leaving one out costs little, and a score that reads one fails
the run. The other keys change what a model learns, so that they stand there as comments.
"""

from collections.abc import Callable, Iterable, Iterator

from leadcast.features.definitions.definition import DeniedMeaning
from leadcast.features.definitions.load import TO_DO
from leadcast.features.discovery.draft import Draft
from leadcast.features.discovery.draft_text import Pages, scalar
from leadcast.features.discovery.vocabulary import FIELDS
from leadcast.features.inspection.wording import has_phrase, phrases, plain_words, shortened

Denies = Callable[[str], DeniedMeaning | None]
"""Tells by a column's name whether no score may read it, and what it means."""

_SIGNS = {
    "user_agent": phrases("user agent|useragent|browser string"),
    "ip_address": phrases("ip address|ip|ipaddress|remote ip|client ip|ip adresse"),
    "filtered": phrases("filtered event|filteredevent|filtered|is bot|bot|is filtered"),
}
_KINDS = {
    "deliveries": ("delivered", "delivery", "sent", "zugestellt"),
    "opens": ("open", "opened", "geoffnet"),
    "clicks": ("click", "clicked", "geklickt"),
    "visits": ("view", "viewed", "visit", "visited", "pageview", "besuch"),
}
_MERGES = {
    "canonical_id": phrases(
        "canonical id|winner id|winner|master id|master record id|surviving id|survivor id"
        "|kept id|merged into|merged into id|primary id|target id"
    ),
    "merged_id": phrases(
        "merged id|loser id|loser|duplicate id|merged record id|removed id|secondary id|source id"
        "|merged vid|merged object id"
    ),
    "merged_at": phrases("merged at|merged on|merge date|merge time|date merged|merged date"),
}
_HISTORY = {
    "attribute": phrases(
        "field|field name|attribute|property|property name|changed field|feld|feldname|champ|campo"
        "|veld|primary attribute name|tracked field"
    ),
    "new_value": phrases(
        "new value|newvalue|new|value after|to value|neuer wert|nouvelle valeur|valor nuevo"
        "|nuevo valor|novo valor|nuovo valore|nieuwe waarde"
    ),
    "old_value": phrases(
        "old value|oldvalue|old|previous value|value before|from value|alter wert|ancienne valeur"
        "|valor anterior|valor antigo|vecchio valore|oude waarde"
    ),
    "changed_at": phrases(
        "changed at|changed on|change date|edit date|edited at|edited on|modified at|date|timestamp"
        "|created date|createddate|activity date|geandert am|date de modification|time|changed"
    ),
    "lead_id": FIELDS["lead_id"],
}
_MOST_NAMED = 8


def deny(draft: Draft, denies: Denies) -> None:
    """Take denied columns out of what a draft reads as attributes.

    Parameters
    ----------
    draft : Draft
        Is changed. The cost of a lead stays: it is told of sellers, and no score reads it.
    denies : callable
    """
    kept = []
    for one in draft.columns.attributes:
        meaning = None if one.name in ("cost", "vendor") else denies(one.look.name)
        if meaning is None:
            kept.append(one)
        else:
            draft.denied[one.look.name] = meaning
    draft.columns.attributes = kept


def write_trust_keys(pages: Pages, draft: Draft) -> None:
    """Write what is denied, and ask for what else the export has columns for.

    Parameters
    ----------
    pages : Pages
        Is added to.
    draft : Draft
    """
    if draft.denied:
        pages.lines.append("")
        _ask(
            pages,
            "are these what no score may use (docs/steering.md): what is paid for a lead, and what "
            "the law protects? Take out a line that means something else; groups: reports by them",
        )
        pages.lines.append("denied:")
        for column, meaning in draft.denied.items():
            pages.put(1, column, meaning)
        pages.guess(f"denied: {shortened(list(draft.denied), 12)}")
    trust = (_history(draft), _machines(draft), _persons(draft), _vendors(draft))
    for question, lines in trust:
        if question:
            pages.lines.append("")
            _ask(pages, question)
            pages.lines += [f"# {line}" for line in lines]


def _ask(pages: Pages, question: str) -> None:
    pages.to_do.append(question)
    pages.comment(0, f"{TO_DO}: {question}")


def _named(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    return next((one for one in columns if plain_words(one) in names), None)


_NOTHING: tuple[str, list[str]] = ("", [])


def _machines(draft: Draft) -> tuple[str, list[str]]:
    signs, kinds = dict[str, str](), list[str]()
    for one in draft.events:
        for sign, names in _SIGNS.items():
            column = _named(one.meaning.seen.looks, names)
            if column is not None:
                signs[sign] = column
        kind = one.meaning.look("event_type")
        kinds += [] if kind is None else [*kind.counts]
    if not signs:
        return _NOTHING
    told = ", ".join(f"{sign}: {scalar(column)}" for sign, column in signs.items())
    question = (
        "are there e-mail scanners among the events? The export says who asked; take the comment "
        "signs off and name the kinds of e-mails' events (docs/nonhuman.md)"
    )
    lines = [f"under tables.events.columns: {{{told}}}", "nonhuman:"]
    for role, words in _KINDS.items():
        mine = [kind for kind in kinds if any(has_phrase(kind, word) for word in words)]
        lines.append(f"  {role}: [{', '.join(scalar(kind) for kind in mine[:_MOST_NAMED])}]")
    return question, lines


def _history(draft: Draft) -> tuple[str, list[str]]:
    for one in draft.meanings:
        columns = {name: _named(one.seen.looks, names) for name, names in _HISTORY.items()}
        needed = {name: column for name, column in columns.items() if name != "old_value"}
        if one is draft.leads or None in needed.values():
            continue
        order = ("lead_id", "changed_at", "attribute", "old_value", "new_value")
        question = (
            f"does {one.name} say how the leads' fields were edited? Then each is taken as it "
            "stood at the moment of a score; without it a score learns from what was filled "
            "in later (docs/histories.md)"
        )
        told = [f"    {name}: {scalar(it)}" for name in order if (it := columns[name]) is not None]
        read = scalar(one.name)
        return question, [
            "under tables:",
            "attribute_changes:",
            f"  read: {{files: {read}}}",
            "  columns:",
            *told,
        ]
    return _NOTHING


def _persons(draft: Draft) -> tuple[str, list[str]]:
    for one in draft.meanings:
        columns = {name: _named(one.seen.looks, names) for name, names in _MERGES.items()}
        if columns["canonical_id"] is None or columns["merged_id"] is None:
            continue
        told = ", ".join(f"{name}: {scalar(it)}" for name, it in columns.items() if it is not None)
        question = (
            f"does {one.name} say which records the CRM has merged? Then they are one person, who "
            "stays on one side of the split (docs/identity.md)"
        )
        read = scalar(one.name)
        return question, [
            "identity:",
            "  match: exact",
            f"  merges: {{read: {{files: {read}}}, columns: {{{told}}}}}",
        ]
    return _NOTHING


def _vendors(draft: Draft) -> tuple[str, list[str]]:
    look = next((one.look for one in draft.columns.attributes if one.name == "vendor"), None)
    if look is None:
        return _NOTHING
    question = (
        f"what was agreed with the vendors of {look.name} about leads that go back? With these "
        "keys `leadcast returns` lists them every night (docs/sellers.md)"
    )
    return question, ["vendors:", *_terms(look.counts)]


def _terms(vendors: Iterable[str]) -> Iterator[str]:
    for name in [*vendors][:_MOST_NAMED]:
        yield f"  {scalar(name)}: {{return_days: 14, reasons: [invalid_contact, duplicate]}}"
