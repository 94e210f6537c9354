"""A feed to a lake, the whole way: plan, convert each zip, publish, sum up.

Enters: a feed, a lake and a selection. Leaves: a commit for each new or changed zip, and a summary.
One bad zip never ends the run, unless ``strict`` is set. This wing never skips data silently.
"""
