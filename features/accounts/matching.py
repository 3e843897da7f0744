"""Which account a lead belongs to: by its identifier, its business domain or its company's name.

Leads are taken in the order in which they came, and each is matched by what was known then: the
accounts' table, and the leads before it. So a lead that comes later changes no earlier match, and
with it no feature of a moment before.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import groupby

import polars as pl

from leadcast.features.base.addresses import email_domain
from leadcast.features.base.errors import Fault
from leadcast.features.definitions.identity_section import MATCH_BY, MatchBy
from leadcast.features.hygiene.email_look import RELAYS
from leadcast.features.identity.names import company_name
from leadcast.features.tables import TIME
from leadcast.features.values.contacts import email_kind

MATCHES = pl.Schema({"lead_id": pl.String(), "account_id": pl.String(), "matched_by": pl.String()})
"""A row a lead: its account (null where it has none), and by which of `MATCH_BY` it was found."""
ACCOUNTS = pl.Schema(
    {
        "account_id": pl.String(),
        "name": pl.String(),
        "domain": pl.String(),
        "from_table": pl.Boolean(),
    }
)
"""A row an account; ``from_table``: whether the accounts' table has it, or leads alone. An account
without an identifier is called after the domain or the company's name that it was found by."""
KEYS = pl.Schema(
    {
        "account_id": pl.String(),
        "kind": pl.String(),
        "key": pl.String(),
        "known_at": TIME,
        "lead_id": pl.String(),
    }
)
"""What leads to an account, in the order in which it became known: a key of a kind of `MATCH_BY`,
since when, and the lead that told it first (null where the table did)."""
_SHOWN_ALIKE = 3
_NO_COMPANIES = frozenset({"", "none", "n a", "na", "unknown", "private", "self employed", "test"})
_NAMED = dict.fromkeys(("account_id", "name", "domain"), pl.String)
# Of examples in texts and tests (RFC 2606), and of mail that is handed on.
_NO_DOMAINS = RELAYS | {"example.com", "example.net", "example.org"}
_Keys = tuple[tuple[MatchBy, str], ...]


@lru_cache(maxsize=65_536)
def business_domain(address: str) -> str | None:
    """Take the domain of an address that tells a company.

    Parameters
    ----------
    address : str
        An e-mail address, or a domain alone.

    Returns
    -------
    str or None
        In lower case; None for providers that give anybody an address, for addresses that are
        thrown away or handed on, for those of examples, and for what is no address.

    Examples
    --------
    >>> business_domain("Jane@Acme.co.uk"), business_domain("jane@gmail.com")
    ('acme.co.uk', None)
    """
    whole = address if "@" in address else f"a@{address.strip().removeprefix('www.')}"
    if email_kind(whole) in ("free", "disposable", "invalid"):
        return None
    domain = email_domain(whole)
    parts = [] if domain is None else domain.split(".")
    endings = {".".join(parts[start:]) for start in range(len(parts))}
    return None if domain is None or endings & _NO_DOMAINS else domain


def account_keys(leads: pl.DataFrame, by: Sequence[MatchBy] = MATCH_BY) -> pl.DataFrame:
    """Bring what tells a lead's account into one spelling.

    Parameters
    ----------
    leads : pl.DataFrame
        ``lead_id`` and, where there are any, ``created_at``, ``account_id``, ``email``, and the
        company's name as ``person_company``, ``company`` or ``company_name`` (String).
    by : sequence of {"account_id", "domain", "company"}
        What may be used.

    Returns
    -------
    pl.DataFrame
        A row a lead, in their order: ``lead_id``, ``created_at`` (null where there is none) and
        `MATCH_BY` (String, null where there is nothing).
    """
    created = "created_at" if "created_at" in leads.columns else pl.lit(None, TIME)
    company = _text(leads, "person_company", "company", "company_name")
    read = leads.select(
        pl.col("lead_id").cast(pl.String),
        created_at=created,
        account_id=_text(leads, "account_id").str.strip_chars(),
        domain=_text(leads, "email"),
        company=company,
    )
    said = read.with_columns(
        pl.when(pl.col("account_id") != "").then("account_id").alias("account_id"),
        pl.col("domain").map_elements(business_domain, pl.String),
        pl.col("company").map_elements(_company, pl.String),
    )
    unused = [pl.lit(None, pl.String).alias(name) for name in MATCH_BY if name not in by]
    return said.with_columns(unused)


