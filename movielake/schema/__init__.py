"""The tables as data: the name, source and type of each column.

Enters: ``schemas/*.toml``. Leaves: the tables' columns, Arrow types, the data dictionary and JSON
Schema. This wing imports no other wing. It never opens a feed or a lake.
"""
