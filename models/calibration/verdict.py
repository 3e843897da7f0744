"""What the scores may be used for: as probabilities, for ranking only, or for neither.

A probability that is confidently wrong is worse than none, so what the test and the rolling
origins say of the probabilities is put into one word, which everything that shows scores carries:

``nothing``
    The test shows no better ranking than chance (the AUC's interval reaches down to 0.5) and no
    lower log loss than one rate for all leads, that known when the test began (the interval of the
    difference reaches up to 0).
``ranking``
    Not that, and one of these: the rolling origins (and the test) missed the level by more than
    their errors, and the 90 % interval of the level to come spans more than `MOST_FACTOR` in odds;
    the test's calibration error is beyond chance and by more than a miss of all odds by
    `OFF_FACTOR`; the log loss is above that of the one rate, beyond the difference's interval.
``probability``
    Neither of these.

Both factors say the same: a number that may as well be twice or half of what is told cannot be
multiplied by a deal's amount, or held against the cost of a call.
"""

from typing import Literal

from leadcast.features.base.plain import Plain, Text, Truth

Use = Literal["probability", "ranking", "nothing"]

OFF_FACTOR = 2.0
"""Odds that are wrong by more than this factor, either way, are no probabilities to reckon with."""
MOST_FACTOR = OFF_FACTOR**2
"""From half to twice."""

ADVICE: dict[str, str] = {
    "probability": "Use it as a probability",
    "ranking": "Use it for ranking, not as a probability",
    "nothing": "Use it neither as a probability nor for ranking",
}
"""Each verdict as a person is told it."""


class ModelVerdict(Plain):
    """What a model's scores may be used for; a bundle carries it.

    Parameters
    ----------
    use : {"probability", "ranking", "nothing"}
        As `leadcast.models.calibration.verdict` defines them.
    words : str
        One or two sentences with the figures, for a person.
    beware : bool
        Whether there is something to beware of: a use other than ``"probability"``, a log loss
        above that of one rate for all, or a calibration error beyond chance.
    """

    use: Use
    words: Text
    beware: Truth

    @property
    def advice(self) -> str:
        """The verdict without its reasons."""
        return f"{ADVICE[self.use]}."
