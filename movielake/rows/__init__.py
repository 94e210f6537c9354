"""Records to rows: flatten nested records into typed columns.

Enters: records as dicts. Leaves: Arrow tables, and counts of the values that could not be typed.
Such a value becomes null. This wing never drops a record and never writes a file.
"""
