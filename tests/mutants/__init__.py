"""Deliberate faults in the package, and whether the tests notice them."""
