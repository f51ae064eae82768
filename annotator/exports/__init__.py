"""The formats of verdict files: what an entry holds, and how CSV, JSON lines and ELAN documents hold entries."""
