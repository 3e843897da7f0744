"""Work in a thread of its own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Make each item while the one before it is used.

    Parameters
    ----------
    items : iterator
        It is asked in a thread of its own, for one item at a time.

    Yields
    ------
    object
        The items in their order; what making one raises, when its turn comes.
    """
    with ThreadPoolExecutor(1) as maker:

        def made() -> list[Item]:
            # An empty list tells the end, which no item could.
            return list(islice(items, 1))

        waiting = maker.submit(made)
        while item := waiting.result():
            waiting = maker.submit(made)
            yield item[0]
