#!/usr/bin/env python
"""Alpha Panda's commands: `python manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    if sys.argv[1:2] == ["demo"] and "--help" not in sys.argv:
        # The demo's servers must run before the settings ask where they are.
        from alphapanda.practice import prepare

        prepare(sys.argv[2:])
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
