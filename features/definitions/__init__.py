"""Source definitions: one YAML file each, checked as a whole before any data is read."""
