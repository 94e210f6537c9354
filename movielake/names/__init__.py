"""Names of countries and date stamps, and all paths in a lake.

Enters: the terms that select stamps and countries. Leaves: selections, paths, and hints for a
selection that matches no files. This wing never opens a data file.
"""
