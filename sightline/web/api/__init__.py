"""One module per resource; thin views."""
