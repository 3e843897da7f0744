"""Who sells leads, what they are worth, which are junk, and which go back to the vendor.

Its public face: `scorecard.scorecard`, `junk.find_junk` and `returns.to_send_back`.
"""
