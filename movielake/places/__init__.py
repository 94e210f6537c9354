"""Time zones and countries of coordinates, without a network.

Enters: latitudes, longitudes, local times. Leaves: time zones, UTC times, and whether a place
lies in its country. This wing never guesses: what is unknown is null.
"""
