"""The probability that at least one of an account's open leads becomes a customer."""
