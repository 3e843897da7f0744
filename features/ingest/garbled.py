"""Texts that something has damaged on their way: told, and kept as they are."""

from leadcast.features.base.errors import Fault
from leadcast.features.base.letters import INVISIBLE_WITHIN, TRIMMED
from leadcast.features.ingest.context import TableReading
from leadcast.features.readers.issues import described
from leadcast.features.values.columns import text_half

_GARBLED = {
    r"[ÃÂ][€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ\x{80}-\x{bf}]|â€|ï¿½|ðŸ": (
        "texts in UTF-8 that something has read in another encoding",
        "Export it again in UTF-8; whatever wrote this file had read the texts wrong already.",
    ),
    r"\x{fffd}": (
        "texts with U+FFFD, which stands for letters that something could not read",
        "Export it again in UTF-8: these letters are lost in this file.",
    ),
    r"&(?:amp|lt|gt|quot|apos|nbsp|#x?[0-9A-Fa-f]+|[A-Za-z](?:uml|acute|grave|circ|tilde));": (
        "texts with letters as HTML writes them",
        "Export it again as plain text, so that they are no other values than without; or set "
        "`values` of the attribute.",
    ),
    INVISIBLE_WITHIN: (
        "texts with invisible letters within",
        "Take them out in the export, so that they are no other values than without.",
    ),
}
_ANY = "|".join(f"(?:{pattern})" for pattern in _GARBLED)


def doubt_garbled(reading: TableReading, column: str) -> None:
    """Warn of texts that something has damaged on their way."""
    text = text_half(reading.rows.frame[column])
    if text is None:
        return
    text = text.str.strip_chars(TRIMMED)
    # Hardly any column has one of them, which is told by looking once.
    if not text.str.contains(_ANY).any():
        return
    for pattern, (found, remedy) in _GARBLED.items():
        mine = text.str.contains(pattern).fill_null(value=False) & reading.fine
        if mine.any():
            few = mine & (mine.cum_sum() <= 1)
            (example,) = described(reading.rows.filter(few), text.filter(few))
            reading.context.ledger.fault(
                Fault(
                    where=f"{reading.table}: column {column!r}",
                    found=f"{int(mine.sum())} rows of {found}: {example}",
                    expected="texts as people wrote them",
                    remedy=f"They are kept as they are. {remedy}",
                    severity="warning",
                    count=int(mine.sum()),
                )
            )
