#!/usr/bin/env python
"""Feeboard's command line: `manage.py help` lists what there is."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # What to do about it stands in the message; a page of traceback would only hide it.
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
