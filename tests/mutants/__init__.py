"""Deliberate faults in the package, and a trial that shows which test notices each fault."""
