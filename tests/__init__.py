"""Tests: laws, truths by construction, and golden cases."""
