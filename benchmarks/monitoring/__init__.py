"""How quiet and how quick the monitor is, and what the loop behind it costs."""
