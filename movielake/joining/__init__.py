"""Joins of views: showings with movies and theaters, current snapshots, orphans.

Enters: views of ``reading``. Leaves: new views. Joins stay within one date stamp and country. A
join must never add or lose a showing, and this wing must never shuffle.
"""
