"""Items that are made ahead come as if they were not."""

import threading
from collections.abc import Iterator

import pytest

from leadcast.features.engine.coded import one_ahead


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_items_come_whole_and_in_their_order(n: int) -> None:
    assert list(one_ahead(iter(range(n)))) == list(range(n))


def test_the_next_item_is_made_while_one_is_used() -> None:
    made = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in one_ahead(items()):
        # Without a thread of its own it would never be made.
        assert made[min(number + 1, 2)].wait(60)


def test_what_making_an_item_raises_comes_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    ahead = one_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="two"):
        next(ahead)
