"""Sightline: live camera analytics and the batch video studio behind it."""

__version__ = "0.1.0"
