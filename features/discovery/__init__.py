"""Looking at an export that nobody has described yet, and drafting its source definition.

What is found are guesses: each is marked as one where it is written, with what speaks for it.
"""
