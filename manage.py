#!/usr/bin/env python
"""Alpha Panda's commands: `python manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alphapanda.settings")
    # These bring servers of their own, which must run before the settings ask where they are.
    if sys.argv[1:2] == ["demo"] and "--help" not in sys.argv:
        from alphapanda.runner.practice import prepare_demo

        prepare_demo(sys.argv[2:])
    elif sys.argv[1:2] == ["replay_day"] and not {"--help", "--twice"} & set(sys.argv):
        from alphapanda.runner.practice import prepare_scratch

        prepare_scratch()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