def _text(leads: pl.DataFrame, *names: str) -> pl.Expr:
    found = [name for name in names if leads.schema.get(name) == pl.String]
    return pl.coalesce(found) if found else pl.lit(None, pl.String)


@lru_cache(maxsize=65_536)
def _company(name: str) -> str | None:
    folded = company_name(name)
    return None if folded in _NO_COMPANIES else folded


@dataclass
class _Registry:
    """The accounts that are known so far, and what leads to them."""

    names: list[str] = field(default_factory=list)
    has_id: list[bool] = field(default_factory=list)
    keys: dict[tuple[MatchBy, str], int] = field(default_factory=dict)
    learned: list[tuple[int, MatchBy, str, datetime | None, str | None]] = field(
        default_factory=list
    )
    """As `KEYS`, by the account's number."""

    def find(self, keys: _Keys) -> tuple[int, MatchBy] | None:
        """Find the account of a lead; an identifier of its own is not overruled."""
        own_id = keys[0][0] == "account_id"
        for number, key in enumerate(keys):
            found = self.keys.get(key)
            if found is not None and not (number and own_id and self.has_id[found]):
                return found, key[0]
        return None

    def add(
        self,
        keys: _Keys,
        account: int | None,
        known_at: datetime | None = None,
        lead: str | None = None,
    ) -> int:
        """Remember by what an account is found from now on; open one where there is none."""
        new = [key for key in keys if key not in self.keys]
        first = keys[0]
        if account is None:
            account = self.keys.setdefault(first, len(self.names))
            if account == len(self.names):
                self.names.append(first[1])
                self.has_id.append(first[0] == "account_id")
        for key in keys:
            if key[0] == "account_id" and not self.has_id[account]:
                self.has_id[account], self.names[account] = True, key[1]
            self.keys.setdefault(key, account)
        self.learned += [(account, *key, known_at, lead) for key in new]
        return account


@dataclass(frozen=True)
class MatchedLeads:
    """Which leads belong to which accounts."""

    matches: pl.DataFrame
    """`MATCHES`, in the order of the leads."""
    accounts: pl.DataFrame
    """`ACCOUNTS`, by ``account_id``: those of the table, and those that leads made."""
    keys: pl.DataFrame
    """`KEYS` of the accounts that leads are of."""
    earlier: pl.DataFrame
    """The `MATCHES` of the earlier leads that were given, called as accounts are called now."""


@dataclass(frozen=True)
class EarlierMatches:
    """What an earlier run knew of accounts, for new leads to be matched by."""

    matches: pl.DataFrame
    """`MATCHES` of its leads."""
    keys: pl.DataFrame
    """Its `KEYS`."""

    @classmethod
    def none(cls) -> "EarlierMatches":
        """Know nothing.

        Returns
        -------
        EarlierMatches
        """
        return cls(pl.DataFrame(schema=MATCHES), pl.DataFrame(schema=KEYS))


