"""The engine process: cameras behind a small HTTP API."""
