"""Names of people, companies and places, so that their spellings meet: folded and transliterated.

Latin letters lose their accents; Cyrillic and Greek ones are written in Latin. A sound, coarser
than the name, is what spellings and transliterations of one name share.
"""

import re
import unicodedata
from functools import cache

_LETTERS = dict(
    zip(
        "абвгдезиклмнопрстуфыэ" + "αβγδεζηικλμνξοπρσςτυφω",
        "abvgdeziklmnoprstufye" + "avgdeziiklmnxoprsstyfo",
        strict=True,
    )
)
_LETTERS |= {
    **{"ё": "e", "є": "e", "ж": "zh", "й": "i", "і": "i", "ї": "i", "х": "kh", "ц": "ts"},
    **{"ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "", "ю": "yu", "я": "ya", "ґ": "g"},
    **{"θ": "th", "χ": "ch", "ψ": "ps", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ð": "d"},
    **{"þ": "th", "ł": "l", "đ": "d", "ı": "i", "ŋ": "n"},
}
_TABLE = str.maketrans(_LETTERS)
_TITLE_WORDS = """
dipl dott dr frau herr ing m madame mag mba miss mme mr mrs ms phd prof sir sr sra
"""
_LEGAL_WORDS = """
ab ag and aps as bv co company corp corporation eg ek gmbh group holding inc incorporated
international kg limited llc llp ltd mbh nv ohg oy plc pty sa sarl sas se spa srl the ug und
"""
_TITLES = frozenset(_TITLE_WORDS.split())
_LEGAL = frozenset(_LEGAL_WORDS.split())
_STREETS = {"strasse": "str", "street": "st", "road": "rd", "avenue": "ave", "platz": "pl"}
_NICKNAMES = """
alexander alex sasha sascha sandro xander
alexandra alex sasha sandra
andrew andy drew
anthony tony
antonio toni tony
benjamin ben
catherine kate katie cathy kathy katherine katharina kati
charles charlie chuck
christian chris
christopher chris kit
daniel dan danny
david dave
edward ed eddie ted
elizabeth liz beth lisa eliza betty elisabeth
francesco franco
francis frank
frederick fred freddie friedrich fritz
gregory greg
henry harry hank
james jim jimmy jamie
jennifer jen jenny
jessica jess
johannes hans johann
john johnny jack
jonathan jon
joseph joe josef sepp
kenneth ken
lawrence larry
margaret maggie meg peggy
matthew matt
michael mike mick mikhail misha
nicholas nick nico nikolaus klaus
patricia pat trish
patrick pat
peter pete
philip phil
rebecca becky
richard rick dick rich
robert bob rob bobby
ronald ron
samuel sam
stephen steve steven stefan
susan sue susie
theodore ted theo
thomas tom
timothy tim
victoria vicky
vladimir vova
william bill will billy willy
"""


@cache
def _nicknames() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _NICKNAMES.split("\n"):
        for name in (names := line.split()):
            found.setdefault(name, set()).update(names)
    return {name: frozenset(others) for name, others in found.items()}


def are_forms_of_one(one: str, other: str) -> bool:
    """Tell whether two folded first names may be one: a short form, or an initial.

    Examples
    --------
    >>> are_forms_of_one("robert", "bob"), are_forms_of_one("j", "jane")
    (True, True)
    >>> are_forms_of_one("lena", "lea")
    False
    """
    if not one or not other:
        return False
    if min(len(one), len(other)) == 1:
        return one[0] == other[0]
    return other in _nicknames().get(one, ())


def folded(text: str) -> str:
    """Write a text in plain Latin letters, digits and single blanks.

    German umlauts and their spelling with an e come out alike.

    Examples
    --------
    >>> folded("Müller-Lüdenscheidt"), folded("MUELLER"), folded("Юлия")
    ('muller ludenscheidt', 'muller', 'yuliya')
    """
    plain = text.casefold()
    if not plain.isascii():
        # Once before accents are taken off, as some make other letters, and once after.
        plain = unicodedata.normalize("NFC", plain).translate(_TABLE)
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(one for one in plain if not unicodedata.combining(one))
        plain = plain.translate(_TABLE).encode("ascii", "ignore").decode()
    plain = re.sub(r"['’`.]", "", plain)
    words = re.sub(r"[^a-z0-9]+", " ", plain).split()
    return " ".join(re.sub(r"(?<=[bcdfghjklmnprstvwz])([aou])e", r"\1", word) for word in words)


def sound(name: str) -> str:
    """Reduce a folded name to what its spellings and transliterations share.

    Examples
    --------
    >>> sound("yuliya") == sound("julia"), sound("aleksandr") == sound("alexandr")
    (True, True)
    >>> sound("schmidt") == sound("schmitt"), sound("meyer") == sound("maier")
    (True, True)
    """
    said = name
    for written, heard in _HEARD:
        said = re.sub(written, heard, said)
    return re.sub(r"(.)\1+", r"\1", said)


_HEARD = (
    (r"shch|sch|tsch|sh|ch|cz|kh", "s"),
    (r"ph|pf", "f"),
    (r"x", "ks"),
    (r"ck|c|q", "k"),
    (r"th|dt|d", "t"),
    (r"w", "v"),
    (r"zh|z|ts", "s"),
    (r"[jy]", "i"),
    (r"ei|ai|ae|e(?=i)", "ei"),
    (r"ii+|ia|iu|ie(?=.)", "i"),
    (r"h(?![aeiou])", ""),
    (r"(?<=.)[aeo]$", ""),
)


def given_and_family(name: str) -> tuple[str, str]:
    """Split a full name into the folded first and last name; either may be empty.

    Examples
    --------
    >>> given_and_family("Dr. Jane A. Doe"), given_and_family("Doe, Jane")
    (('jane', 'doe'), ('jane', 'doe'))
    """
    last, comma, first = name.partition(",")
    if comma and folded(first):
        return _without_titles(folded(first))[0], " ".join(_without_titles(folded(last)))
    # A double name stays one.
    written = [folded(word) for word in name.split()]
    words = [word for word in written if word and word not in _TITLES] or [""]
    if len(words) < 2:
        return "", words[0]
    return words[0], words[-1]


def company_name(name: str) -> str:
    """Fold a company's name and leave out its legal form.

    Examples
    --------
    >>> company_name("Müller & Söhne GmbH & Co. KG")
    'muller sohne'
    """
    words = folded(name).split()
    return " ".join([word for word in words if word not in _LEGAL] or words)


def street_name(address: str) -> str:
    """Fold an address; words for streets have one spelling.

    Examples
    --------
    >>> street_name("Hauptstraße 5") == street_name("Hauptstr. 5")
    True
    """
    plain = folded(address)
    for word, short in _STREETS.items():
        plain = re.sub(rf"{word}\b", short, plain)
    return plain


def _without_titles(name: str) -> list[str]:
    words = [word for word in name.split() if word not in _TITLES]
    return words or [""]
