"""What can be traded: tokens, lots, tick sizes, expiries, and when each exchange is open."""
