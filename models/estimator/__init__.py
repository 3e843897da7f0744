"""The recipe of candidates, backtest in time and calibration as an estimator of scikit-learn."""