def match_leads(
    leads: pl.DataFrame,
    accounts: pl.DataFrame | None = None,
    by: Sequence[MatchBy] = MATCH_BY,
    earlier: EarlierMatches | None = None,
) -> MatchedLeads:
    """Match leads to accounts.

    Parameters
    ----------
    leads : pl.DataFrame
        As `account_keys` takes them. A lead may have several rows.
    accounts : pl.DataFrame, optional
        ``account_id`` (unique) and, where there are any, ``name`` and ``domain``. A domain or name
        of two accounts leads to neither.
    by : sequence of {"account_id", "domain", "company"}
        What may be used.
    earlier : EarlierMatches, optional
        What a run knew, each key from its moment on. A lead that it has matched keeps its match,
        unless it names another identifier by now.

    Returns
    -------
    MatchedLeads
    """
    keys = account_keys(leads, by).unique("lead_id", keep="first", maintain_order=True)
    registry = _registry(accounts)
    past = EarlierMatches.none() if earlier is None else earlier
    recalling, settled = _Recalling(registry, past.keys), _settled(keys, past)
    others = keys.filter(~pl.col("lead_id").is_in(list(settled)))
    found = dict(_matched(others, registry, recalling))
    recalling.until(None)
    found |= {lead: (recalling.number(name), by) for lead, (name, by) in settled.items()}
    rows = [_told(lead, found[lead], registry) for lead in leads["lead_id"].cast(pl.String)]
    matches = pl.DataFrame(rows, schema=MATCHES, orient="row")
    called = {name: registry.names[number] for name, number in recalling.numbers.items()}
    theirs = past.matches.with_columns(pl.col("account_id").replace(called))
    learned = [(registry.names[number], *row) for number, *row in registry.learned]
    own = pl.DataFrame(learned, schema=KEYS, orient="row").filter(
        pl.col("account_id").is_in(matches["account_id"].drop_nulls().unique().to_list())
    )
    return MatchedLeads(matches, _accounts(keys, matches, accounts), own, theirs)


def alike_ids(leads: pl.DataFrame, accounts: pl.DataFrame | None) -> Fault | None:
    """Warn of identifiers of accounts that differ in upper and lower case alone.

    Parameters
    ----------
    leads : pl.DataFrame
        As `account_keys` takes them.
    accounts : pl.DataFrame or None
        As `match_leads` takes them.

    Returns
    -------
    Fault or None
        None where there are none. They are two accounts all the same: Salesforce's identifiers of
        15 characters mean different things by case.
    """
    parts = [account_keys(leads)["account_id"]]
    parts += [] if accounts is None else [accounts["account_id"].cast(pl.String)]
    ids = pl.concat([one.alias("id") for one in parts]).drop_nulls().unique().sort().to_frame()
    alike = (
        ids.group_by(pl.col("id").str.to_lowercase().alias("folded"))
        .agg("id")
        .filter(pl.col("id").list.len() > 1)
        .sort("folded")
    )
    if alike.is_empty():
        return None
    number = int(alike["id"].list.len().sum())
    shown = ", ".join(" and ".join(map(repr, one)) for one in alike["id"].head(_SHOWN_ALIKE))
    return Fault(
        where="accounts: account_id",
        found=f"{number:,} identifiers that differ in upper and lower case alone: {shown}",
        expected="one spelling of each account's identifier",
        remedy="Each is an account of its own, as identifiers of Salesforce with 15 characters "
        "need it. If one account is spelt in two ways, export one spelling (of Salesforce the "
        "identifiers with 18 characters).",
        severity="warning",
    )


def _told(
    lead: str, match: tuple[int, MatchBy] | None, registry: _Registry
) -> tuple[str, str | None, str | None]:
    return (lead, None, None) if match is None else (lead, registry.names[match[0]], match[1])


def _registry(accounts: pl.DataFrame | None) -> _Registry:
    """Begin with what the accounts' table knows."""
    registry = _Registry()
    known = _table(accounts)
    for row in known.iter_rows(named=True):
        registry.add((("account_id", row["account_id"]),), None)
    for name in ("domain", "name"):
        one = known.filter(pl.col(name).is_not_null() & ~pl.col(name).is_duplicated())
        kind: MatchBy = "domain" if name == "domain" else "company"
        for account, key in one.select("account_id", name).iter_rows():
            registry.keys[kind, key] = registry.keys["account_id", account]
    return registry


def _table(accounts: pl.DataFrame | None) -> pl.DataFrame:
    if accounts is None:
        return pl.DataFrame(
            schema={"account_id": pl.String, "name": pl.String, "domain": pl.String}
        )
    return accounts.select(
        pl.col("account_id").cast(pl.String),
        name=_text(accounts, "name").map_elements(_company, pl.String),
        domain=_text(accounts, "domain").map_elements(business_domain, pl.String),
    )


