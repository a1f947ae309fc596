"""How fast this device runs each model, and what it takes of memory: measured once, kept."""
