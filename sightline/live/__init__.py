"""One camera running: source, chain, analysis, hub, counters."""
