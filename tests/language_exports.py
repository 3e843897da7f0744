"""Exports of no known system, in the languages and notations that people have."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl

from tests.crm_exports import Person, iso, write


def _comma(number: float) -> str:
    return f"{number:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def german(folder: Path, leads: Sequence[Person]) -> None:
    """With semicolons, in cp1252, decimal commas and dots, a title above the header."""
    status = {"won": "Gewonnen", "lost": "Verloren", "given up": "Kein Interesse"}
    rows = [
        {
            "Lead-Nr": f"L{one.number:05d}",
            "Erstellt am": iso(one.created, "%d.%m.%Y %H:%M"),
            "Abschlussdatum": iso(one.closed, "%d.%m.%Y %H:%M"),
            "Status": status.get(one.end, "In Bearbeitung"),
            "Auftragswert": _comma(one.amount) if one.end == "won" else "",
            "Position": one.title,
            "Mitarbeiter": one.employees,
            "Jahresumsatz": _comma(one.revenue),
            "Branche": one.industry,
            "Land": "Österreich" if one.country == "Italy" else one.country,
            "Quelle": one.source,
            "E-Mail": one.email,
            "Newsletter": "ja" if one.number % 2 else "nein",
            "Verlustgrund": "zu teuer" if one.end == "lost" else "",
            "Geändert am": iso(one.closed or one.created, "%d.%m.%Y %H:%M"),
            "Punkte": one.points,
        }
        for one in leads
    ]
    titles = ["Leadliste vom 01.06.2024", "vertraulich"]
    write(folder, "Leads.csv", rows, separator=";", encoding="cp1252", titles=titles)
    rows = [
        {"Lead-Nr": f"L{one.number:05d}", "Zeitpunkt": iso(when, "%d.%m.%Y %H:%M"),
         "Art": {"Call": "Anruf", "Email": "E-Mail"}[kind]}
        for one in leads
        for when, kind in one.events
    ]  # fmt: skip
    write(folder, "Aktivitäten.csv", rows, separator=";", encoding="cp1252")


def spanish(folder: Path, leads: Sequence[Person]) -> None:
    """In UTF-16 with tabs, days before months, deals in a file of their own."""
    rows = [
        {
            "ID Prospecto": 5000 + one.number,
            "Fecha de creación": iso(one.created, "%d/%m/%Y"),
            "Cargo": one.title,
            "Empleados": one.employees,
            "Sector": one.industry,
            "País": "España" if one.country == "Spain" else one.country,
            "Origen": one.source if one.number % 5 else "sin datos",
            "Correo electrónico": one.email,
        }
        for one in leads
    ]
    write(folder, "prospectos.csv", rows, separator="\t", encoding="utf-16")
    words = {"won": "Ganada", "lost": "Perdida", "given up": "Descartada"}
    rows = [
        {
            "ID Oportunidad": 9000 + one.number,
            "ID Prospecto": 5000 + one.number,
            "Etapa": words[one.end],
            "Fecha de cierre": iso(one.closed, "%d/%m/%Y"),
            "Importe": one.amount,
        }
        for one in leads
        if one.end != "open"
    ]
    write(folder, "oportunidades.csv", rows, separator="\t", encoding="utf-16")


def french(folder: Path, leads: Sequence[Person]) -> None:
    """With a mark of UTF-8 and two columns of dates for the ends."""
    rows = [
        {
            "Identifiant": f"P-{one.number}",
            "Date de création": iso(one.created, "%d/%m/%Y %H:%M"),
            "Fonction": one.title,
            "Effectif": one.employees,
            "Chiffre d'affaires": f"{one.revenue:,}".replace(",", " ") + ",5",
            "Secteur d'activité": one.industry,
            "Pays": one.country,
            "Provenance": one.source,
            "Gagné le": iso(one.closed if one.end == "won" else None, "%d/%m/%Y %H:%M"),
            "Perdu le": iso(None if one.end == "won" else one.closed, "%d/%m/%Y %H:%M"),
            "Étape": "terminé" if one.closed else "en cours",
        }
        for one in leads
    ]
    write(folder, "prospects_2024.csv", rows, separator=";", encoding="utf-8-sig")


def parquet(folder: Path, leads: Sequence[Person]) -> None:
    """Typed, with parts, and events in a folder of their own."""
    folder.mkdir(parents=True)
    frame = pl.DataFrame(
        {
            "lead_uuid": [f"{one.number:08x}-0000-4000-8000-00000000beef" for one in leads],
            "created": [one.created for one in leads],
            "job": [one.title for one in leads],
            "employees": [one.employees for one in leads],
            "source": [one.source for one in leads],
            "outcome": [{"given up": "lost"}.get(one.end, one.end) for one in leads],
            "closed_at": [one.closed for one in leads],
        }
    )
    for part in range(3):
        frame.slice(part * 80, 80).write_parquet(folder / f"leads-part-{part}.parquet")
    (folder / "events").mkdir()
    events = [
        (frame["lead_uuid"][index], when, kind)
        for index, one in enumerate(leads)
        for when, kind in one.events
    ]
    schema = ["lead_uuid", "timestamp", "event_type"]
    pl.DataFrame(events, schema=schema, orient="row").write_parquet(
        folder / "events" / "part-0001.parquet"
    )


def database(file: Path, leads: Sequence[Person]) -> None:
    """In SQLite: leads, deals that name them, touches, and a table that is none of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(file) as connection:
        connection.execute(
            "CREATE TABLE leads (lead_id INTEGER, created_at TEXT, job_title TEXT, company_size "
            "INTEGER, lead_source TEXT)"
        )
        connection.execute("CREATE TABLE deals (deal_id INTEGER, lead_id INTEGER, status TEXT, "
                           "closed_at TEXT, amount REAL)")  # fmt: skip
        connection.execute("CREATE TABLE touches (lead_id INTEGER, happened_at TEXT, kind TEXT)")
        connection.execute("CREATE TABLE schema_versions (version INTEGER)")
        connection.execute("INSERT INTO schema_versions VALUES (3)")
        for one in leads:
            about = (one.title, one.employees, one.source)
            created = iso(one.created, "%Y-%m-%dT%H:%M:%SZ")
            connection.execute(
                "INSERT INTO leads VALUES (?,?,?,?,?)", (70_000 + one.number, created, *about)
            )
            for when, kind in one.events:
                moment = iso(when + timedelta(minutes=1), "%Y-%m-%dT%H:%M:%SZ")
                values = (70_000 + one.number, moment, kind)
                connection.execute("INSERT INTO touches VALUES (?,?,?)", values)
            if one.end != "open":
                status = "won" if one.end == "won" else "lost"
                closed = iso(one.closed, "%Y-%m-%dT%H:%M:%SZ")
                deal = (one.number, 70_000 + one.number, status, closed, float(one.amount))
                connection.execute("INSERT INTO deals VALUES (?,?,?,?,?)", deal)
