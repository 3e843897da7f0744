"""E-mail addresses and telephone numbers, good and bad."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.base.addresses import email_domain
from leadcast.features.values.contacts import (
    email_digits,
    email_is_shared,
    email_kind,
    email_matches_company,
    phone_is_valid,
)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ann.lee@acme.com", "business"),
        (" Ann.Lee@ACME.com ", "business"),
        ("ann@sales.acme.co.uk", "business"),
        ("ann@gmail.com", "free"),
        ("ann@googlemail.co.uk", "free"),
        ("ann@yahoo.fr", "free"),
        ("ann@yopmail.com", "disposable"),
        ("ann@mit.edu", "education"),
        ("ann@cs.ox.ac.uk", "education"),
        ("ann@treasury.gov.uk", "government"),
        ("ann@acme", "invalid"),
        ("ann lee@acme.com", "invalid"),
        ("ann..lee@acme.com", "invalid"),
        ("@acme.com", "invalid"),
        ("n/a", "invalid"),
        ("", "invalid"),
        ("a" * 10_000_000 + "@acme.com", "invalid"),
    ],
)
def test_the_kind_of_an_address(address: str, kind: str) -> None:
    assert email_kind(address) == kind


@given(st.text(max_size=40))
@settings(max_examples=100)
def test_an_address_has_a_domain_or_is_invalid(address: str) -> None:
    assert (email_domain(address) is None) == (email_kind(address) == "invalid")


def test_shared_addresses_and_digits() -> None:
    assert email_is_shared("Info@acme.com") == email_is_shared("sales2@acme.com") == 1.0
    assert email_is_shared("informatics@acme.com") == 0.0
    assert email_digits("ann84021@o2.com") == 5.0


@pytest.mark.parametrize(
    ("address", "company", "matches"),
    [
        ("ann@acme.com", "Acme Inc.", 1.0),
        ("ann@mail.acme-tools.co.uk", "Acme Tools Ltd", 1.0),
        ("ann@ibm.com", "International Business Machines", 1.0),
        ("ann@acme.com", "https://www.acme.com/de", 1.0),
        ("ann@gmail.com", "Acme", 0.0),
        ("ann@acme.com", "Bolt GmbH", 0.0),
        ("nonsense", "Acme", None),
        ("ann@acme.com", "...", None),
    ],
)
def test_an_address_of_the_company(address: str, company: str, matches: float | None) -> None:
    assert email_matches_company(address, company) == matches


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("+49 89 1589 3021", 1.0),
        ("(415) 555-2671", 1.0),
        ("+1 (415) 555-2671 ext. 12", 1.0),
        ("0000000", 0.0),
        ("1234567890", 0.0),
        ("9876543", 0.0),
        ("123", 0.0),
        ("1" * 16, 0.0),
        ("call me", 0.0),
        ("", 0.0),
        ("5" * 10_000_000, 0.0),
    ],
)
def test_a_number_that_could_be_called(number: str, valid: float) -> None:
    assert phone_is_valid(number) == valid
