"""Pages, the acts they offer, and signing in."""
