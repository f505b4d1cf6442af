"""How passwords are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class PasswordHasher(Argon2PasswordHasher):
    """argon2id as OWASP's password storage cheat sheet sets it: 19 MiB, two passes, one lane.

    Django's own 100 MiB would let eight sign-ins at once, which anybody may send, ask for most of a small server.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1
