"""The sandbox as an installed app, so that `manage.py sandbox` is found. It has no models."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "sandbox"
    verbose_name = "Sandbox API"
