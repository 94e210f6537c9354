"""Asking: questions in SQL, and tables to take away.

Enters: a lake and a query, or a choice of columns. Leaves: an Arrow table or one file in a form
that other programs read. A query never changes a file, and reads none outside the lake.
"""
