"""The nightly batch: leads and events in, scores out, in bounded memory."""
