"""The site of `docs/`: every document has its place, and the references name all that there is."""

import re
from collections.abc import Iterator
from typing import Any

import leadcast
from leadcast.features.definitions.yaml_lines import plain_yaml
from leadcast.features.discovery.crm_names import CRMS
from tests.test_house import ROOT

DOCS = ROOT / "docs"
OWN_TAGS = re.compile(r"!!python/\S+( \{.*?\}\})?")


def pages(nav: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        yield from (page for one in nav.values() for page in pages(one))
    else:
        yield from (page for one in nav for page in pages(one))


def test_every_document_has_one_place_in_the_site() -> None:
    settings = plain_yaml(OWN_TAGS.sub("none", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    found = sorted(pages(settings["nav"]))
    assert found == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_the_reference_of_python_has_each_public_name() -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = re.findall(r"^::: leadcast\.(\w+)$", text, re.MULTILINE)
    assert sorted(named) == sorted({*leadcast.__all__} - {"__version__"})


def test_each_crm_has_its_row() -> None:
    text = (DOCS / "crms.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \| ", text, re.MULTILINE))
    assert rows == {name: crm.export for name, crm in CRMS.items()}
    assert all(crm.warning in text for crm in CRMS.values())


def test_no_document_needs_another_machine() -> None:
    loaded = re.compile(r"(?:src|href)=[\"']https?://")
    assert not [path.name for path in DOCS.glob("*.md") if loaded.search(path.read_text("utf-8"))]
