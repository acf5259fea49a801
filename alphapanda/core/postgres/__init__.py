"""Django's PostgreSQL backend, with a bound on the connections of a process that answers strangers."""

# Set by such a process (alphapanda/asgi.py) before Django reads its settings.
answers_strangers = False
