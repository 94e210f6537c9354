"""The files of a lake: JSON Lines, Parquet, commits, the manifest, quarantine.

Enters: the records, rows and damage of one feed zip. Leaves: files that appear complete or not at
all, a commit that lists them, and the manifest. This wing never reads XML and never changes a
committed file in place.
"""
