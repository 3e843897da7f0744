"""From a source to a feature matrix: canonical tables, snapshots, labels and features."""
