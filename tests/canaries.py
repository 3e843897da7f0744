"""Canaries: names, addresses and numbers planted in an export, to be searched for afterwards."""

import re
from contextlib import chdir
from pathlib import Path

import polars as pl

from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.features.forgetting.person import Person
from leadcast.pipelines.fetch import fetch
from tests.small_project import ROOT

EVERY = 12
PLACES = re.compile(r"`([^`]+)`")


def plant(folder: Path) -> Person:
    """Give every twelfth lead of the export a name, an address and a number of its own."""
    with chdir(folder):
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


def listed() -> list[str]:
    """Read the files that docs/privacy.md lists."""
    lines = (ROOT / "docs/privacy.md").read_text(encoding="utf-8").splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| ")]
    names = [name for cell in cells for name in PLACES.findall(cell)]
    return [name.replace("NAME", "demo") for name in names if "/" in name]
