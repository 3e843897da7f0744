"""The readings of an e-mail address, side by side."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.addresses import domain_of, email_domain, one_spelling, plain_address

# As typed: as compared; after the last @; the domain of a valid one; the one spelling.
READ = {
    " Jane.Doe+crm@GoogleMail.com ": (
        *("jane.doe+crm@googlemail.com", "googlemail.com", "googlemail.com"),
        "janedoe@gmail.com",
    ),
    "jane.doe+a@firm.de": ("jane.doe+a@firm.de", "firm.de", "firm.de", "jane.doe@firm.de"),
    "Jane <Jane@Firm.de>": ("jane <jane@firm.de>", "firm.de>", None, "jane@firm.de"),
    "a@b@C.de": ("a@b@c.de", "c.de", None, "a@b@c.de"),
    "none@firm.de": ("none@firm.de", "firm.de", "firm.de", None),
    "nobody": ("nobody", None, None, None),
    "jane@firm": ("jane@firm", "firm", None, "jane@firm"),
    "": ("", None, None, None),
}


@pytest.mark.parametrize(("address", "said"), READ.items())
def test_each_reading_says_what_it_is_for(address: str, said: tuple[str | None, ...]) -> None:
    spelling = pl.select(one_spelling(pl.lit(address))).item()
    assert (plain_address(address), domain_of(address), email_domain(address), spelling) == said


@given(
    st.text(max_size=30) | st.from_regex(r"[a-zA-Z.+]{1,8}@[a-z]{1,6}\.(de|com)", fullmatch=True)
)
def test_a_valid_address_has_one_domain_whichever_way_it_is_read(address: str) -> None:
    domain = email_domain(address)
    if domain is not None:
        assert domain == domain_of(address)
        assert email_domain(plain_address(address)) == domain
