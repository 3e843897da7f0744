"""What is to be doubted about a source, and what its definition vouches for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leadcast.models.report.blocks import Block, Facts, Notice, Notices, Words

Plain = Mapping[str, Any]


def doubt_blocks(doubts: Sequence[Plain], idle: Sequence[str] = ()) -> Iterator[Block]:
    """Show doubts, the worst first, and what the definition vouches for."""
    open_doubts = [doubt for doubt in doubts if doubt.get("vouched") is None]
    notices = [
        Notice(
            "error" if doubt["severity"] == "error" else "warning",
            f"{doubt['code']} · {doubt['where']}",
            f"Found: {doubt['found']}. Expected: {doubt['expected']}.",
            doubt["remedy"],
        )
        for doubt in open_doubts
    ]
    yield Notices(notices) if notices else Words(["Nothing is to be doubted."])
    vouched = [
        (f"{doubt['code']} · {doubt['where']}", f"{doubt['vouched']} (found: {doubt['found']})")
        for doubt in doubts
        if doubt.get("vouched") is not None
    ]
    if vouched:
        yield Words(["The definition vouches for these, each with its reason:"])
        yield Facts(vouched)
    if idle:
        words = f"The definition vouches for what nobody doubts: {', '.join(idle)}. Remove it."
        yield Words([words])