def _matched(
    keys: pl.DataFrame, registry: _Registry, recalling: "_Recalling"
) -> Iterator[tuple[str, tuple[int, MatchBy] | None]]:
    ordered = keys.sort("created_at", "lead_id", nulls_last=True).iter_rows()
    for moment, together in groupby(ordered, key=lambda row: row[1]):
        recalling.until(moment)
        # Who comes at the same moment was not there yet.
        told = []
        for lead, _, *values in together:
            own: _Keys = tuple(
                (name, value)
                for name, value in zip(MATCH_BY, values, strict=True)
                if value is not None
            )
            told.append((lead, own, registry.find(own) if own else None))
        for lead, own, match in told:
            if not own:
                yield lead, None
                continue
            account = registry.add(own, None if match is None else match[0], moment, lead)
            yield lead, (account, own[0][0] if match is None else match[1])


class _Recalling:
    """Learns once more, moment by moment, what an earlier run knew."""

    def __init__(self, registry: _Registry, keys: pl.DataFrame) -> None:
        self._registry, self._left = registry, deque(keys.iter_rows())
        self.numbers: dict[str, int] = {}

    def until(self, moment: datetime | None) -> None:
        """Learn what was known before a moment; None: all of it."""
        while self._left:
            name, kind, key, known_at, lead = self._left[0]
            if moment is not None and known_at is not None and known_at >= moment:
                return
            self._left.popleft()
            account = self.numbers.get(name, self._registry.keys.get(("account_id", name)))
            if account is None:
                account = self._registry.keys.get((kind, key))
            self.numbers[name] = self._registry.add(((kind, key),), account, known_at, lead)

    def number(self, name: str) -> int:
        """Find an account of then; open it where who had told it was forgotten."""
        if name not in self.numbers:
            self.numbers[name] = self._registry.add((("account_id", name),), None)
        return self.numbers[name]


def _settled(keys: pl.DataFrame, earlier: EarlierMatches) -> dict[str, tuple[str, MatchBy]]:
    """Find the leads that keep their match: those that name no other identifier by now."""
    own = keys.select("lead_id", named="account_id")
    found = earlier.matches.drop_nulls().join(own, on="lead_id")
    # Two identifiers of one moment may lead to one account.
    ids = earlier.keys.filter(kind="account_id").select("account_id", named="key").unique()
    named = found.join(ids, on=["account_id", "named"], how="semi")
    kept = pl.concat([found.filter(pl.col("named").is_null()), named])
    return {lead: (account, by) for lead, account, by, _ in kept.iter_rows()}


def _accounts(
    keys: pl.DataFrame, matches: pl.DataFrame, table: pl.DataFrame | None
) -> pl.DataFrame:
    """List the accounts, with the first name and domain that a lead gave where no table does."""
    own = matches.unique("lead_id").join(keys.drop("account_id"), on="lead_id")
    ordered = own.drop_nulls("account_id").sort("created_at", "lead_id", nulls_last=True)
    made = ordered.group_by("account_id", maintain_order=True).agg(
        made_name=pl.col("company").drop_nulls().first(),
        made_domain=pl.col("domain").drop_nulls().first(),
    )
    told = pl.DataFrame(schema=_NAMED)
    if table is not None:
        told = table.select(
            pl.col("account_id").cast(pl.String),
            name=_text(table, "name"),
            domain=_text(table, "domain"),
        )
    whole = told.with_columns(from_table=pl.lit(value=True)).join(
        made, on="account_id", how="full", coalesce=True
    )
    return (
        whole.select(
            "account_id",
            name=pl.coalesce("name", "made_name"),
            domain=pl.coalesce("domain", "made_domain"),
            from_table=pl.col("from_table").fill_null(value=False),
        )
        .cast(dict(ACCOUNTS))  # type: ignore[arg-type]
        .sort("account_id")
    )
