"""Fuzzing: properties that must hold for any bytes."""
