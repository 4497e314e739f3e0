"""Jobs on machines of others: what is sent there, what is done there, and what comes back. Both sides use this code."""
