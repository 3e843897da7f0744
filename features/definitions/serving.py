"""For which leads a model is, where several share them: no lead is scored by two models."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from leadcast.features.base.errors import Fault, LeadcastError
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import load_definition, source_names
from leadcast.features.values.categories import key

Serves = Mapping[str, Sequence[str]]
"""Attributes, each with the values of the leads that a model is for: all must fit. Empty: all
leads."""


def shared_leads(one: Serves, other: Serves) -> str | None:
    """Tell which leads two models would both score.

    Parameters
    ----------
    one, other : mapping of str to sequence of str

    Returns
    -------
    str or None
        In words (``"country DE"``); None where no lead can be both's.
    """
    both = []
    for name in sorted(set(one) & set(other)):
        theirs = {key(value) for value in other[name]}
        common = [value for value in one[name] if key(value) in theirs]
        if not common:
            return None
        both.append(f"{name} {', '.join(common)}")
    for name in sorted(set(one) ^ set(other)):
        both.append(f"{name} {', '.join((*one.get(name, ()), *other.get(name, ())))}")
    return "; ".join(both) or "all leads"


def overlapping(models: Mapping[str, Serves]) -> Iterator[Fault]:
    """Find the models that would score the same leads.

    Parameters
    ----------
    models : mapping of str to mapping
        For which leads each is, by what it is called.

    Yields
    ------
    Fault
    """
    names = list(models)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            shared = shared_leads(models[one], models[other])
            if shared is not None:
                yield Fault(
                    where=f"{one} and {other}",
                    found=f"two models that would score the same leads: {shared}",
                    expected="each lead scored by one model",
                    remedy="Say by `serves` in the source definitions which leads each is for, and "
                    "run them again.",
                )


def refuse_rivals(definition: SourceDefinition) -> None:
    """Refuse a source whose model would score leads that another source's model is for.

    Only sources that say for which leads they are, and read their leads from the same table, are
    looked at.

    Parameters
    ----------
    definition : SourceDefinition

    Raises
    ------
    LeadcastError
        Names the other definition and the leads.
    """
    if not definition.serves:
        return
    folder = definition.file.parent
    for name in source_names(folder):
        other = None if name == definition.name else _readable(folder / f"{name}.yaml")
        if other is None or not other.serves or not _same_leads(definition, other):
            continue
        shared = shared_leads(definition.serves, other.serves)
        if shared is not None:
            raise LeadcastError(
                f"{definition.file}: serves: the model of source {name!r} ({other.file}) is for "
                f"some of the same leads ({shared}), and each lead is scored by one model; say "
                "otherwise in one of the two"
            )


def _readable(path: Path) -> SourceDefinition | None:
    # Another's faults are told when it is run.
    try:
        return load_definition(path)
    except (LeadcastError, OSError):
        return None


def _same_leads(one: SourceDefinition, other: SourceDefinition) -> bool:
    return one.root == other.root and one.tables.leads.read == other.tables.leads.read
