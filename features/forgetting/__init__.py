"""Forgetting a person: who it is, where it stands, and that it does not come back."""
