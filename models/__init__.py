"""From a feature matrix to a judged, calibrated, exported model."""
