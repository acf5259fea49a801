"""Strategies: plain Python that looks at candles and ticks and says what it wants, and why."""
