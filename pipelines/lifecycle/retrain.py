"""Retraining: the pipeline on the export as it is now, the gate, and a promotion or the reasons.

Safe from cron: one at a time, and killed at any moment it leaves the champion in its place; the
next call goes on, as each stage that had ended need not be run again.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from leadcast.features.base.errors import FaultsError, LeadcastError, system_words
from leadcast.features.base.files import read_json, write_json
from leadcast.features.base.locks import locked
from leadcast.features.definitions.load import find_definition
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.lifecycle.export_change import refuse_other_export
from leadcast.pipelines.lifecycle.promote import PromotionAsked, promote
from leadcast.pipelines.lifecycle.run import reproduce
from leadcast.serve.champion.champion_store import has_champion, read_promotion

Ended = Literal["promoted", "nothing new", "refused", "export changed", "failed"]
EXIT_CODES: dict[str, int] = {
    "promoted": 0,
    "nothing new": 0,
    "failed": 1,
    "refused": 3,
    "another retrains": 4,
    "export changed": 5,
}
RUNNING = "running"
BY = "leadcast retrain"


@dataclass(frozen=True)
class RetrainReport:
    """What came of retraining.

    Parameters
    ----------
    outcome : {"promoted", "nothing new", "refused", "export changed", "failed"}
    words : str
        For a person.
    """

    outcome: Ended
    words: str

    @property
    def exit_code(self) -> int:
        """As `EXIT_CODES` has it."""
        return EXIT_CODES[self.outcome]


def report_path(source: str) -> Path:
    """Name the file that tells of the last retraining."""
    return RunFolder(source).path / "retrain.json"


def retrain(source: str, by: str = "", *, accept_export: bool = False) -> RetrainReport:
    """Run the pipeline, hold its model against the champion, and promote it if it is no worse.

    Parameters
    ----------
    source : str
    by : str
        Who asks; this command, if empty.
    accept_export : bool
        Whether an export that is not what it was is meant.

    Returns
    -------
    RetrainReport
        What is written as ``retrain.json`` as well, whole.

    Raises
    ------
    BusyError
        If another process retrains this source.
    LeadcastError
        If there is no such source.
    """
    find_definition(source)
    path = report_path(source)
    with locked(path, "another process retrains this source", 0.0):
        began = _began(path)
        write_json(path, {"outcome": RUNNING, "began": began, "process": os.getpid()})
        report, gate = _retrained(source, by, accept_export)
        champion = read_promotion(source).version if has_champion(source) else None
        write_json(
            path,
            {
                "source": source,
                "outcome": report.outcome,
                "exit_code": report.exit_code,
                "began": began,
                "ended": datetime.now(UTC).isoformat(),
                "champion": champion,
                "gate": gate,
                "words": report.words,
            },
        )
    return report


def _began(path: Path) -> str:
    with suppress(LeadcastError):
        earlier = read_json(path)
        if isinstance(earlier, dict) and earlier.get("outcome") == RUNNING:
            print(f"The retraining of {earlier.get('began')} did not come to its end; going on")
    return datetime.now(UTC).isoformat()


def _retrained(source: str, by: str, accept: bool) -> tuple[RetrainReport, dict[str, Any] | None]:
    before = read_promotion(source).export if has_champion(source) else {}
    steps: tuple[tuple[Ended, Callable[[], object]], ...] = (
        ("failed", lambda: reproduce(source, "ingest")),
        ("export changed", lambda: refuse_other_export(source, before, accept=accept)),
        ("failed", lambda: reproduce(source)),
    )
    for otherwise, step in steps:
        try:
            step()
        except (LeadcastError, OSError) as error:
            # Only what the comparison itself found is a change.
            is_change = otherwise == "export changed" and isinstance(error, FaultsError)
            outcome: Ended = otherwise if is_change else "failed"
            return _ended_by(source, outcome, error), None
    try:
        answer = promote(source, PromotionAsked(by=by or BY, why="retrained"))
    except (LeadcastError, OSError) as error:
        return _ended_by(source, "failed", error), None
    gate = None if answer.gate is None else answer.gate.to_json()
    ended: Ended = "failed" if answer.outcome == "previewed" else answer.outcome
    return RetrainReport(ended, answer.words), gate


def _ended_by(source: str, outcome: Ended, error: LeadcastError | OSError) -> RetrainReport:
    words = f"{source}: {outcome}; {_stays(source)}\n{system_words(error)}"
    return RetrainReport(outcome, words)


def _stays(source: str) -> str:
    if not has_champion(source):
        return "there is no champion yet"
    return f"champion {read_promotion(source).version} stays in use"
