"""Feed to rows in bulk: regular members to JSON Lines and rows, almost as fast as parsing.

Enters: the bytes of a member. Leaves: JSON Lines, rows and problems, byte for byte the same as
those of ``feed`` and ``rows``. This wing never guesses. If it is not certain, it gives up, and the
reference reads the record or the member.
"""
