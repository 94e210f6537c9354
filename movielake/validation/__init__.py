"""Validation: is a lake what its manifest says; is a feed fit to be converted."""
