"""A draft as the text of a source definition, each guess marked, each open question a TO DO."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from leadcast.features.definitions.load import TO_DO
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.discovery.attributes_guess import AttributeGuess
from leadcast.features.discovery.draft import Draft, EventsGuess
from leadcast.features.discovery.endings import Ending, JoinGuess, yes_words
from leadcast.features.discovery.meanings import Meaning
from leadcast.features.discovery.pace import HorizonGuess
from leadcast.features.inspection.column_looks import SeenTable
from leadcast.features.inspection.links import ids_of, keys_of
from leadcast.features.inspection.table_times import TableTimes, clocks_beside
from leadcast.features.inspection.wording import shortened
from leadcast.features.landmarks import AUTO
from leadcast.features.values.formats import NumberFormat
from leadcast.features.values.guesses import time_words

_WIDTH = 98
_PLAIN = re.compile(r"(?:\.{0,2}/)?[A-Za-z0-9_(][^\n\t:#,\[\]{}&*!|>\"@`]*(?<! )")
Flow = str | Sequence["Flow"] | Mapping[str, "Flow"]


def scalar(text: str) -> str:
    """Write a text so that YAML reads the same text again."""
    if _PLAIN.fullmatch(text) and text.isprintable() and text.lower() not in ("null", "~"):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in quoted)


def one_line(text: str) -> str:
    """Write a text so that it can stand in a comment."""
    joined = " ".join(text.split())
    return "".join(one if one.isprintable() else "?" for one in joined)


def flow(value: Flow) -> str:
    """Write a value on one line."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items()) + "}"
    return "[" + ", ".join(flow(one) for one in value) + "]"


@dataclass
class Pages:
    """Lines of YAML, and what they leave open.

    Parameters
    ----------
    lines : list of str
        The text.
    guesses, to_do : list of str
        What was guessed, and what is left open, for the terminal.
    """

    lines: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)

    def comment(self, depth: int, text: str) -> None:
        """Write a comment on lines of its own."""
        start = "  " * depth + "# "
        self.lines += textwrap.wrap(
            one_line(text),
            _WIDTH,
            initial_indent=start,
            subsequent_indent=start,
            break_on_hyphens=False,
        )

    def put(self, depth: int, key: str, value: Flow | None = None, note: str = "") -> None:
        """Write a key, with its value on the same line, and a comment after or above it."""
        text = "  " * depth + (key if key.startswith("-") else f"{scalar(key)}:")
        text += "" if value is None else f" {flow(value)}"
        note = one_line(note)
        if note and len(text) + len(note) + 4 <= _WIDTH:
            self.lines.append(f"{text}  # {note}")
            return
        if note:
            self.comment(depth, note)
        self.lines.append(text)

    def ask(self, depth: int, key: str, question: str) -> None:
        """Write a question where a value must stand."""
        self.to_do.append(question)
        self.put(depth, key, f"{TO_DO}: {question}")

    def guess(self, text: str) -> bool:
        """Tell a guess on the terminal as well, once; say whether it is new."""
        is_new = text not in self.guesses
        self.guesses += [text] * is_new
        return is_new


def write_draft(draft: Draft, about: Mapping[str, str], words: Sequence[str]) -> Pages:
    """Write a draft.

    Parameters
    ----------
    draft : Draft
        What is guessed.
    about : mapping of str to str
        ``name``, ``title``, ``where_to_get`` and ``root``.
    words : sequence of str
        What stands above it, for a reader.

    Returns
    -------
    Pages
    """
    pages = Pages()
    for one in words:
        pages.comment(0, one)
    for key, value in about.items():
        pages.put(0, key, value)
    _clock(pages, draft)
    if draft.has_both_forms:
        note = "Salesforce's ids have 15 letters here and 18 there"
        pages.put(0, "ids", "salesforce", f"guess: {note}")
        pages.guess(f"ids salesforce: {note}")
    pages.lines += ["", "tables:"]
    _leads(pages, draft)
    if draft.accounts is not None and draft.account_columns.attributes:
        _accounts(pages, draft, draft.accounts)
    _events(pages, draft)
    _outcomes(pages, draft)
    _forbidden(pages, draft)
    if draft.horizon is not None:
        pages.lines += ["", "snapshots:"]
        _landmarks(pages, draft.horizon)
        pages.put(1, "horizon_days", str(draft.horizon.days), f"guess: {draft.horizon.note}")
        pages.guess(f"horizon of {draft.horizon.days} days: {draft.horizon.note}")
    elif draft.is_dated or draft.maybe_created:
        # How long leads take is not known before the questions above are answered.
        pages.lines += ["", "snapshots:"]
        pages.put(1, "landmarks_days", AUTO, "guess: at the ages that open leads have")
        pages.comment(1, f"`leadcast delays {about['name']}` advises a horizon_days")
    _limits(pages, draft)
    return pages


