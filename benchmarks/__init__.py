"""What Alpha Panda costs, beside what it must beat; each script runs alone."""
