"""When leads become customers: the probability within t days, for every t, of each lead."""