def _landmarks(pages: Pages, horizon: HorizonGuess) -> None:
    ages = horizon.landmarks_days
    if ages == AUTO:
        note = "guess: many open leads are older than any that would be learned from otherwise"
        pages.put(1, "landmarks_days", AUTO, note)
    else:
        pages.put(1, "landmarks_days", [f"{age:g}" for age in ages])


def _clock(pages: Pages, draft: Draft) -> None:
    if draft.is_dated or draft.maybe_created or "created_at" in draft.leads.unread:
        note = "guess: the latest time in the data; better write the day of the export"
        pages.put(0, "observed_until", "latest", note)
    if draft.zone_to_do:
        pages.ask(0, "time_zone", draft.zone_to_do)
    elif draft.zone:
        pages.put(0, "time_zone", draft.zone, draft.zone_note)
        pages.guess(f"time_zone {draft.zone}: {draft.zone_note.removeprefix('guess: ')}")


def _read(pages: Pages, depth: int, seen: SeenTable, key: str = "read") -> None:
    reader = seen.found.reader
    value: dict[str, Flow] = {}
    if isinstance(reader, FileReader):
        value["files"] = reader.files[0] if len(reader.files) == 1 else list(reader.files)
        for name, default in (("format", None), ("separator", ","), ("encoding", "utf-8")):
            if getattr(reader, name) != default:
                value[name] = str(getattr(reader, name))
        if reader.may_lack:
            value["may_lack"] = list(reader.may_lack)
        if reader.skip_lines:
            value["skip_lines"] = str(reader.skip_lines)
    else:
        value |= {"sql": reader.sql, "url_env": reader.url_env}
    if seen.missing:
        value["missing"] = list(seen.missing)
    note = "; ".join(seen.found.notes)
    if seen.missing:
        note = "; ".join(filter(None, [note, f"{shortened(list(seen.missing))} read as missing"]))
    is_new = bool(note) and pages.guess(f"{seen.name}: {note}")
    pages.put(depth, key, value, f"guess: {note}" if is_new else "")


def _written(pages: Pages, depth: int, times: TableTimes, numbers: NumberFormat | None) -> None:
    if times.to_do:
        pages.ask(depth, "time_format", times.to_do)
    elif times.formats:
        pages.put(depth, "time_format", list(times.formats), f"guess: {times.note}")
        pages.guess(f"times: {times.note}")
    if numbers is not None and numbers != NumberFormat():
        pages.put(depth, "numbers", _format(numbers), "guess: all its numbers are written so")


def _format(numbers: NumberFormat) -> dict[str, Flow]:
    found: dict[str, Flow] = {"decimal": numbers.decimal}
    if numbers.thousands:
        found["thousands"] = numbers.thousands
    if numbers.strip:
        found["strip"] = list(numbers.strip)
    return found


def _own_numbers(seen: SeenTable, columns: Iterable[str]) -> NumberFormat | None:
    """Find how the columns that are no attributes write their numbers."""
    looks = [seen.looks[column] for column in columns if column in seen.looks]
    written = [look.number.written for look in looks if look.number is not None]
    return next((one for one in written if one != NumberFormat()), None)


def _where(pages: Pages, depth: int, meaning: Meaning, filled: str = "") -> None:
    filters: list[Flow] = []
    column = meaning.fields.get("deleted")
    deleted = yes_words(meaning)
    if column is not None and deleted:
        filters.append({"column": column, "not": deleted})
    if filled:
        filters.append({"column": filled, "missing": "false"})
    if filters:
        pages.put(depth, "where", filters)


def _joins(pages: Pages, depth: int, joins: Sequence[JoinGuess]) -> None:
    if not joins:
        return
    pages.put(depth, "join")
    for join in joins:
        pages.comment(depth + 1, f"guess: {join.note}")
        start = len(pages.lines)
        _read(pages, depth + 2, join.other.seen)
        pages.put(depth + 2, "on", join.on)
        pages.put(depth + 2, "columns", join.columns)
        pages.put(depth + 2, "expect", join.expect)
        _where(pages, depth + 2, join.other)
        _as_item(pages, start, depth + 1)


