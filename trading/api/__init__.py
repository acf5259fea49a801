"""REST: what a script may read of the desk, and the few things it may do; each calls one service."""
