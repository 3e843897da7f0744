"""What a free-text job title says: how senior a person is, and in what function."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

LONGEST = 200
"""Characters of a title that are read; what comes after them is not a title any more."""

# The first line that matches wins, so that "assistant to the CEO" is no chief and "vice
# president" no president. English, German, Dutch, French, Spanish, Italian and Portuguese.
_SENIORITY: Mapping[str, str] = {
    "not working": r"retired|unemployed|jobless|none|n a|between jobs|homemaker|pensioner"
    r"|rentner|housewife|not working|looking for",
    "student": r"students?|intern|interns|internship|trainee|apprentice|praktikant\w*|stagiaire"
    r"|werkstudent\w*|stagista|becario|estudiante|etudiant\w*|phd candidate|azubi|pupil",
    "assistant": r"(executive |personal |team )?assistant (to|of)"
    r"|(executive|personal|team) assistant|pa to|secretary|sekretar\w*|assistentin|secretaire"
    r"|receptionist",
    "vice president": r"vp|vicepresident\w*|vice presidente",
    "owner": r"owner|co owner|founder|co ?founder|inhaber\w*|eigenaar|proprietor|proprietaire"
    r"|fondateur|fondatrice|fundador\w*|fondatore|self employed|selbstandig\w*|freelance\w*"
    r"|zzp\w*|entrepreneur|partner|principal|grunder\w*|dueno|titolare|socio|socia",
    "chief": r"c[a-z]o|c[a-z]{2}o|cxo|chief [a-z ]*officer|chief|president|presidente"
    r"|managing director|geschaftsfuhr\w*|general manager|directeur general|director general"
    r"|amministratore delegato|vorstand\w*|bestuurder|board member|executive director|gf|pdg"
    r"|ceo\w*",
    "director": r"director\w*|directeur|directrice|direktor\w*|direttore|diretor\w*|head"
    r"|bereichsleit\w*|dir|hoofd|leiter\w*|abteilungsleit\w*|dean",
    "manager": r"manager\w*|mgr|mngr|team ?lead\w*|team ?leit\w*|lead|leader|supervisor"
    r"|teamleider|gerente|responsable|responsabile|chef|foreman|superintendent|coordinator"
    r"|koordinator\w*|project lead",
    "senior": r"senior|sr|expert|architect|specialist\w*|staff|fellow|professor|prof",
    "junior": r"junior|jr|assistant|associate|clerk|entry level|helper",
}
_FUNCTION: Mapping[str, str] = {
    "general management": r"ceo|coo|president|presidente|owner|co owner|founder|co ?founder"
    r"|inhaber\w*|geschaftsfuhr\w*|managing director|general manager|proprietor|eigenaar"
    r"|chief executive[a-z ]*|vorstand\w*|pdg|gf|entrepreneur|directeur general|director general"
    r"|fondateur|fundador\w*|amministratore delegato|executive director|board member",
    "people": r"hr|human resources?|people|talent|recruit\w*|personal\w*|chro"
    r"|ressources humaines|rrhh|recursos humanos|learning|training",
    "finance": r"cfo|financ\w*|account(ing|ant|ants)|controller|controlling|treasur\w*"
    r"|buchhalt\w*|comptable|contable|audit\w*|tax|payroll|billing|bookkeep\w*|fp a|finanz\w*"
    r"|boekhoud\w*",
    "purchasing": r"procure\w*|purchas\w*|buyer|einkauf\w*|inko(op|per)\w*|sourcing|achats"
    r"|acheteur|compras|acquisti|cpo",
    "legal": r"legal|lawyer|attorney|counsel|compliance|solicitor|paralegal|jurist\w*|rechts\w*"
    r"|avocat|abogad\w*|clo|notar\w*",
    "marketing": r"cmo|marketing\w*|brand\w*|content|seo|sem|demand gen\w*|growth"
    r"|communications?|kommunikation\w*|pr|public relations|social media|advertising|campaign\w*"
    r"|copywriter",
    "sales": r"cro|sales\w*|vertrieb\w*|verkauf\w*|verkoop\w*|business development|bdr|sdr|bdm"
    r"|ventes|account (executive|manager|director)|commercial\w*|comercial\w*|revenue|vendas"
    r"|ventas|vendite|key account\w*|partnerships?",
    "data": r"data|analytics|analyst|bi|business intelligence|scientist|statistic\w*|cdo"
    r"|machine learning|ml|ai|insights?|researcher|actuar\w*",
    "engineering": r"cto|engineer\w*|developer\w*|software|programmer|entwickl\w*|ingenieur\w*"
    r"|ingenier\w*|technical|technology|devops|sre|architect|qa|tech|r d|research|technik\w*"
    r"|ontwikkelaar|web",
    "it": r"cio|it|information technology|information systems|sysadmin|system\w*|network\w*"
    r"|admin|administrator\w*|infrastructure|ciso|security|edv|informati\w*|helpdesk|ict",
    "product": r"product|ux|ui|design\w*|produkt\w*|creative",
    "service": r"customer (success|service|support|care|experience)|support|client services?"
    r"|service|cco|kundenservice|kundendienst|call cent(er|re)",
    "operations": r"operations?|ops|logisti\w*|supply chain|production|produktion\w*"
    r"|manufactur\w*|plant|warehouse|facilit\w*|quality|fleet|betrieb\w*|maintenance|office"
    r"|transport\w*|project\w*",
    "health": r"doctor|physician|nurse|medical|clinic\w*|pharmac\w*|dent(al|ist)|arzt\w*"
    r"|health\w*",
    "education": r"teacher|professor|prof|lecturer|school|education|dean|lehrer\w*|faculty"
    r"|students?|academic|tutor",
    "consulting": r"consult\w*|berater\w*|advis\w*|coach|freelance\w*|conseil\w*",
}


def _patterns(words: Mapping[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((level, re.compile(rf"\b(?:{text})\b")) for level, text in words.items())


_SENIORITY_PATTERNS = _patterns(_SENIORITY)
_FUNCTION_PATTERNS = _patterns(_FUNCTION)


def seniority(title: str) -> str:
    """Read from a job title how senior the person is.

    Parameters
    ----------
    title : str
        A job title as people type them (``"Sr. Mktg Manager"``).

    Returns
    -------
    str
        ``"chief"``, ``"owner"``, ``"vice president"``, ``"director"``, ``"manager"``,
        ``"senior"``, ``"junior"``, ``"assistant"``, ``"student"``, ``"not working"``; ``"staff"``
        for a known function without a rank; ``"unclear"`` where neither is known.
    """
    level = _first(_SENIORITY_PATTERNS, _plain(title))
    if level is not None:
        return level
    return "unclear" if job_function(title) == "unclear" else "staff"


def job_function(title: str) -> str:
    """Read from a job title what the person works on.

    Parameters
    ----------
    title : str
        A job title as people type them.

    Returns
    -------
    str
        ``"marketing"``, ``"sales"``, ``"finance"`` …; ``"unclear"`` where no word is known.
    """
    return _function_of(_plain(title))


@lru_cache(maxsize=8192)
def _function_of(plain: str) -> str:
    return _first(_FUNCTION_PATTERNS, plain) or "unclear"


def _first(patterns: tuple[tuple[str, re.Pattern[str]], ...], plain: str) -> str | None:
    return next((level for level, pattern in patterns if pattern.search(plain)), None)


@lru_cache(maxsize=8192)
def _plain(title: str) -> str:
    # "c.e.o." and "r&d" are words too: dots within abbreviations go, other marks become spaces.
    short = unicodedata.normalize("NFKD", title[:LONGEST]).casefold()
    short = short.encode("ascii", "ignore").decode()
    short = _DOTTED.sub(lambda found: found[1].replace(".", "") + " ", short)
    short = _MARKS.sub(" ", short)
    # Most titles hold no abbreviation, and looking for all at once is soon done.
    if _ANY_ABBREVIATION.search(short):
        for written, meant in _ABBREVIATIONS:
            short = written.sub(meant, short)
    return short.strip()


_DOTTED = re.compile(r"\b((?:[a-z]\.){2,}[a-z]?)")
_MARKS = re.compile(r"[^a-z0-9]+")
_ABBREVIATIONS = tuple(
    (re.compile(rf"\b{written}\b"), meant)
    for written, meant in {
        "vice pres(ident)?": "vp",
        "mktg": "marketing",
        "mktng": "marketing",
        "mkt": "marketing",
        "eng": "engineer",
        "dev": "developer",
        "snr": "senior",
        "asst": "assistant",
        "acct": "accounting",
        "exec": "executive",
        "v p": "vp",
        "pres": "president",
        "ops": "operations",
        "biz": "business",
        "bus dev": "business development",
        "biz dev": "business development",
        "bizdev": "business development",
        "mgmt": "management",
        "svp": "vp",
        "evp": "vp",
        "avp": "vp",
    }.items()
)
_ANY_ABBREVIATION = re.compile("|".join(written.pattern for written, _ in _ABBREVIATIONS))
