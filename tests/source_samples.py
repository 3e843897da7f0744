"""A small source to break in many ways."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.ingest.new_leads import NewLeads, Place, canonical, mapped

LEADS = """\
id,created,revenue,source
L1,2024-01-01T08:00:00Z,1000,Google
L2,2024-01-02T08:00:00Z,,Referral
L3,2024-01-03T08:00:00Z,3000.5,Google
L4,2024-01-04T08:00:00Z,0,
"""
EVENTS = """\
id,at,type,seconds
L1,2024-01-02T09:00:00Z,email_opened,
L1,2024-01-03T09:00:00Z,video_watched,31.5
L2,2024-01-05T09:00:00Z,form,
L3,2024-01-06T09:00:00Z,email_opened,
"""
OUTCOMES = """\
id,won,lost,amount
L1,2024-02-01T00:00:00Z,,500
L2,,2024-02-02T00:00:00Z,
"""
LIMITS_OF_ONE_HALF = {
    "unreadable_values": "0.5",
    "duplicate_leads": "0.5",
    "duplicate_outcomes": "0.5",
    "orphan_events": "0.5",
    "orphan_outcomes": "0.5",
    "unknown_outcomes": "0.5",
    "events_before_creation": "0.5",
    "outcomes_before_creation": "0.5",
    "future_times": "0.5",
}
Keys = dict[str, Any]


def sample_keys(root: Path) -> Keys:
    """The keys of a definition that reads `LEADS`, `EVENTS` and `OUTCOMES` without a fault."""
    return {
        "name": "sample",
        "title": "Sample",
        "where_to_get": "Ask the sales team for it",
        "root": str(root),
        "observed_until": "2024-06-01T00:00:00Z",
        "tables": {
            "leads": {
                "read": {"files": "leads.csv"},
                "columns": {"lead_id": "id", "created_at": "created"},
                "attributes": {
                    "revenue": {"column": "revenue", "type": "number"},
                    "source": {"column": "source", "type": "category"},
                },
            },
            "events": {
                "read": {"files": "events.csv"},
                "columns": {
                    "lead_id": "id",
                    "occurred_at": "at",
                    "event_type": "type",
                    "value": "seconds",
                },
            },
            "outcomes": {
                "form": "dates",
                "read": {"files": "outcomes.csv"},
                "columns": {
                    "lead_id": "id",
                    "won_at": "won",
                    "lost_at": "lost",
                    "amount": "amount",
                },
            },
        },
    }


def changed(keys: Keys, changes: Keys) -> Keys:
    """Change a definition: keys are paths with dots; None removes a key."""
    keys = copy.deepcopy(keys)
    for path, value in changes.items():
        *inner, last = path.split(".")
        here = keys
        for part in inner:
            here = here[part]
        if value is None:
            del here[last]
        else:
            here[last] = value
    return keys


def write_definition(folder: Path, keys: Keys) -> Path:
    """Write a definition as YAML."""
    path = folder / f"{keys['name']}.yaml"
    path.write_text(yaml_text(keys), encoding="utf-8")
    return path


def make_source(
    folder: Path,
    changes: Keys | None = None,
    *,
    leads: str | bytes = LEADS,
    events: str | bytes = EVENTS,
    outcomes: str | bytes = OUTCOMES,
) -> SourceDefinition:
    """Write a source's files and its definition, and load it."""
    for name, content in (("leads", leads), ("events", events), ("outcomes", outcomes)):
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.csv").write_bytes(data)
    keys = changed(sample_keys(folder), changes or {})
    return load_definition(write_definition(folder, keys))


def read_new_leads(
    definition: SourceDefinition,
    leads: Place,
    events: Place = (),
    *,
    attribute_types: Mapping[str, str] = MappingProxyType({}),
) -> NewLeads:
    """New leads in the shape of a source's export, whole."""
    return mapped(definition, leads, events, attribute_types).whole()


def read_canonical(
    leads: Path,
    events: Path | None = None,
    *,
    attribute_types: Mapping[str, str],
    is_dated: bool,
    time_zone: str | None = None,
) -> NewLeads:
    """New leads in canonical columns, whole."""
    files: list[Sequence[Path]] = [[leads], *([] if events is None else [[events]])]
    about = {"attribute_types": attribute_types, "is_dated": is_dated, "time_zone": time_zone}
    return canonical(str(leads), *files, **about).whole()  # type: ignore[arg-type]
