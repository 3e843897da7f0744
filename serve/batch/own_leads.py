"""The leads of a batch that a model is for; the others are left out and told."""

from collections import Counter
from dataclasses import replace

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.batch.inputs import BatchInputs
from leadcast.serve.served import Others, Serves, own_leads


def served_only(inputs: BatchInputs, serves: Serves) -> tuple[BatchInputs, Others]:
    """Leave out the leads that a model is not for.

    Parameters
    ----------
    inputs : BatchInputs
    serves : mapping of str to sequence of str
        Attributes, each with the values of the model's leads; empty: all leads.

    Returns
    -------
    tuple of BatchInputs and Counter
        What is left, and how many leads were left out, by their values.

    Raises
    ------
    LeadcastError
        If the leads lack an attribute that decides.
    """
    others: Others = Counter()
    if not serves:
        return inputs, others
    pieces = []
    for leads, events in inputs.pieces:
        missing = [name for name in serves if name not in leads.collect_schema()]
        if missing:
            raise LeadcastError(
                f"leads: the column {missing[0]!r} is missing, and this model is for leads of "
                f"certain values of it alone ({', '.join(serves[missing[0]])}); add it"
            )
        is_own, found = own_leads(leads, serves)
        others.update(found)
        pieces.append((leads.filter(is_own), events))
    # The files hold the leads that were left out, too.
    return replace(inputs, pieces=pieces, files=None), others
