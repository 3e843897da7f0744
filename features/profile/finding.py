"""Every doubt about a source, found one after the other."""

from collections.abc import Callable, Iterator

from leadcast.features.profile.bulk_doubts import (
    bulk_doubts,
    lone_ends,
    odd_times,
    wins_on_first_day,
)
from leadcast.features.profile.clock_doubts import clock_doubts
from leadcast.features.profile.doubts import Doubt, settled_doubts
from leadcast.features.profile.outcome_doubts import outcome_doubts
from leadcast.features.profile.reading import SourceReading
from leadcast.features.profile.row_doubts import (
    age_doubts,
    id_doubts,
    kind_doubts,
    limit_doubts,
    repeat_doubts,
)
from leadcast.features.profile.value_doubts import column_doubts, leads_of_tests, placeholder_doubts

_FINDERS: tuple[Callable[[SourceReading], Iterator[Doubt]], ...] = (
    bulk_doubts,
    odd_times,
    wins_on_first_day,
    lone_ends,
    outcome_doubts,
    clock_doubts,
    placeholder_doubts,
    column_doubts,
    leads_of_tests,
    repeat_doubts,
    limit_doubts,
    id_doubts,
    age_doubts,
    kind_doubts,
)


def find_doubts(reading: SourceReading) -> list[Doubt]:
    """Find what is to be doubted about a source.

    Parameters
    ----------
    reading : SourceReading
        What was read.

    Returns
    -------
    list of Doubt
        The worst first, and what the definition vouches for last.
    """
    found = [doubt for finder in _FINDERS for doubt in finder(reading)]
    return settled_doubts(reading.definition, found)
