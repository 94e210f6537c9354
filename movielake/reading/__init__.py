"""A lake as views: dask DataFrame, dask bag, counts, one Arrow table per partition.

Enters: a lake or a directory glob, and a selection. Leaves: views, planned from the manifest.
Planning a view must never start a cluster. This wing must never write.
"""
