"""Work that is done later, durably."""
