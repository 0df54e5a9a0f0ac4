"""What the monitor finds, what it leaves alone, and what it costs: commands that print tables."""
