"""Job titles as they are found in CRMs, with what a person would say of them."""

import pytest

from leadcast.features.values.titles import job_function, seniority


@pytest.mark.parametrize(
    ("title", "rank", "function"),
    [
        ("CEO", "chief", "general management"),
        ("C.E.O.", "chief", "general management"),
        ("Chief Marketing Officer", "chief", "marketing"),
        ("Founder/CEO", "owner", "general management"),
        ("Sr. Mktg Manager", "manager", "marketing"),
        ("VP, Sales", "vice president", "sales"),
        ("Vice President of Engineering", "vice president", "engineering"),
        ("Head of IT", "director", "it"),
        ("IT-Leiter", "director", "it"),
        ("Geschäftsführer", "chief", "general management"),
        ("Executive Assistant to the CEO", "assistant", "general management"),
        ("Software Engineer", "staff", "engineering"),
        ("senior data analyst", "senior", "data"),
        ("STUDENT", "student", "education"),
        ("Retired teacher", "not working", "education"),
        ("Inkoper", "staff", "purchasing"),
        ("Directeur commercial", "director", "sales"),
        ("Account Executive", "staff", "sales"),
        ("HR", "staff", "people"),
        ("asdf", "unclear", "unclear"),
        ("Cairo", "unclear", "unclear"),
        ("", "unclear", "unclear"),
    ],
)
def test_a_title_is_read_as_a_person_would(title: str, rank: str, function: str) -> None:
    assert (seniority(title), job_function(title)) == (rank, function)


@pytest.mark.parametrize("title", ["x" * 10_000_000, "\x00\ud800", "经理", "🙂 manager " * 100])
def test_no_title_is_too_strange(title: str) -> None:
    assert isinstance(seniority(title), str)
    assert isinstance(job_function(title), str)