def _split_cells(pages: Pages, depth: int, table: Meaning, split: Mapping[str, str]) -> None:
    for column, mark in split.items():
        note = f"{table.name}: cells of {column!r} hold several ids, parted by {mark!r}"
        pages.put(depth, "split_cells", {column: mark}, f"guess: {note}")
        pages.guess(note)


def _as_item(pages: Pages, start: int, depth: int) -> None:
    """Put the dash of a list's item before the first key that was written since."""
    for index in range(start, len(pages.lines)):
        text, indent = pages.lines[index].lstrip(), "  " * depth
        if not text.startswith("#"):
            pages.lines[index] = f"{indent}- {text}"
            return
        pages.lines[index] = indent + text


def _leads(pages: Pages, draft: Draft) -> None:
    leads, seen = draft.leads, draft.leads.seen
    pages.comment(1, f"guess: {seen.name} has the leads ({leads.why})")
    pages.guess(f"leads: {seen.name} ({leads.why})")
    pages.put(1, "leads")
    _read(pages, 2, seen)
    pages.put(2, "columns")
    _lead_id(pages, leads)
    created = leads.look("created_at")
    if created is not None and created.time is not None:
        span = f"{created.time.first:%Y-%m-%d} to {created.time.last:%Y-%m-%d}"
        pages.put(3, "created_at", created.name, f"guess: {created.time.words}, {span}")
        pages.guess(f"created_at: {created.name!r}, {created.time.words}, {span}")
    elif "created_at" in leads.unread:
        _ask_unread(pages, 3, leads, "created_at")
    elif draft.maybe_created:
        question = (
            f"is {draft.maybe_created!r} the time of creation? It is the only column of "
            f"{seen.name} with a time in each row, or the earliest of them: write "
            f"{draft.maybe_created}, or the column that is; if there is none, leave out "
            "created_at, observed_until, events and times of outcomes"
        )
        pages.ask(3, "created_at", question)
    elif draft.events or any(one.dates for one in draft.endings.told):
        question = (
            f"which column of {seen.name} has the time of creation? Without one there can be "
            "neither events nor times of outcomes: leave those out"
        )
        pages.ask(3, "created_at", question)
    columns = [*draft.columns.scores, *_amounts(draft, own=True)]
    numbers = _own_numbers(seen, [*columns, *(one.look.name for one in draft.columns.attributes)])
    _written(pages, 2, draft.times[seen.name], numbers)
    _ask_clock(pages, 2, leads, "created_at")
    _where(pages, 2, leads, _without_creation(pages, leads))
    _order(pages, draft)
    _attributes(pages, 2, draft.columns.attributes, numbers, _account_column(draft))
    for reason, left in draft.columns.left_out.items():
        pages.comment(3, f"left out ({reason}): {', '.join(left)}")
    if draft.columns.scores:
        pages.comment(
            2, "guess: the points of today, by their names; compared with, never learned from"
        )
        pages.put(2, "rules_score", draft.columns.scores)
        pages.guess(f"rules_score: {shortened(draft.columns.scores)}")


def _lead_id(pages: Pages, leads: Meaning) -> None:
    """Write which column names the lead, and what speaks for it or against it."""
    key, seen = leads.fields.get("lead_id"), leads.seen
    if key is None:
        note = "no column that is called like an identifier has a value of its own in each row"
        keys = keys_of(seen)
        if keys:
            note += f"; if {shortened(keys, 3)} names the lead, write it here"
        pages.put(3, "lead_id", "row", f"guess: {note}")
        pages.guess(f"lead_id row: {note}")
        return
    look = seen.looks[key]
    repeated, without = look.given - look.distinct, look.rows - look.given
    told = [f"{repeated:,} of {look.rows:,} rows repeat a value"] if repeated else []
    told += [f"{without:,} of {look.rows:,} rows have none"] if without else []
    note = "; ".join(told) or "each row has a value of its own"
    if told:
        pages.guess(f"lead_id: {key!r}, although {note}")
    # A column of this name is no number of the row.
    pages.put(3, "lead_id", {"column": key} if key == "row" else key, f"guess: {note}")


