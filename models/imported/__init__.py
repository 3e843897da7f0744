"""Estimators by their import path: built, given the matrix as they take it, kept without pickle."""
