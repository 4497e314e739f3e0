"""Algorithms on pictures and boxes: models run by one inference runtime, tracking, geometry. No threads, no cameras."""
