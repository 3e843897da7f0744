"""The pictures in the documents show what the views are now."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.screenshots import DOCS, SHOTS, Shot, recorded

README = Path("README.md")


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_no_picture_is_older_than_its_view(shot: Shot) -> None:
    assert (DOCS / f"{shot.name}.png").is_file()
    assert recorded()[shot.name]["digest"] == shot.digest(), (
        f"docs/{shot.name}.png: its view has changed since: make screenshots"
    )


def test_a_changed_view_would_be_seen() -> None:
    one, other = SHOTS[0], SHOTS[1]
    assert replace(one, made_of=other.made_of).digest() != one.digest()


def test_what_the_documents_quote_of_a_picture_stands_in_it() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (README, *DOCS.glob("*.md"))]
    told = " ".join(" ".join(texts).split())
    headline = recorded()["page"]["says"]
    assert headline.rstrip(".") in told, headline


def test_every_picture_is_shown_somewhere() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (README, *DOCS.glob("*.md"))]
    for shot in SHOTS:
        assert any(f"{shot.name}.png)" in text for text in texts), shot.name
