"""A feed to a lake, the whole way: plan, convert each zip, publish, sum up.

Enters: a feed, a lake and a selection. Leaves: a commit for each new or changed zip, and a summary.
This wing never lets one bad zip end the run and never skips anything silently.
"""
