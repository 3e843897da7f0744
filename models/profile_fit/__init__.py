"""The profile of an ideal customer: what a company believes, held against what converts."""
