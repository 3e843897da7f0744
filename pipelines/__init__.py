"""One thin module a stage, and the command line.

Here lie the stages, each a program (``python -m leadcast.pipelines.NAME SOURCE``); below, what they
share (`base`), the model's life (`lifecycle`, with `run_trial` for notebooks), what the data tell
(`insight`), the model at work (`daily`), and the command ``leadcast`` (`commands`).
"""
