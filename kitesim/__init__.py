"""A practice exchange: Kite Connect's REST and ticker protocol over a simulated or replayed market."""
