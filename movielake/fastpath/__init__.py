"""The fast path: showings members to JSON Lines and rows near the parser's floor."""
