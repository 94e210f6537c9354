"""Analyses: what a cinema researcher asks of the screenings, each with a definition and a source.

Enters: a lake and a selection, or counts of it. Leaves: small Arrow tables, one per question. All
use the same counts by country, film and day. An analysis must never show a run at the edge of the
archive as complete: a column tells that it is cut.
"""
