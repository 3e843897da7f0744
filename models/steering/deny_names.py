"""Names that exports give to what a lead's seller is paid, and to protected attributes.

In English, German, French, Spanish, Italian, Dutch and Portuguese, as CRMs and lead vendors write
them; with or without spaces, accents kept or lost.
"""

import re
from collections.abc import Mapping

from leadcast.features.definitions.definition import DeniedMeaning
from leadcast.models.leakage.outcome_names import words_of

MEANINGS: Mapping[DeniedMeaning, str] = {
    "payout": "what is paid out for the lead",
    "commission": "a commission",
    "bid": "what was bid for the lead",
    "lead_price": "the price paid for the lead",
    "protected": "a protected attribute",
}
"""Each meaning, for a person."""
PAY: frozenset[DeniedMeaning] = frozenset({"payout", "commission", "bid", "lead_price"})
"""What steers by pay; nothing lifts it."""

_LEAD = r"(leads?|contacts?|prospects?|referrals?|affiliates?|partners?|vendors?|publishers?)"
_SUM = r"(amount|value|rate|percent(age)?|pct|share|eur|usd|gbp|chf|total|tier|model|type|sum)"
_PAYOUT = (
    rf"pay ?outs?( {_SUM})?",
    rf"{_LEAD} (payouts?|payments?|pay|fees?|compensation|remuneration|earnings?|bounty)",
    r"(rev|revenue|profit) share|bounty|kickbacks?|finders? fee|epc|epl|earnings? per click",
    # German, French, Spanish, Italian, Dutch, Portuguese
    r"auszahlung(en|s ?\w+)?|verg(u|ue)tung(en|s ?\w+)?|verg tung",
    r"(vermittlungs|lead)(geb hr|gebuhr)|pago (al|a) proveedor",
    r"remuneration|r mun ration|versement|retribution|retribucion|retribuci n",
    r"compenso|uitbetaling|vergoeding|pagamento ao fornecedor|remuneracao|remunera o",
)
_COMMISSION = (
    rf"commissions?( {_SUM})?|({_LEAD}|sales|agent|broker|our) commissions?",
    r"provision(en|s ?\w+)?|courtage|comision(es)?|comisi n|provvigion[ei]|provisies?|commissie",
    r"comissao|comiss o|comissoes|spiffs?",
)
_BID = (
    rf"bids?( (price|amount|value|eur|usd|cpc|cpl))?|(max|min|our|winning|lead|auction|floor) bids?"
    rf"|bids? per {_LEAD}",
    r"gebot(e|s ?\w+)?|enchere|ench re|puja|offerta asta|bod|lance de leilao|reserve price",
)
_PRICE = (
    rf"(price|cost|fee|spend|paid|pay|amount|charge) (paid )?(per|of|for|by) (the |this )?{_LEAD}",
    rf"{_LEAD} (price|cost|spend|charge|purchase price)( (eur|usd|gbp|net|gross))?",
    r"cpl|cpa|cpql|cpsql|ecpl|ecpa|price paid|purchase price",
    r"(acquisition|buying|vendor) (price|cost)",
    r"price vendor|cost per (acquisition|action|qualified lead)|amount paid to (vendor|seller)",
    r"lead ?(preis|kosten|einkaufspreis|kaufpreis)|(einkaufs|ankauf|bezugs)preis|preis pro lead",
    r"kosten pro lead|(prix|cout|co t) (du |par |d achat du )?(lead|prospect)|prix d achat",
    r"(precio|coste|costo) (del |por )?(lead|prospecto)|precio de compra",
    r"(prezzo|costo) (del |per )?(lead|contatto)|prezzo d acquisto|(prijs|kosten) per lead",
    r"leadprijs|inkoopprijs|(preco|pre o|custo) (do |por )?lead",
)
_PERSON = r"(person|personal|customer|client|contact|lead|applicant|user|owner|member|your|spouse)"
_PROTECTED = (
    # Sex and gender, sexual orientation
    rf"({_PERSON} )?(sex|gender)( identity| code)?|male|female|is (fe)?male|pronouns?|maiden name",
    r"geschlecht|anrede|sexe|civilite|civilit|sexo|genero|g nero|sesso|geslacht|aanhef|salutation",
    r"sexual orientation|sexuelle orientierung|orientation sexuelle|orientacion sexual|lgbtq?i?a?",
    # Age
    r"age|(customer|client|contact|applicant|person|your|buyer|owner) age|age (at|in) \w+"
    r"|age (band|group|range|bracket|class|years?)|years old|(date|year|day) of birth|dob|yob",
    r"birth ?(day|date|year)|alter(s ?(gruppe|klasse))?|geburts ?(datum|tag|jahr)|jahrgang",
    r"edad|eta|idade|leeftijd|tranche d age|date (de )?naissance|fecha (de )?nacimiento",
    r"data (di |de )?nasci(ta|mento)|geboortedatum",
    # Origin
    r"race|races|ethnic(ity| group| origin)?|skin colou?r|national(ity| origin)|citizenship",
    r"(country|place|land) of birth|mother tongue|native language|immigration status|caste",
    r"nationalitat|nationalitaet|nationalit t|staats ?angeh ?(o|oe)?r(ig)?keit|ethnie",
    r"ethnische herkunft",
    r"migrations ?hintergrund|muttersprache|nationalite|nationalit|nacionalidad|raza|etnia",
    r"nazionalita|nationaliteit|nacionalidade|raca",
    # Belief
    r"relig(ion|ious affiliation)|faith|denomination|konfession|religi n|religione|godsdienst",
    r"political (party|affiliation|views?|opinion)|parteizugeh rigkeit|opinion politique",
    r"(trade )?union member(ship)?|gewerkschaft",
    # Health
    r"disab(led|ility|ilities)( status)?|handicap|health( status| condition)?|medical condition",
    r"pregnan(t|cy)( status)?|behinderung|schwerbehindert|gesundheit|schwanger(schaft)?",
    r"invalidite|discapacidad|salud|embarazo|disabilita|veteran( status)?|genetic \w+",
    # Family
    r"marital( status)?|married|is married|family status|civil (state|status)|familien ?stand",
    r"etat civil|tat civil|situation (de famille|familiale|matrimoniale)|estado civil",
    r"stato civile|burgerlijke staat|number of (children|kids|dependents)|children|dependents",
)


