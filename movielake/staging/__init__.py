"""A lake on its way to a fast disk: pack it into one file, stage it to local scratch.

Enters: a lake or a pack, and a selection. Leaves: a pack, or a staged lake whose files match
their checksums. This wing never changes a value and never leaves a half-written file.
"""
