"""The scorer at work: one lead, a batch, a service."""
