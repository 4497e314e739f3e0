"""Analyzers beside the video: when each looks, at which frame, and what its findings say about the frames in between."""
