"""What the canonical tables depend on, as hashes: the definition and every raw byte."""

import hashlib
import json
from pathlib import Path

from features.errors import Fault, FaultsError
from features.files import sha256_of
from features.sources.definition import SourceDefinition
from features.sources.ledger import Ledger
from features.sources.opening import find_files
from features.sources.origins import UnreadableError
from features.sources.schema import FileReader, SqlReader
from features.sources.sql_origin import SqlOrigin

Fingerprint = dict[str, str | dict[str, str]]


def fingerprint(definition: SourceDefinition) -> Fingerprint:
    """Hash a source's definition and its raw data.

    Parameters
    ----------
    definition : SourceDefinition
        The source.

    Returns
    -------
    dict
        ``source`` (its name), ``definition`` (SHA-256 of the YAML file), ``files`` (each file's
        SHA-256 by its path relative to the root) and ``queries`` (for each table read by SQL, a
        hash of the query and its rows that does not depend on their order), and ``sha256``
        (of all of these). The same content gives the same fingerprint on every machine.

    Raises
    ------
    FaultsError
        If a file is absent, or a database does not answer.
    """
    ledger = Ledger()
    files: dict[str, str] = {}
    queries: dict[str, str] = {}
    faults: list[Fault] = []
    for name, reader in definition.readers().items():
        if isinstance(reader, FileReader):
            files |= _files(definition, name, reader, ledger)
            continue
        try:
            queries[name] = _query(name, reader)
        except UnreadableError as error:
            faults.append(error.fault)
    faults += ledger.faults(definition.limits)
    if faults:
        raise FaultsError(f"source {definition.name!r}", faults)
    found: Fingerprint = {
        "source": definition.name,
        "definition": sha256_of(definition.file),
        "files": files,
        "queries": queries,
    }
    whole = json.dumps(found, sort_keys=True).encode()
    return found | {"sha256": hashlib.sha256(whole).hexdigest()}


def _files(
    definition: SourceDefinition, name: str, reader: FileReader, ledger: Ledger
) -> dict[str, str]:
    root = definition.root
    paths = find_files(name, reader, root, definition.where_to_get, ledger)
    return {_relative(path, root): sha256_of(path) for path in paths}


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _query(name: str, reader: SqlReader) -> str:
    # A database may give the rows in another order each time, so their hashes are added up.
    total, count = 0, 0
    for row in SqlOrigin(reader, f"{name} (SQL)").rows():
        digest = hashlib.blake2b(repr(row).encode(), digest_size=16).digest()
        total = (total + int.from_bytes(digest)) % (1 << 128)
        count += 1
    return hashlib.sha256(f"{reader.sql}\n{count}\n{total:032x}".encode()).hexdigest()
