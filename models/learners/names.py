"""What the learners are called wherever a person reads of them."""

LEARNERS = {
    "prior": "base rate by segment",
    "logistic": "logistic regression",
    "lightgbm": "boosted trees (LightGBM)",
    "blend": "blend of regression and trees",
}
"""Each kind of learner, for a person."""


def learner_words(kind: str) -> str:
    """Name a learner for a person.

    Parameters
    ----------
    kind : str
        A key of `LEARNERS`, or words, which stand as they are.

    Returns
    -------
    str
    """
    return LEARNERS.get(kind, kind)
