"""Values and contracts of moving pictures: frames, findings, stages, packets, source addresses.

No threads, no Flask, no cloud. Everything here may be imported from anywhere above `settings`.
"""
