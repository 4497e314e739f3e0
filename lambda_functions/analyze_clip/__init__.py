"""Does the first stage of a job on one clip."""
