"""Feed zips to records: find the zips, open their members, parse the XML.

Enters: a feed folder of zips or XML files. Leaves: one nested dict per record. For unreadable
members, also their raw bytes and the reason in one line. This wing never trusts a name or a size
in an archive, never resolves an XML entity, and never converts a text to another type.
"""
