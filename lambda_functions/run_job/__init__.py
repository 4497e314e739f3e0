"""Carries out a whole job, in a function or a container."""
