"""Tells a state machine what a job consists of."""
