"""One command per claim. Each prints a ratio against a named baseline measured in the same run, and writes JSON to
`benchmarks/out/`.

`make bench` runs them all but the soak; `python -m benchmarks.NAME` runs one. They drive the real product: the processes that
`python app.py` starts, over real sockets, on real footage where it is at hand.
"""
