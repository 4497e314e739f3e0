"""Makes jobs of videos that come into a bucket."""