def _whole(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"^({'|'.join(patterns)})$")


_NAMES: Mapping[DeniedMeaning, re.Pattern[str]] = {
    "payout": _whole(_PAYOUT),
    "commission": _whole(_COMMISSION),
    "bid": _whole(_BID),
    "lead_price": _whole(_PRICE),
    "protected": _whole(_PROTECTED),
}
_ADDED = re.compile(
    r"^(?:custom|cust|field|fld|crm|hs|sf|ud|udf|x|raw|net|gross|total|avg|average|last|is|num)\b "
    r"|\b (?:c|eur|usd|gbp|chf|euro|euros|dollars?|cents?|amount|value|pct|percent|log|code|raw|id"
    r"|net|gross|total|[0-9]+)$"
)
"""What CRMs and their users put before or after a name without changing what it means."""


def denied_by_name(name: str) -> DeniedMeaning | None:
    """Tell whether a column's name says that no score may read it.

    Parameters
    ----------
    name : str
        As the definition or the export has it.

    Returns
    -------
    {"payout", "commission", "bid", "lead_price", "protected"} or None

    Examples
    --------
    >>> denied_by_name("Payout_EUR"), denied_by_name("costPerLead"), denied_by_name("Geburtsdatum")
    ('payout', 'lead_price', 'protected')
    >>> denied_by_name("account_age"), denied_by_name("bid_count"), denied_by_name("price_range")
    (None, None, None)
    """
    words = words_of(name)
    seen = set[str]()
    while words and words not in seen:
        seen.add(words)
        found = _meaning(words)
        if found is not None:
            return found
        words = _ADDED.sub("", words, count=1).strip()
    return None


_TOGETHER: Mapping[str, DeniedMeaning] = {
    "pricepaid": "lead_price",
    "costperlead": "lead_price",
    "leadcost": "lead_price",
    "leadprice": "lead_price",
    "revshare": "payout",
    "leadpayout": "payout",
    "affiliatepayout": "payout",
    "dateofbirth": "protected",
    "agegroup": "protected",
    "maritalstatus": "protected",
}


def _meaning(words: str) -> DeniedMeaning | None:
    found = next((meaning for meaning, names in _NAMES.items() if names.search(words)), None)
    return found or _TOGETHER.get(words.replace(" ", ""))
