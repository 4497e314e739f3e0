"""Functions of AWS Lambda: each reads its event, calls `sightline` and answers. Nothing in Sightline imports them."""
