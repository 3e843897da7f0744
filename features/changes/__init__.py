"""What a field said then: a lead's attributes as they stood at a moment, from their history.

`versions_of` and `leads_at` do it for tables, `lead_at` for one lead; both give the same.
"""
