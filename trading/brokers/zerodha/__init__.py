"""Zerodha: the only folder that knows a Kite word."""
