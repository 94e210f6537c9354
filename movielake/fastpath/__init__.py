"""Feed to rows in bulk: regular members to JSON Lines and rows near the parser's speed.

Enters: the bytes of a member. Leaves: the same JSON Lines, rows and problems as ``feed`` and
``rows`` give, byte for byte. This wing never answers where it is not certain: it gives up, and the
reference reads the member.
"""
