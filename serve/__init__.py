"""The scorer at work: one lead, a batch, a service.

Its public face: `serve.scorer.Scorer`, which everything else here calls, and for batches
`serve.batch.batch.score_files`.
"""