def _order(pages: Pages, draft: Draft) -> None:
    """Write what gives leads without a creation time their order."""
    if draft.order_by:
        pages.put(2, "order_by", draft.order_by, "guess: a running number, as there are no dates")
    elif draft.row_order:
        pages.put(2, "order_by", "row", f"guess: {draft.row_order}, as it does with time")
        pages.guess(f"order_by row: {draft.row_order}, as it does with time")
    elif not (draft.is_dated or draft.maybe_created or "created_at" in draft.leads.unread):
        times = [name for name, look in draft.leads.seen.looks.items() if look.kind == "time"]
        told = "No column of times and no running number was found."
        if times:
            told = (
                "No column is called like the time of creation, and no running number was found. "
                f"Times are in {shortened(times)}: `created_at` under columns, if one is it."
            )
        pages.comment(2, f"{told} `order_by: row` if the rows are in time's order.")


def _without_creation(pages: Pages, leads: Meaning) -> str:
    """Leave out leads without a creation time, where they are many; give the column."""
    look = leads.look("created_at")
    if look is None or look.given >= 0.99 * look.rows:
        return ""
    share = 1 - look.given / look.rows
    told = f"{share:.0%} of the leads have no creation time ({look.name!r}), and are left out"
    pages.comment(2, f"guess: {told}")
    pages.guess(told)
    return look.name


def _ask_unread(pages: Pages, depth: int, meaning: Meaning, name: str) -> None:
    look = meaning.seen.looks[meaning.unread[name]]
    examples = shortened(list(look.counts), 2)
    likely = time_words(list(look.counts))
    pages.ask(
        depth,
        name,
        f"column {look.name!r} sounds like it, and its values ({examples}) are times in no way "
        "that is known; export it as 2024-03-31T18:00:00Z, or set `time_format` as it is written"
        + (f". {likely.removesuffix('.')}" if likely else ""),
    )


def _ask_clock(pages: Pages, depth: int, meaning: Meaning, name: str) -> None:
    """Ask for one column, where the day and the time of day stand in two."""
    day = meaning.fields.get(name)
    clocks = clocks_beside(meaning.seen, day)
    if not clocks:
        return
    pages.ask(
        depth,
        "time_of_day",
        f"{' or '.join(map(repr, clocks))} of {meaning.name} seems to have the time of day of "
        f"{day!r}, and a time is read from one column: export both in one (2024-03-31 18:00) and "
        f"write it as {name}; or remove this line, and the end of the day counts",
    )


def _amounts(draft: Draft, *, own: bool) -> list[str]:
    return [one.amount for one in draft.endings.told if one.amount and one.is_own == own]


def _account_column(draft: Draft) -> str | None:
    return draft.leads.fields.get("account_id")


def _attributes(
    pages: Pages,
    depth: int,
    attributes: Sequence[AttributeGuess],
    numbers: NumberFormat | None,
    account: str | None,
) -> None:
    pages.put(depth, "attributes")
    if account is not None:
        note = "guess: leads of one account never stand on both sides of a split"
        pages.put(depth + 1, "account_id", {"column": account, "type": "category"}, note)
    for one in attributes:
        value, note = _attribute(one, numbers or NumberFormat())
        pages.put(depth + 1, one.name, value, f"guess: {note}" if note else "")
        if note:
            pages.guess(f"{one.look.name!r}: {note}")
    if not attributes and account is None:
        pages.lines[-1] += " {}"


def _attribute(one: AttributeGuess, numbers: NumberFormat) -> tuple[dict[str, Flow], str]:
    """Write an attribute's keys, and what is doubtful about them."""
    value: dict[str, Flow] = {"column": one.look.name, "type": one.type}
    if one.look.missing:
        value["missing"] = list(one.look.missing)
    if one.look.flags and one.type == "flag":
        value["values"] = dict(one.look.flags)
    number = one.look.number
    if number is None or one.type != "number":
        return value, ""
    if number.written != numbers and _tells(one, number.written):
        value["numbers"] = _format(number.written)
    if number.placeholder:
        return value, f"{number.placeholder} stands for missing"
    return value, f"fits {flow(_format(number.other))} too" if number.other else ""


def _tells(one: AttributeGuess, own: NumberFormat) -> bool:
    """Tell whether a number's writing matters: digits alone are the same in every one."""
    return own != NumberFormat() or any("." in value for value in one.look.counts)


