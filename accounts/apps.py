from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # Models can be loaded only now.
        from accounts import sign_ins

        sign_ins.listen()
