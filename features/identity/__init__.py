"""Which leads are one person: exact keys, the CRM's merges, then names and places with odds."""
