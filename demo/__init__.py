"""The embedded demo: a simulated business-to-business seller whose true probabilities are known.

Its public face: `demo.simulate.simulate`, which writes a world.
"""
