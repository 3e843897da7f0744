"""From a source to a feature matrix: canonical tables, snapshots, labels and features.

Its public face: `features.tables.Tables`, `features.snapshots` (`make_snapshots`,
`SnapshotSettings`), `features.delays.delay_curve` and what the packages below name as theirs.
"""
