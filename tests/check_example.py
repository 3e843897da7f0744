"""The made-up export that `docs/check.md` shows; `python -m tests.check_example` prints it."""

import tempfile
from pathlib import Path
from typing import Any

from tests.profile_world import World, healthy

KEPT = ("employees", "source", "email", "budget")


def example_world() -> World:
    """Give losses tidied up on one day, sizes that nobody knew, and a source that clerks wrote."""
    world = healthy(1, leads=400)
    lost = world.outcomes["Lost"]
    tidied = (lost < "2024-03-20").fill_null(value=False).arg_true().gather_every(3).head(60)
    lost = lost.scatter(tidied, ["2024-03-20T14:00:00Z"] * len(tidied))
    rows = world.leads.height
    unknown, unsized = list(range(0, rows, 9)), list(range(3, rows, 16))
    channel = world.leads["Channel"].scatter(unknown, ["unknown"] * len(unknown))
    employees = world.leads["Employees"].scatter(unsized, ["999999"] * len(unsized))
    budget = world.leads["Budget"].scatter(list(range(rows // 2)), [None] * (rows // 2))
    attributes = world.keys["tables"]["leads"]["attributes"]
    return (
        world.with_leads(channel, employees, budget)
        .with_outcomes(lost)
        .with_keys(
            {
                "name": "ours",
                "title": "Our leads",
                "tables.leads.attributes": {name: attributes[name] for name in KEPT},
                "vouched": {"placeholder:Channel": "the call centre writes it down"},
            }
        )
    )


def example_profile(folder: Path) -> dict[str, Any]:
    """Read the example's export."""
    profile = example_world().check(folder).profile
    assert profile is not None
    return profile


if __name__ == "__main__":
    from leadcast.features.profile.profile_text import profile_text

    with tempfile.TemporaryDirectory() as place:
        print(profile_text(example_profile(Path(place))))
