"""The words in the demo's CRM: titles in four languages, names, and the many ways to write them.

All companies' domains end in ``.example``, which no one can own (RFC 2606).
"""

from itertools import product

from leadcast.demo.people import FUNCTIONS, SENIORITIES

LANGUAGES = ("en", "de", "fr", "es")
LANGUAGE_BY_COUNTRY = {"DE": "de", "AT": "de", "CH": "de", "FR": "fr", "ES": "es"}

_FUNCTION_WORDS = {
    "en": {
        "operations": ("Operations", "Ops", "Supply Chain"),
        "it": ("IT", "Information Technology", "Systems"),
        "sales": ("Sales", "Business Development"),
        "marketing": ("Marketing", "Demand Generation", "Mktg"),
        "finance": ("Finance", "Accounting", "Controlling"),
        "hr": ("HR", "Human Resources", "People"),
        "engineering": ("Engineering", "R&D", "Software Development"),
        "other": ("Administration", "Legal", "Projects"),
    },
    "de": {
        "operations": ("Betrieb", "Logistik"),
        "it": ("IT", "EDV"),
        "sales": ("Vertrieb",),
        "marketing": ("Marketing",),
        "finance": ("Finanzen", "Buchhaltung"),
        "hr": ("Personal",),
        "engineering": ("Entwicklung", "Technik"),
        "other": ("Verwaltung", "Recht"),
    },
    "fr": {
        "operations": ("Opérations", "Logistique"),
        "it": ("Informatique", "SI"),
        "sales": ("Commercial", "Ventes"),
        "marketing": ("Marketing",),
        "finance": ("Financier", "Comptabilité"),
        "hr": ("RH",),
        "engineering": ("Technique", "R&D"),
        "other": ("Administratif", "Juridique"),
    },
    "es": {
        "operations": ("Operaciones", "Logística"),
        "it": ("Sistemas", "TI"),
        "sales": ("Ventas",),
        "marketing": ("Marketing",),
        "finance": ("Finanzas", "Contabilidad"),
        "hr": ("RRHH",),
        "engineering": ("Ingeniería",),
        "other": ("Administración", "Legal"),
    },
}

_PATTERNS = {
    "student": {
        "en": ("Student", "Working Student {}", "Intern {}", "{} Trainee"),
        "de": ("Studentin", "Werkstudent {}", "Praktikant {}"),
        "fr": ("Étudiant", "Stagiaire {}"),
        "es": ("Estudiante", "Becario {}"),
    },
    "junior": {
        "en": ("{} Assistant", "Jr. {} Analyst", "Junior {} Associate", "{} Coordinator"),
        "de": ("Sachbearbeiter {}", "Assistenz {}", "Junior Referentin {}"),
        "fr": ("Assistant {}", "Chargé {} Junior"),
        "es": ("Asistente de {}", "Auxiliar {}"),
    },
    "specialist": {
        "en": ("{} Specialist", "{} Analyst", "Sr {} Specialist", "{} Consultant", "{} Expert"),
        "de": ("Referent {}", "Fachkraft {}", "Spezialistin {}"),
        "fr": ("Chargé de {}", "Spécialiste {}"),
        "es": ("Especialista en {}", "Analista {}"),
    },
    "manager": {
        "en": ("{} Manager", "Manager, {}", "{} Mgr", "{} Team Lead", "Senior Manager {}"),
        "de": ("Teamleiter {}", "{}-Manager", "Gruppenleiterin {}"),
        "fr": ("Responsable {}", "Chef de service {}"),
        "es": ("Gerente de {}", "Jefe de {}", "Responsable {}"),
    },
    "director": {
        "en": ("Director of {}", "{} Director", "Head of {}", "Dir. {}", "Sr. Director, {}"),
        "de": ("Leiter {}", "Leitung {}", "Abteilungsleiter {}"),
        "fr": ("Directeur {}", "Directrice {}"),
        "es": ("Director de {}", "Directora {}"),
    },
    "vp": {
        "en": ("VP {}", "Vice President {}", "V.P. of {}", "SVP {}"),
        "de": ("Bereichsleiter {}", "VP {}"),
        "fr": ("Vice-président {}", "VP {}"),
        "es": ("Vicepresidente de {}", "VP {}"),
    },
    "c_level": {
        "en": ("Chief {} Officer", "CEO", "Managing Director", "C-Level {}"),
        "de": ("Geschäftsführer", "Vorstand {}", "CEO"),
        "fr": ("Directeur général", "PDG", "CEO"),
        "es": ("Director General", "Consejero Delegado", "CEO"),
    },
    "owner": {
        "en": ("Owner", "Founder", "Co-Founder", "Managing Partner", "Proprietor"),
        "de": ("Inhaber", "Gründerin", "Gesellschafter"),
        "fr": ("Gérant", "Fondateur"),
        "es": ("Propietario", "Fundadora"),
    },
}
_OFFICERS = {
    "operations": ("COO", "Chief Operating Officer"),
    "it": ("CIO", "Chief Information Officer"),
    "sales": ("CSO", "Chief Revenue Officer"),
    "marketing": ("CMO", "Chief Marketing Officer"),
    "finance": ("CFO", "Chief Financial Officer"),
    "hr": ("CHRO", "Chief People Officer"),
    "engineering": ("CTO", "Chief Technology Officer"),
    "other": ("CEO", "Chief Executive Officer"),
}
NONSENSE_TITLES = ("-", "n/a", "asdf", "xxx", "test", ".", "none of your business")

