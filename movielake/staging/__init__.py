"""Compact copies and packs of a lake, and staged copies on the fast local disk of a node.

Enters: a lake or a pack, and a selection. Leaves: a compact lake, a pack, or a staged lake. Their
files match their checksums. This wing must never change a value or leave a half-written file.
"""
