"""The tables as data: what each column is called, where it comes from, and its type.

Enters: ``schemas/*.toml``. Leaves: the tables' columns, Arrow types, the data dictionary and
JSON Schema. This wing imports no other wing and never looks at a feed or a lake.
"""
