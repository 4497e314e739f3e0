"""What leaves a camera, each a subscriber of the hub."""
