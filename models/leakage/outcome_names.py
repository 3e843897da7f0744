"""Names that exports give to what is known only once a lead has ended.

In English, German, French and Spanish, as CRMs write them, with or without spaces, accents lost.
"""

import re
import unicodedata
from typing import Literal

Kind = Literal["outcome", "total", "state"]
"""What a name sounds like: how the lead ended, a total that runs on, or how the deal stands."""
SOUNDS: dict[Kind, str] = {
    "outcome": "the outcome, or what follows a sale",
    "total": "a total that runs on until the export",
    "state": "how the deal stood on the day of the export",
}
"""Each kind, for a person."""

_OUTCOME = (
    # English
    r"(is|was|has|date|days to)? ?(won|lost|closed?|closing|converted|churned|sold|purchased|bought"
    r"|enrolled|invoiced|billed)( ?(at|on|by|date|time|flag|reason|amount|value|revenue))?",
    r"paid(?! (search|social|ads?|media|traffic|campaigns?|channels?|clicks?|source|list))",
    r"signed(?! up)|outcome|conversion (date|time|value)|(lost|loss|win|close) reason",
    r"^payments?$|payments? (id|number|no|date|amount|status|received|total)|invoices?",
    r"billing (id|number|date|amount|status|total)|(customer|client) since|is customer",
    r"(became|becomes) an? (customer|client|buyer|opportunity)|became customer",
    r"(customer|client|order|contract|policy) (id|number|no|nr|num|key)",
    r"(contract|subscription|purchase|order|sale|signature) (start|date|value|amount)",
    r"lifecyclestage customer date",
    # German
    r"gewonnen|verloren|abgeschlossen|abschluss ?(datum|grund|wert|am)?|(verlust|absage) ?grund",
    r"bezahlt|zahlung(en|s ?\w+)?|rechnung(en|s ?\w+)?|kunde seit|kunden ?(nummer|nr|id)",
    r"(auftrags?|bestell|vertrags?) ?(nummer|nr|id|wert|datum|beginn|start|abschluss|eingang)",
    r"bestellung(en)?|verkauft|gekauft|unterschrieben|unterzeichnet",
    # French
    r"gagn(ee?s?)?|perdue?s?|conclue?s?|signee?s?|signature|payee?s?|montant pay|paiements?",
    r"factur(ee?s?)?|factures?|facturation|client depuis|commandes?|(motif|raison) (de |du )?perte",
    r"(numero|num ro|no|n) (de )?(client|contrat)|vendue?s?|achetee?s?|clotur(ee?s?)?|cl tur",
    r"(date|debut|d but) (de |du )?(contrat|cloture|cl ture|signature|conversion|vente|paiement)",
    # Spanish
    r"ganad[oa]s?|perdid[oa]s?|cerrad[oa]s?|pagad[oa]s?|pagos?|facturad[oa]s?|facturas?|pedidos?",
    r"vendid[oa]s?|comprad[oa]s?|firmad[oa]s?|convertid[oa]s?|cliente desde",
    r"fecha (de |del )?(cierre|pago|venta|compra|conversion|conversi n|contrato|firma)",
    r"inicio (de |del )?contrato|(numero|n mero) de (cliente|contrato)|motivo (de )?p rdida",
)
_TOTAL = (
    r".+ total|total (?!employees|staff|headcount|people|funding|assets).+|life ?time .+",
    r"(.+ )?(ltv|clv|mrr|arr|gmv)|(times|days) contacted|gesamt ?\w+|.+ gesamt",
    r"(number|num|no|nr|n|count) (of )?(\w+ ){0,2}(orders|purchases|activities|events|calls|emails"
    r"|meetings|contacts?|touche?s?|deals|invoices|payments|notes|visits|sessions|page ?views"
    r"|(form )?submissions|forms submitted|times contacted)",
    r"(orders?|purchases?|activity|activities|events?|calls?|deals?|invoices?|payments?|touch)"
    r" count",
    r"anzahl (der )?(\w+ )?(bestellungen|auftr\w+|auftr ge|k ?\w+fe|aktivit\w+|aktivit ten|kontakte"
    r"|anrufe|termine|rechnungen)",
    r"nombre (de |d )?(commandes|achats|activites|activit s|contacts|appels|factures)",
    r"(numero|n mero) de (pedidos|compras|actividades|contactos|llamadas|facturas)",
    r"(importe|ventas|ingresos) total(es)?",
)
_STATE = (
    r"(deal|opportunity|opp|expected|weighted|pipeline|forecast) ?(value|size|amount|revenue)",
    r"umsatz|chiffre d affaires|facturacion|facturaci n|forecast( category)?|prognose",
    r"(win |close |deal )?probability( percent| pct)?|(abschluss)?wahrscheinlichkeit",
    r"probabilite|probabilit|probabilidad|(lead|deal|opportunity) status|etape|etapa",
    r"(sales |deal |pipeline |opportunity |lead )?stage|lifecycle ?stage|(verkaufs ?)?phase",
    r"next step|(nachster|naechster|n chster) schritt|prochaine etape|siguiente paso|proximo paso",
)
_EARLIER = re.compile(r"\b(previous|prior|past|before|earlier|former|vorherige\w*|fruher\w*)\b")
_NEARLY_EARLIER = re.compile(r"\b(last|first|recent)\b")


def _compiled(patterns: tuple[str, ...], whole: bool) -> re.Pattern[str]:
    joined = "|".join(patterns)
    return re.compile(rf"^({joined})$" if whole else rf"\b({joined})\b")


_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("total", _compiled(_TOTAL, whole=True)),
    ("outcome", _compiled(_OUTCOME, whole=False)),
    ("state", _compiled(_STATE, whole=True)),
)
_HISTORY = re.compile(r"\b(outcome|won|lost|closed|converted|conversion|sold|bought|purchased)\b")


def words_of(name: str) -> str:
    """Split a column's name into words, in lower case and without accents."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    folded = unicodedata.normalize("NFKD", spaced).casefold().encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", folded).strip()


def sounds_like(name: str) -> Kind | None:
    """Tell whether a column's name sounds like something that is known only afterwards.

    Parameters
    ----------
    name : str
        As the definition or the export has it.

    Returns
    -------
    str or None
        None for names of what came earlier, too ("previous orders").

    Examples
    --------
    >>> sounds_like("Total Paid"), sounds_like("Kundennummer"), sounds_like("last campaign outcome")
    ('total', 'outcome', None)
    """
    words = words_of(name)
    if _EARLIER.search(words) or (_NEARLY_EARLIER.search(words) and _HISTORY.search(words)):
        return None
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), None)
