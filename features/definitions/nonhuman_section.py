"""The section ``nonhuman``: which events may come from machines, and who is no lead at all."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from leadcast.features.values.formats import (
    TableSection,
    as_list,
    known_network,
    known_pattern,
)

_Name = Annotated[str, Field(min_length=1)]
Kinds = Annotated[tuple[_Name, ...], BeforeValidator(as_list)]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(known_network)], ...], BeforeValidator(as_list)
]
Patterns = Annotated[
    tuple[Annotated[_Name, AfterValidator(known_pattern)], ...], BeforeValidator(as_list)
]


class NonhumanSection(TableSection):
    """How events that are not people's are told, and what becomes of them.

    Parameters
    ----------
    deliveries, opens, clicks, visits : tuple of str
        Kinds of events: an e-mail reached the lead's mail server; it was opened; a link of it was
        followed; a page was viewed.
    events : {"drop", "keep"}
        Whether features, rules and points are computed without them.
    threshold : float
        From which probability on an event counts as not a person's.
    test_leads : tuple of str
        E-mail addresses of test leads, with one ``*`` at most (``qa+*``).
    own_networks : tuple of str
        The company's own address ranges, from which colleagues look at mails and pages.
    scanner_networks, scanner_agents : tuple of str
        Address ranges, and parts of user agents, of scanners and monitors beyond the known ones.
    """

    deliveries: Kinds = ()
    opens: Kinds = ()
    clicks: Kinds = ()
    visits: Kinds = ()
    events: Literal["drop", "keep"] = "drop"
    threshold: Annotated[float, Field(gt=0.5, lt=1)] = 0.9
    test_leads: Patterns = ()
    own_networks: Networks = ()
    scanner_networks: Networks = ()
    scanner_agents: Kinds = ()
