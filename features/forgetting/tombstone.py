"""Tombstones: salted hashes of forgotten people, by which the next ingest leaves them out.

A tombstone holds no name, no address and no id, only keyed hashes (BLAKE2b). Who has the file can
still try whether a given address is among them, so that it is kept like the data themselves. A lead
id is left out for good; an e-mail address only where the lead was created before it was forgotten:
who comes back later is a new lead.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import polars as pl

from leadcast.features.base.addresses import plain_address
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, written_whole
from leadcast.features.tables import TIME

FORGOTTEN = Path("data/forgotten")
"""The tombstones of a project, a file a source."""
VERSION = 1


@dataclass(frozen=True)
class Tombstones:
    """Who was forgotten, as hashes.

    Parameters
    ----------
    salt : str
        Hexadecimal; the key of the hashes.
    hashes : dict of str to str
        When each was forgotten (ISO 8601), by its hash.
    """

    salt: str
    hashes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, source: str) -> Self:
        """Read a source's tombstones; new ones where nobody was forgotten yet.

        Parameters
        ----------
        source : str

        Returns
        -------
        Tombstones

        Raises
        ------
        LeadcastError
            If the file is damaged: then nobody knows who was forgotten.
        """
        path = tombstones_of(source)
        if not path.is_file():
            return cls(secrets.token_hex(32))
        content: Any = read_json(path)
        try:
            if content["version"] != VERSION or len(bytes.fromhex(content["salt"])) != 32:
                raise ValueError
            hashes = {str(key): str(value) for key, value in content["hashes"].items()}
            for moment in hashes.values():
                datetime.fromisoformat(moment)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise LeadcastError(
                f"{path}: is no file of tombstones of version {VERSION}; restore it from a backup: "
                "without it nobody knows whom to leave out"
            ) from None
        return cls(content["salt"], hashes)

    def write(self, source: str) -> Path:
        """Write them, readable by their owner alone.

        Parameters
        ----------
        source : str

        Returns
        -------
        Path
        """
        path = tombstones_of(source)
        content = {"version": VERSION, "salt": self.salt, "hashes": self.hashes}
        with written_whole(path, replacing=True) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")
        return path

    def adding(self, lead_ids: Iterable[str], emails: Iterable[str], at: datetime) -> Self:
        """Add people; who was added before keeps the later moment.

        Parameters
        ----------
        lead_ids, emails : iterable of str
        at : datetime
            When they were forgotten.

        Returns
        -------
        Tombstones
        """
        moment = at.astimezone(UTC).isoformat()
        new = {self.hash_of("lead_id", one): moment for one in lead_ids}
        new |= {self.hash_of("email", plain_address(one)): moment for one in emails}
        return type(self)(self.salt, self.hashes | new)

    def hash_of(self, kind: str, value: str) -> str:
        """Hash a value of a kind (``"lead_id"``, ``"email"``) with the salt."""
        text = f"{kind}\n{value}".encode()
        return hashlib.blake2b(text, key=bytes.fromhex(self.salt), digest_size=20).hexdigest()

    def ids(self, lead_id: pl.Series) -> pl.Series:
        """Tell which lead ids were forgotten.

        Parameters
        ----------
        lead_id : pl.Series of String

        Returns
        -------
        pl.Series of Boolean
        """
        if not self.hashes:
            return pl.repeat(False, len(lead_id), dtype=pl.Boolean, eager=True)
        known = [
            one is not None and self.hash_of("lead_id", one) in self.hashes
            for one in lead_id.to_list()
        ]
        return pl.Series(known, dtype=pl.Boolean)

    def leads(
        self, lead_id: pl.Series, email: pl.Series | None, created: pl.Series | None
    ) -> pl.Series:
        """Tell which leads are of people who were forgotten.

        Parameters
        ----------
        lead_id : pl.Series of String
        email : pl.Series of String or None
            None where the source has none.
        created : pl.Series of `leadcast.features.tables.TIME` or None
            None where the source is not dated.

        Returns
        -------
        pl.Series of Boolean
        """
        found = self.ids(lead_id)
        if email is None or not self.hashes:
            return found
        moments = [
            None if one is None else self.hashes.get(self.hash_of("email", plain_address(one)))
            for one in email.cast(pl.String).to_list()
        ]
        if created is None:
            return found | pl.Series([one is not None for one in moments], dtype=pl.Boolean)
        times = [None if one is None else datetime.fromisoformat(one) for one in moments]
        at = pl.Series(times, dtype=TIME)
        # Of whom nobody knows when it came, it is not known that it came later.
        return found | (at.is_not_null() & ((created <= at).fill_null(value=True)))


def tombstones_of(source: str) -> Path:
    """Name the file of a source's tombstones."""
    return FORGOTTEN / f"{source}.json"
