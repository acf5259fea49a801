"""Alpha Panda: a self-hosted trading desk. The parts meet in this package."""
