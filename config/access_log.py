"""gunicorn's access log without the secrets that an address may hold (`--logger-class config.access_log.AccessLog`)."""

from __future__ import annotations

import re
from typing import Any

from gunicorn.glogging import Logger

# The link of an invitation works until somebody has used it: whoever reads a log must not be the first.
_SECRET = re.compile(r"(/invitation/)[^/\s?\"]+")


def without_secrets(text: str) -> str:
    """An address, or a line that holds one, with a dash in the place of each secret."""
    return _SECRET.sub(r"\1-", text)


class AccessLog(Logger):  # type: ignore[misc]  # gunicorn comes without types
    """Writes what gunicorn does, with addresses as `without_secrets` leaves them."""

    def atoms(self, *args: Any) -> dict[str, Any]:
        """What a line of the log is made of."""
        found = super().atoms(*args)
        return {name: without_secrets(value) if isinstance(value, str) else value for name, value in found.items()}
