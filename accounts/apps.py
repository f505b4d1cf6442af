from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # Models can be loaded only now.
        from accounts.signing_in import noticed

        noticed.listen()
