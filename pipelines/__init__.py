"""One thin module a stage, and the command line.

Its public face: the command ``leadcast`` (`pipelines.cli`), the stages as programs (``python -m
leadcast.pipelines.NAME SOURCE``), and for notebooks `pipelines.trial.run_trial`.
"""
