"""What the words mean: one glossary for the report, the page and the documents.

``docs/glossary.md`` is this, as a table; a test holds the two together.
"""

GLOSSARY: dict[str, str] = {
    "lead": "Somebody who may become a customer: a row of the CRM's export.",
    "conversion": "A lead becomes a paying customer within the horizon.",
    "horizon": "How far ahead a probability looks: so many days from the moment of the score.",
    "curve": (
        "The probability to be a customer within t days, for every t; at the horizon it is the "
        "score."
    ),
    "hazard": "How likely a day a lead converts that has not converted yet.",
    "cumulative incidence": (
        "The share that converted by a day, where lost leads convert no more; also of a lead."
    ),
    "censored": "Not followed to the end: what came later is not known.",
    "integrated Brier score": (
        "The mean squared error of probabilities over all days; who was not followed is made up "
        "for by weights."
    ),
    "median time to conversion": (
        "Within so many days half of those convert that ever do within the longest horizon."
    ),
    "snapshot": "A lead as it stood at one moment, with only what was known before it.",
    "as_of": "The moment of a snapshot.",
    "landmark": "An age at which leads are looked at: a day, a week, a month after they arrived.",
    "probability": "How likely it is that a lead converts: of 100 leads with 20 %, about 20 do.",
    "odds": "Converting against not converting: 20 % are odds of 1 to 4. A reason multiplies them.",
    "log-odds": "The logarithm of the odds, on which a model's parts add up.",
    "base rate": "The share of all leads that convert.",
    "level": "How many leads convert on the whole, whatever sets them apart.",
    "early conversions": (
        "Conversions of leads whose horizon is not over; against those expected by their age they "
        "tell whether the level has moved."
    ),
    "fresh": "Of snapshots: the outcome was not all known when the test began.",
    "interval": (
        "Where the true figure lies in 95 of 100 cases; wide where there are few customers."
    ),
    "chance": (
        "What comes of luck alone. A difference is told as one only where its interval leaves "
        "out 0."
    ),
    "holdout": "The latest leads, set aside for the test: the model has never seen them.",
    "calibration": "Whether probabilities come true: of leads with 20 %, a fifth should convert.",
    "calibration error": (
        "How far the probabilities are from what happened, on average over groups of equal "
        "size; chance alone keeps it above 0."
    ),
    "calibration slope": (
        "1 is right; below 1 the probabilities are too extreme, above 1 too cautious."
    ),
    "reliability": "A picture of calibration: what was said against what came.",
    "AUC": (
        "How often a customer has a higher probability than a non-customer: 0.5 is a coin's "
        "toss, 1 perfect."
    ),
    "log loss": (
        "How surprised the probabilities are by what happened; lower is better, and it counts "
        "ranking and honesty together."
    ),
    "Brier score": (
        "The mean squared distance of the probabilities from what happened; lower is better."
    ),
    "average precision": (
        "The share of customers among those called, averaged over how far one calls; the "
        "share of customers in all is what chance reaches."
    ),
    "gain": "The share of all customers that the top of the list reaches.",
    "lift": "How many times as many customers as among as many leads at random.",
    "points": "The score that a company has today: so many points for each rule that a lead meets.",
    "capacity": "How many leads sales can call in a week.",
    "customers reached": "Leads on the call list that became customers.",
    "account": "The company that leads belong to, found by identifier, domain or name.",
    "buying group": "The people of an account who decide together, by their roles.",
    "noisy-or": "What leads would say together if they were independent: 1 - prod(1 - p).",
    "amount if won": "What a lead is worth if it becomes a customer, in the declared currency.",
    "expected revenue": "The probability times the mean amount if won: what one brings on average.",
    "swap set": "The leads that one list calls and the other does not.",
    "tied leads": (
        "Leads with equal points at the end of a call list: a part of them counts as called."
    ),
    "bootstrap": (
        "Drawing the same leads again and again, to see how much a figure depends on which "
        "there were."
    ),
    "detectable": "The smallest true difference that so many leads show in four of five cases.",
    "grade": (
        "A, B, C or D, by bounds of probability that stay as they are until somebody changes them."
    ),
    "reason": (
        "What one value of a lead adds to its log-odds; all reasons, and what all leads have "
        "in common, add up to its score."
    ),
    "contribution": (
        "The part of a score that is due to one feature, as the model itself adds it up."
    ),
    "feature": "What the model knows of a lead at a moment, as one number or category.",
    "segment": "Leads that have something in common, such as an industry.",
    "partial pooling": "One model of all leads, beside which each segment has a level and slopes "
    "of its own as far as its leads carry them, and is shrunken to the whole where they do not.",
    "champion": "The model in use.",
    "challenger": "A newer model that may take the champion's place.",
    "drift": "Leads, or what becomes of them, are no longer as they were.",
    "verdict": "What the scores may be used for: ready to use, use with care, or not yet.",
}
"""Each term with what it means, in the order in which one needs them."""

OF_A_COMPARISON = (
    *("points", "capacity", "customers reached", "interval", "chance", "detectable", "tied leads"),
    *("AUC", "average precision", "bootstrap", "holdout", "snapshot"),
)
OF_A_REPORT = (
    *(
        "conversion",
        "horizon",
        "snapshot",
        "fresh",
        "holdout",
        "early conversions",
        "interval",
        "chance",
        "AUC",
        "log loss",
    ),
    *("calibration error", "calibration slope", "gain", "lift", "odds", "grade", "contribution"),
)


def terms(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Give some terms with what they mean.

    Parameters
    ----------
    names : tuple of str
        Keys of `GLOSSARY`.

    Returns
    -------
    list of (str, str)
    """
    return [(name, GLOSSARY[name]) for name in names]
