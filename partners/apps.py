from django.apps import AppConfig
from django.db.backends.signals import connection_created


class PartnersConfig(AppConfig):
    name = "partners"

    def ready(self) -> None:
        from partners.fields import teach_sqlite_exact_sums

        connection_created.connect(teach_sqlite_exact_sums)
