"""How long what is written is kept: one rule a table, bounded pruning out of market hours, and what the tables take."""
