"""How right the analyzers are, on real footage with known answers. One module per subject; each has `figures()`."""
