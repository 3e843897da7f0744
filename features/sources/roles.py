"""Attribute names with a meaning, and the types that fit them."""

from features.sources.schema import AttributeType

_WORDS: tuple[AttributeType, ...] = ("category", "text")
_SIZES: tuple[AttributeType, ...] = ("number", "text", "category")

ROLE_TYPES: dict[str, tuple[AttributeType, ...]] = {
    "job_title": ("text", "category"),
    "company_size": _SIZES,
    "revenue": _SIZES,
    "industry": _WORDS,
    "country": _WORDS,
    "email": ("text", "category"),
    "phone": ("text", "category"),
    "source": _WORDS,
    "vendor": _WORDS,
    "campaign": _WORDS,
    "account_id": _WORDS,
    "cost": ("number",),
    "worked": ("flag",),
    "random_slice": ("flag",),
}
"""The types that a role may have. The first is taken where none is declared, but for sizes, which
are numbers in one export and bands ("11-50") in the next: their values decide."""


def default_type(name: str) -> AttributeType | None:
    """Tell the type of an attribute whose name has a meaning.

    Parameters
    ----------
    name : str
        The attribute's name.

    Returns
    -------
    str or None
        None where the values decide.
    """
    types = ROLE_TYPES.get(name)
    return None if types is None or types is _SIZES else types[0]
