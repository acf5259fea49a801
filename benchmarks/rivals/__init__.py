"""Other people's engines, each asked over JSON in an environment of its own: ``make rivals``.

``client`` is our side; all else here runs in theirs (``.venv-rivals``) and imports nothing of the product.
"""
