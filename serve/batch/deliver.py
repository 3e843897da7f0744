"""Where a batch's scores go: a file, a CRM's file, a database's table, the history."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.serve.batch.output import refuse_other_suffixes, write_file
from leadcast.serve.batch.places import Place, refuse_address


@dataclass(frozen=True)
class Outputs:
    """Where scores go; at least one place.

    Parameters
    ----------
    file : Path or None
        A CSV or Parquet file; with `crm`, the file that this CRM takes.
    crm : str
        A key of `leadcast.serve.batch.crm.SHAPES`; empty for scores as they are.
    table : str
        A database's table (``scores`` or ``schema.scores``); empty for none.
    database_env : str
        The environment variable that holds the database's URL.
    history : Path or None
        The folder of the score history.
    force : bool
        Whether the file may take the place of one that Leadcast did not write.
    """

    file: Path | None = None
    crm: str = ""
    table: str = ""
    database_env: str = ""
    history: Path | None = None
    force: bool = False

    @classmethod
    def of(cls, out: "Path | Outputs") -> "Outputs":
        """Take a path for a file alone."""
        return cls(file=out) if isinstance(out, Path) else out

    @property
    def place(self) -> Path:
        """What the batch's working folder stands beside."""
        return self.file or self.history or Path(f"{self.table}.scores")

    def refuse_inputs(self, bundle: Path | None, *places: Place | None) -> None:
        """Refuse outputs that would take the place of what is read.

        Parameters
        ----------
        bundle : Path or None
            The bundle's folder, where it is read from one.
        *places : Place or None
            Where leads and events are read from.

        Raises
        ------
        LeadcastError
            If an output is one of these files, by whatever name, or lies in the bundle.
        """
        files = [file for place in places if place is not None for file in place.files]
        refuse_inputs([self.file, self.history], [bundle, *files])

    def refuse_unusable(self) -> None:
        """Refuse outputs that cannot be written, before any work.

        Raises
        ------
        LeadcastError
            If there is no place, an object store's address, a file of another kind or of another
            writer, an unknown CRM, or no such database.
        """
        if self.file is None and not self.table and self.history is None:
            raise LeadcastError("name where the scores go: a file, a table or a history")
        for place in (self.file, self.history):
            if place is not None:
                refuse_address(place)
        if self.crm:
            from leadcast.serve.batch.crm import shape_of

            shape_of(self.crm).refuse_other_suffix(self.file)
        elif self.file is not None:
            refuse_other_suffixes(self.file)
        if self.file is not None and self.file.is_dir():
            raise LeadcastError(f"{self.file}: is a folder; name a file for the scores")
        if self.file is not None:
            refuse_foreign_file(self.file, force=self.force, quick=True)
        if self.history is not None and self.history.is_file():
            raise LeadcastError(f"{self.history}: is a file; name a folder for the history")
        if self.table:
            from leadcast.serve.score_table import ScoreTable

            ScoreTable(self.table, self.database_env).refuse_unusable()


def deliver(scores: pl.LazyFrame, outputs: Outputs, beside: Path) -> None:
    """Write scores to all their places.

    Each is written whole or not at all, the database first: it is the likeliest to fail. A batch
    that is killed between two of them delivers all again when it is resumed, with the same result.

    Parameters
    ----------
    scores : pl.LazyFrame
        In order.
    outputs : Outputs
    beside : Path
        As in `leadcast.serve.batch.output.write_file`.
    """
    if outputs.crm and outputs.file is not None and (outputs.table or outputs.history):
        from leadcast.serve.batch.crm import shape_of

        # What the CRM would refuse is told before anything is delivered.
        shape_of(outputs.crm).write(scores, beside / f"tried{outputs.file.suffix}", beside)
    if outputs.table:
        from leadcast.serve.score_table import ScoreTable

        ScoreTable(outputs.table, outputs.database_env).upsert(scores)
    if outputs.history is not None:
        from leadcast.serve.score_history import append_scores

        append_scores(scores, outputs.history)
    if outputs.file is not None:
        if outputs.crm:
            from leadcast.serve.batch.crm import shape_of

            changes = _changes(scores, outputs.history) if outputs.crm == "dynamics" else {}
            shape_of(outputs.crm).write(scores, outputs.file, beside, changes, force=outputs.force)
        else:
            write_file(scores, outputs.file, beside, force=outputs.force)


def _changes(scores: pl.LazyFrame, history: Path | None) -> dict[str, float]:
    from leadcast.serve.score_history import changes

    versions = scores.select(pl.first("model_version")).collect()["model_version"]
    if history is None or versions.is_empty() or versions[0] is None:
        return {}
    return dict(changes(history, versions[0]).collect().iter_rows())
