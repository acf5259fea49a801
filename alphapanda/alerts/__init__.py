"""What a person is told when they do not look: once, again while they must act, and when it is over."""