def _accounts(pages: Pages, draft: Draft, accounts: Meaning) -> None:
    pages.comment(1, f"guess: {accounts.name} has the accounts ({accounts.why})")
    pages.guess(f"accounts: {accounts.name} ({accounts.why})")
    pages.put(1, "accounts")
    _read(pages, 2, accounts.seen)
    pages.put(2, "columns", {"account_id": accounts.fields["account_id"]})
    own = {one.name for one in draft.columns.attributes} | {"account_id"}
    attributes = [
        AttributeGuess(f"account_{one.name}" if one.name in own else one.name, one.look, one.type)
        for one in draft.account_columns.attributes
    ]
    numbers = _own_numbers(accounts.seen, [one.look.name for one in attributes])
    _written(pages, 2, TableTimes(), numbers)
    _where(pages, 2, accounts)
    _attributes(pages, 2, attributes, numbers, None)


def _events(pages: Pages, draft: Draft) -> None:
    if not draft.events:
        return
    pages.put(1, "events")
    for one in draft.events:
        pages.comment(2, f"guess: {one.meaning.why}; {one.note}")
        pages.guess(f"events: {one.meaning.name} ({one.note})")
        start = len(pages.lines)
        _read(pages, 3, one.meaning.seen)
        _split_cells(pages, 3, one.meaning, one.split_cells)
        _joins(pages, 3, one.joins)
        _where(pages, 3, one.meaning, one.filled)
        _event_columns(pages, one, draft.times[one.meaning.name])
        _as_item(pages, start, 2)


def _event_columns(pages: Pages, one: EventsGuess, times: TableTimes) -> None:
    columns: dict[str, Flow] = {"lead_id": one.lead_id}
    for name in ("occurred_at", "event_type", "value"):
        if name in one.meaning.fields:
            columns[name] = one.meaning.fields[name]
    if one.kind:
        pages.put(3, "kind", one.kind, "guess: by the table's name")
    pages.put(3, "columns", columns)
    value = one.meaning.fields.get("value")
    numbers = _own_numbers(one.meaning.seen, [value] if value else [])
    _written(pages, 3, times, numbers)
    _ask_clock(pages, 3, one.meaning, "occurred_at")


def _outcomes(pages: Pages, draft: Draft) -> None:
    endings = draft.endings
    if endings.to_do:
        # A key that no definition has: it must be removed.
        told = "; ".join(endings.to_do)
        pages.ask(1, "more_outcomes", f"{told} (remove this line once that is settled)")
    if not endings.told and endings.won_events:
        pages.put(1, "outcomes")
        pages.put(2, "form", "events", "guess: the outcome is an event, by the words of its types")
        pages.put(2, "won_events", list(endings.won_events))
        if endings.lost_events:
            pages.put(2, "lost_events", list(endings.lost_events))
        pages.guess(f"won events: {shortened(list(endings.won_events))}")
        return
    if not endings.told:
        pages.ask(1, "outcomes", _how_ended(draft))
        return
    for note in endings.notes:
        pages.comment(1, f"guess: {note}")
        pages.guess(note)
    pages.put(1, "outcomes")
    for one in endings.told:
        start = len(pages.lines)
        depth = 3 if len(endings.told) > 1 else 2
        for note in one.notes:
            pages.comment(2, f"guess: {note}")
        _outcome(pages, depth, one, draft)
        if len(endings.told) > 1:
            _as_item(pages, start, 2)


def _how_ended(draft: Draft) -> str:
    """Ask how leads ended, and name what some of them have a time in."""
    seen = draft.leads.seen
    used = set(draft.leads.fields.values())
    some = [
        repr(name)
        for name, look in seen.looks.items()
        if look.kind == "time" and look.given < look.rows and name not in used
    ]
    told = "no column has words for won or lost, and none is called like the time of it"
    if some:
        told += f"; times that only some leads have are in {' and '.join(some)}"
    return f"how the leads ended: {told}; see data/sources/template.yaml, tables.outcomes"


