"""From a feature matrix to a judged, calibrated, exported model.

Its public face: `models.bundle.bundle.load_bundle`, `models.rules` (`load_rules`, `evaluate`),
`models.comparison.compare_scores` and `models.report.write_report`.
"""
