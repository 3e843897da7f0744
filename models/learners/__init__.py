"""Learners that turn a feature matrix into log-odds, and the backtest that chooses among them."""
