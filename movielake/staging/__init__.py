"""Packs of a lake, and staged copies of it on the fast local disk of a node.

Enters: a lake or a pack, and a selection. Leaves: a pack, or a staged lake whose files match
their checksums. This wing never changes a value and never leaves a half-written file.
"""
