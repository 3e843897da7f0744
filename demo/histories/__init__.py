"""Sales that fill in and correct fields of the leads that it works on, with the history of it."""
