"""Fuzzing: bytes that nobody thought of, and what must hold of them all the same."""
