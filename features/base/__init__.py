"""What all else stands on: errors in words, files put in place safely, strangers' data bounded.

Its public face: `errors.LeadcastError`, `files.written_whole` and `files.written_out`,
`locks.locked`, `compiled.compiled`.
"""