def _outcome(pages: Pages, depth: int, one: Ending, draft: Draft) -> None:
    pages.put(depth, "form", "dates" if one.status is None else "status")
    columns: dict[str, Flow] = {}
    # What only some rows of the leads' table tell is read as a table of its own.
    is_beside = one.is_own and not one.filled
    if not is_beside:
        _read(pages, depth, one.table.seen)
        _split_cells(pages, depth, one.table, one.split_cells)
        _joins(pages, depth, one.joins)
        _where(pages, depth, one.table, one.filled)
        columns["lead_id"] = one.lead_id
    if one.status is not None:
        columns["status"] = one.status.column
    columns |= one.dates
    if one.amount:
        columns["amount"] = one.amount
    pages.put(depth, "columns", columns)
    pages.guess(
        f"outcomes: {one.table.name}, columns {shortened([str(c) for c in columns.values()])}"
    )
    unread = [name for name in ("closed_at", "won_at") if name in one.teller.unread]
    if not one.dates and unread:
        _ask_unread(pages, depth, one.teller, unread[0])
    elif _tells_wins_alone(one) and len(draft.endings.told) == 1:
        _ask_when_won(pages, depth, one)
    elif not one.dates and draft.is_dated:
        question = (
            "no column with the time of the end was found; without it the horizon means nothing"
        )
        pages.comment(depth, f"guess: {question}")
        pages.guess(question)
    amount = [one.column(one.amount)] if one.amount else []
    numbers = _own_numbers(one.teller.seen, amount)
    # Beside the leads, times are written as theirs.
    times = TableTimes() if is_beside else draft.times[one.teller.name]
    _written(pages, depth, times, numbers)
    if one.status is not None:
        _statuses(pages, depth, one)


def _tells_wins_alone(one: Ending) -> bool:
    """Tell whether it is known who was won, and neither when, nor who was not."""
    status = one.status
    return status is not None and bool(status.won) and not (status.lost or one.dates)


def _ask_when_won(pages: Pages, depth: int, one: Ending) -> None:
    assert one.status is not None
    pages.ask(
        depth,
        "closed_at",
        f"when were they won? {one.status.column!r} says who was won, and no column says when, or "
        "who was lost: of wins alone nothing can be learned. Add a column with the day of each "
        "win to the export, write it as columns.closed_at and remove this line; or name the words "
        "of those who were lost as `lost`",
    )


def _statuses(pages: Pages, depth: int, one: Ending) -> None:
    assert one.status is not None
    for name in ("won", "lost", "open"):
        words = list(getattr(one.status, name))
        if words:
            pages.put(depth, name, words, "guess: by the words" if name != "open" else "")
            pages.guess(f"{name}: {shortened(words)}")
    counts = one.teller.seen.looks[one.column(one.status.column)].counts
    if one.status.unknown:
        told = ", ".join(
            f"{value!r} ({counts.get(value, 0):,} rows)" for value in one.status.unknown
        )
        question = f"sort these words into won, lost or open, and remove this key: {told}"
        pages.ask(depth, "unknown_words", question)
    if not one.status.won and not one.status.lost:
        pages.ask(depth, "won", "which words mean won")


def _forbidden(pages: Pages, draft: Draft) -> None:
    if not draft.columns.forbidden:
        return
    pages.lines += ["", "# guess: what is filled in or changed after the lead was scored"]
    pages.lines.append("forbidden:")
    for column, reason in draft.columns.forbidden.items():
        pages.put(1, column, reason)
    pages.guess(f"forbidden: {shortened(list(draft.columns.forbidden), 12)}")


def _limits(pages: Pages, draft: Draft) -> None:
    limits: dict[str, tuple[str, str]] = {}
    apart = [one for one in draft.endings.told if not one.is_own]
    for one in apart:
        if _repeats(one):
            why = f"guess: {one.table.name} names leads more than once; a lead's first win counts"
            limits["duplicate_outcomes"] = ("1", why)
        if one.share < 0.99:
            why = f"guess: {1 - one.share:.0%} of the rows of {one.table.name} name no lead"
            limits["orphan_outcomes"] = (_allowed(one.share), why)
    for guess in draft.events:
        if guess.share < 0.99:
            why = f"guess: {1 - guess.share:.0%} of the rows of {guess.meaning.name} name no lead"
            limits["orphan_events"] = (_allowed(guess.share), why)
    if limits:
        pages.lines += ["", "limits:"]
    for name, (value, note) in limits.items():
        pages.put(1, name, value, note)
        pages.guess(f"limits.{name} {value}: {note.removeprefix('guess: ')}")


def _allowed(share: float) -> str:
    return f"{min(1.0, round(1 - share + 0.05, 2)):g}"


def _repeats(one: Ending) -> bool:
    if one.split_cells or one.lead_id not in one.table.seen.looks:
        return True
    ids = ids_of(one.table.seen, one.lead_id).drop_nulls()
    return ids.n_unique() < len(ids)