INDUSTRY_VARIANTS = {
    "Software": ("Software", "IT Services", "SaaS"),
    "Manufacturing": ("Manufacturing", "manufacturing", "Industrial"),
    "Logistics": ("Logistics", "Transportation & Logistics"),
    "Financial Services": ("Financial Services", "Banking", "Finance"),
    "Healthcare": ("Healthcare", "Health Care"),
    "Public Sector": ("Public Sector", "Government"),
}
COUNTRY_VARIANTS = {
    "US": ("United States", "USA", "US", "United States of America", "usa"),
    "DE": ("Germany", "DE", "Deutschland", "germany"),
    "GB": ("United Kingdom", "UK", "GB", "England"),
    "FR": ("France", "FR", "france"),
    "NL": ("Netherlands", "NL", "The Netherlands"),
    "ES": ("Spain", "ES", "España"),
    "IT": ("Italy", "IT", "Italia"),
    "AT": ("Austria", "AT", "Österreich"),
    "CH": ("Switzerland", "CH", "Schweiz"),
    "PL": ("Poland", "PL", "Polska"),
    "SE": ("Sweden", "SE"),
    "IN": ("India", "IN", "INDIA"),
    "BR": ("Brazil", "BR", "Brasil"),
    "CA": ("Canada", "CA"),
}
DIAL_CODES = {
    **{"US": "+1", "CA": "+1", "DE": "+49", "GB": "+44", "FR": "+33", "NL": "+31", "ES": "+34"},
    **{"IT": "+39", "AT": "+43", "CH": "+41", "PL": "+48", "SE": "+46", "IN": "+91", "BR": "+55"},
}
INVALID_PHONES = ("0000000", "123", "n/a", "1111111111", "12345", "none", "+0")

FIRST_NAMES = (
    *("anna", "ben", "carla", "david", "elena", "felix", "grace", "hugo", "ines", "jonas", "kim"),
    *("lars", "maria", "noah", "olga", "paul", "rosa", "sam", "tara", "uwe", "vera", "will"),
)
LAST_NAMES = (
    *("adams", "becker", "costa", "dubois", "evans", "fischer", "garcia", "hansen", "ito"),
    *("jansen", "keller", "lopez", "martin", "novak", "olsen", "patel", "rossi", "smith"),
    *("tanaka", "urban", "vogel", "weber", "young", "zeman"),
)
COMPANY_WORDS = (
    *("alder", "beacon", "cobalt", "delta", "ember", "fjord", "granite", "harbor", "iris", "juno"),
    *("kite", "lumen", "maple", "nova", "orbit", "pine", "quartz", "river", "summit", "tundra"),
)
FREE_DOMAINS = ("gmail.com", "outlook.com", "yahoo.com", "gmx.de", "hotmail.com", "icloud.com")
DISPOSABLE_DOMAINS = ("mailinator.com", "guerrillamail.com", "10minutemail.com", "yopmail.com")


def titles(seniority: str, function: str, language: str) -> tuple[str, ...]:
    """List the ways to write a job title."""
    words = _FUNCTION_WORDS[language][function]
    patterns = _PATTERNS[seniority][language]
    if seniority == "c_level":
        # "Chief Marketing Officer" is CMO; a pattern alone would give "Chief Mktg Officer".
        patterns = tuple(p for p in patterns if not p.startswith("Ch")) + _OFFICERS[function]
    return tuple(dict.fromkeys(p.format(word) for p, word in product(patterns, words)))


def size_variants(low: int, high: int) -> tuple[str, ...]:
    """List the ways to write a band of company sizes."""
    if low == 1:
        return ("1", "self-employed", "1 employee", "just me")
    if high > 50_000:
        return (f"{low}+", f">{low - 1}", f"{low:,}+ employees", "5000 and more")
    return (f"{low}-{high}", f"{low} - {high}", f"{low}–{high} employees", f"{low} to {high}")


def all_titles() -> list[tuple[str, ...]]:
    """List every title's variants, by seniority, then function, then language."""
    return [titles(*key) for key in product(SENIORITIES, FUNCTIONS, LANGUAGES)]
