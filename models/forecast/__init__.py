"""How many customers, and how much money, the open leads bring in the weeks to come."""
