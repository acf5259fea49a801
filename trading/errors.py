"""What a person or a script is told when something they asked for may not be done."""


class NotAllowed(Exception):
    """The request makes sense but may not be done now; the words say why."""
