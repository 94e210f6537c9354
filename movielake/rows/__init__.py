"""Records to rows: flatten nested records into typed columns.

Enters: records as dicts. Leaves: Arrow tables and counts of the values that have no type. This
wing never drops a record and never writes a file; a value that cannot be typed becomes null.
"""
