"""Accounts with open leads: their list for sales, and files of it for CRMs."""
