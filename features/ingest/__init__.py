"""Source definitions: where leads, events and outcomes come from, and what is wrong with them."""
