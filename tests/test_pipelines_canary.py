"""Canaries: what is personal in an export stands in the files that docs/privacy.md lists alone."""

import re
from collections.abc import Iterator
from contextlib import chdir
from fnmatch import fnmatchcase
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.forgetting.person import Person
from leadcast.features.forgetting.searching import files_below, search
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.trial import STAGES
from tests.small_project import ROOT, make_project

EVERY = 12
PLACES = re.compile(r"`([^`]+)`")


def plant(folder: Path) -> Person:
    """Give every twelfth lead of the export a name, an address and a number of its own."""
    fetch("demo")
    path = folder / "data/demo/leads.parquet"
    leads = pl.read_parquet(path).with_row_index("n")
    mine, number = pl.col("n") % EVERY == 0, pl.col("n").cast(pl.String)
    name = pl.concat_str(pl.lit("Quetzal Canary "), number)
    email = pl.concat_str(pl.lit("quetzal."), number, pl.lit("@canary-example.com"))
    phone = pl.concat_str(pl.lit("+49 171 98"), number.str.pad_start(5, "0"))
    leads = leads.with_columns(
        Email=pl.when(mine).then(email).otherwise("Email"),
        Phone=pl.when(mine).then(phone).otherwise("Phone"),
        Contact=pl.when(mine).then(name).otherwise(pl.lit(None)),
    )
    leads.drop("n").write_parquet(path)
    source = folder / "data/sources/demo.yaml"
    definition = plain_yaml(source.read_text(encoding="utf-8"))
    definition["tables"]["leads"]["attributes"]["full_name"] = {"column": "Contact", "type": "text"}
    source.write_text(yaml_text(definition), encoding="utf-8")
    theirs = leads.filter(mine)
    return Person(
        tuple(theirs["Lead ID"]),
        tuple(theirs["Email"]),
        tuple(theirs["Phone"].str.replace_all(r"\D", "")),
        tuple(theirs["Contact"].str.to_lowercase()),
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Person, str]]:
    folder = make_project(tmp_path_factory.mktemp("canary"), 600)
    with pytest.MonkeyPatch.context() as patched, chdir(folder):
        patched.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        patched.setenv("MLFLOW_LOGGING_LEVEL", "WARNING")
        person = plant(folder)
        told = [stage("demo") for stage in STAGES.values()]
        yield folder, person, "\n".join(told)


def listed() -> list[str]:
    """Read the files that docs/privacy.md lists."""
    lines = (ROOT / "docs/privacy.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| ")]
    names = [name for cell in cells for name in PLACES.findall(cell)]
    return [name.replace("NAME", "demo") for name in names if "/" in name]


def test_canaries_stand_in_what_is_listed_and_nowhere_else(ran: tuple[Path, Person, str]) -> None:
    folder, person, _ = ran
    searched = list(files_below([folder]))
    found = {
        path.relative_to(folder).as_posix() for path in searched if search(path, person) is not None
    }
    allowed = listed()
    strays = {name for name in found if not any(fnmatchcase(name, one) for one in allowed)}
    assert strays == set()
    # The oracle sees them where they are, and MLflow, bundles and pages were among the searched.
    for name in ("tables/leads.parquet", "snapshots.parquet", "comparison.html"):
        assert f"data/runs/demo/{name}" in found
    names = {path.name for path in searched}
    assert {"mlflow.db", "MLmodel", "manifest.json", "report.html", "model_card.md"} <= names


def test_no_stage_tells_a_canary(ran: tuple[Path, Person, str]) -> None:
    _, person, told = ran
    assert "[" not in told[:1]
    assert not person.in_text(told.encode())


def test_the_model_card_has_every_section_and_none_is_empty(ran: tuple[Path, Person, str]) -> None:
    from leadcast.models.report.model_card import SECTIONS

    folder, _, _ = ran
    text = (folder / "data/runs/demo/model_card.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert tuple(part.splitlines()[0] for part in parts) == SECTIONS
    assert all(len(part.splitlines()) > 2 for part in parts)
    assert list(folder.glob("mlruns/**/artifacts/model_card.*")) or list(
        folder.glob("mlartifacts/**/model_card.*")
    )
    page = (folder / "data/runs/demo/model_card.html").read_text(encoding="utf-8")
    assert all(f">{name}</h2>" in page for name in SECTIONS)
