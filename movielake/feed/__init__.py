"""Feed zips to records: find the zips, open their members, parse the XML.

Enters: a feed folder of zips or XML files. Leaves: one nested dict per record, the bytes of what
cannot be read, and a line that says why. This wing never trusts a name or a size in an archive,
resolves no XML entity, and types no value.
"""
