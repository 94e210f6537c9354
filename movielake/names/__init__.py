"""What things are called: countries, date stamps, and every path of a lake.

Enters: the words that people write to select stamps and countries. Leaves: selections, paths and
hints for a selection that finds nothing. This wing never opens a data file.
"""
