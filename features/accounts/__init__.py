"""Accounts: the companies that leads belong to, and what is known of a lead's colleagues."""
