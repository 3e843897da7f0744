"""Names of what is known only afterwards are told in four languages, honest ones left alone."""

import pytest

from leadcast.features.base.errors import canonical_name
from leadcast.models.leakage import CHECKS, examine
from leadcast.models.leakage.outcome_names import sounds_like
from tests.leak_worlds import context, undated, with_few, with_noise

AFTERWARDS = {
    "outcome": """Amount Won
        |Invoiced|Closed Amount|Payment Date|Contract Start|Customer Since|Order ID
        |Paid|Lost reason|ConvertedDate|Became a customer date|Closed Won|is_converted|Close Date
        |days_to_close|Customer Number|Invoice No|Purchase date|Date signed|closedate|First Invoice
        |Kundennummer|Kunde seit|Abschlussdatum|Abschlussgrund|Verlustgrund|Gewonnen|Bezahlt am
        |Rechnungsbetrag|Rechnungsnummer|Zahlungseingang|Vertragsbeginn|Auftragswert|Bestellungen
        |Client depuis|Gagné|Perdu|Montant payé|Facturé|Date de clôture|Motif de perte|Commandes
        |Numéro de commande|Début du contrat|Date de signature|Ganado|Cliente desde|Fecha de cierre
        |Motivo de pérdida|Pagado|Importe facturado|Número de pedido|Inicio del contrato""",
    "total": """Total Paid|MRR|LTV|Lifetime revenue|Number of orders|Times contacted|orders_total
        |Number of activities|Total revenue|n_events|num_notes|Customer LTV|Order count
        |Number of Sales Activities|Number of Pageviews|Number of Form Submissions
        |Number of Unique Forms Submitted|Anzahl offener Termine|Anzahl Bestellungen
        |Anzahl Aktivitäten|Gesamtumsatz|Nombre de commandes
        |Número de pedidos|Ventas totales""",
    "state": """Deal Value|Umsatz|Probability (%)|Stage|Forecast category|Next step|Lifecycle stage
        |Opportunity Amount|Lead status|Wahrscheinlichkeit|Nächster Schritt|Probabilité
        |Siguiente paso|Verkaufsphase""",
}
HONEST = """annual_revenue
    |company_size|job_title|number of employees|country|source|campaign|industry
    |last_campaign_outcome|previous_orders|contacts_before_campaign|amount_requested|visits|email
    |contacts_in_campaign|days_since_last_campaign|pays_by_cheque|contact_by|landing_page|request
    |budget|newsletter|visits_before|phone|utm_term|page_views|seconds_on_website|region|message
    |number_of_children|jahresumsatz|mitarbeiter|anzahl_mitarbeiter|langue|idioma|design|signal
    |signup_date|sign_up_date|signed_up_at|paid_search|billing_country|willing_to_pay
    |first_conversion_date|became_a_lead_date|total_employees|payment_terms|subscriber_since
    |assigned_region|funding_stage|countdown|arrival|customer_segment|wants_updates"""


def names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split("|")]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, listed in AFTERWARDS.items() for name in names(listed)],
)
def test_names_of_what_is_known_afterwards(kind: str, name: str) -> None:
    assert sounds_like(name) == kind


@pytest.mark.parametrize("name", [name for listed in AFTERWARDS.values() for name in names(listed)])
def test_names_that_an_inferred_attribute_gets_sound_alike(name: str) -> None:
    assert sounds_like(canonical_name(name)) is not None


@pytest.mark.parametrize("name", names(HONEST))
def test_honest_names_are_left_alone(name: str) -> None:
    assert sounds_like(name) is None


def severities(winners: int, name: str, strength: float) -> list[str]:
    tables = undated() if winners == 0 else with_few(undated(), winners)
    check = [check for check in CHECKS if check.code == "L005"]
    report = examine(context(with_noise(tables, name, strength)), check)
    return [found.severity for found in report.findings]


@pytest.mark.parametrize("name", ["total_paid", "kundennummer", "next_step"])
def test_a_name_and_what_it_tells_are_an_error(name: str) -> None:
    assert severities(0, name, strength=0.9) == ["error"]


@pytest.mark.parametrize("name", ["total_paid", "kundennummer", "next_step"])
def test_among_few_a_name_is_a_warning(name: str) -> None:
    assert severities(8, name, strength=0.9) == ["warning"]


def test_a_state_that_tells_nothing_is_no_finding() -> None:
    assert severities(0, "next_step", strength=0.0) == []
    assert severities(0, "total_paid", strength=0.0) == ["warning"]
