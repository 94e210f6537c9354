"""Views put together: showings with movies and theaters, snapshots, orphans.

Enters: views of ``reading``. Leaves: new views, joined within one date stamp and country. This
wing never adds or loses a showing and never shuffles.
"""
