"""Time zones and countries of coordinates, without a network.

Enters: latitudes, longitudes and local times. Leaves: time zones, UTC times, and whether a point
lies in its country. This wing never guesses. Unknown values are null.
"""
