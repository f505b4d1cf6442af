"""Addresses of signing in and of what people set for themselves."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views
from accounts.audit import views as audit_views
from accounts.roster import invitation_views
from accounts.roster import views as people_views
from accounts.signing_in import (
    password_views,
    reauthentication,
    second_factor_views,
    second_step_views,
    session_views,
    single_sign_on,
)
from accounts.tokens import views as token_views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign_in"),
    # allauth's names of this address and of the second step.
    path("sign-in/", views.SignInView.as_view(), name="account_login"),
    path("sign-in/code/", second_step_views.second_step, name="mfa_authenticate"),
    path("sign-in/passkey/", second_step_views.passkey_sign_in, name="passkey_sign_in"),
    path("sign-in/again/", reauthentication.sign_in_again, name="sign_in_again"),
    path("sign-in/with/", single_sign_on.start, name="single_sign_on"),
    path("sign-in/with/back/", single_sign_on.callback, name="single_sign_on_callback"),
    path("sign-in/forgotten/", password_views.forgotten, name="password_forgotten"),
    path("sign-in/forgotten/sent/", password_views.sent, name="password_sent"),
    path("sign-in/new/<uidb64>/<token>/", password_views.NewPasswordView.as_view(), name="password_new"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("profile/", views.profile, name="profile"),
    path("profile/password/", password_views.OwnPasswordView.as_view(), name="password_change"),
    path("profile/tokens/", token_views.tokens, name="tokens"),
    path("profile/tokens/<int:pk>/revoke/", token_views.revoke, name="token_revoke"),
    path("profile/sessions/", session_views.sessions, name="sessions"),
    path("profile/sessions/end-others/", session_views.end_others, name="sessions_end_others"),
    path("profile/sessions/<int:pk>/end/", session_views.end, name="session_end"),
    path("profile/security/", second_factor_views.security, name="security"),
    path("profile/security/app/", second_factor_views.app_set_up, name="app_set_up"),
    path("profile/security/app/remove/", second_factor_views.app_remove, name="app_remove"),
    path("profile/security/passkeys/new/", second_factor_views.passkey_add, name="passkey_add"),
    path("profile/security/passkeys/<int:pk>/rename/", second_factor_views.passkey_rename, name="passkey_rename"),
    path("profile/security/passkeys/<int:pk>/remove/", second_factor_views.passkey_remove, name="passkey_remove"),
    path("profile/security/recovery-codes/", second_factor_views.recovery_codes, name="recovery_codes"),
    path("invitation/", invitation_views.invitation, name="invitation"),
    path("invitation/<str:token>/", invitation_views.invitation_link, name="invitation_link"),
    path("settings/people/", people_views.people, name="people"),
    path("settings/people/invite/", people_views.invite, name="invite"),
    path("settings/people/invitations/<int:pk>/send/", people_views.invitation_send, name="invitation_send"),
    path(
        "settings/people/invitations/<int:pk>/withdraw/", people_views.invitation_withdraw, name="invitation_withdraw"
    ),
    path("settings/people/<int:pk>/", people_views.member, name="member"),
    path("settings/people/<int:pk>/clients/", people_views.member_clients, name="member_clients"),
    path("settings/people/<int:pk>/remove/", people_views.member_remove, name="member_remove"),
    path("settings/people/<int:pk>/deactivate/", people_views.member_deactivate, name="member_deactivate"),
    path("settings/people/<int:pk>/reactivate/", people_views.member_reactivate, name="member_reactivate"),
    path("settings/audit/", audit_views.audit, name="audit"),
    path("settings/audit/export.csv", audit_views.audit_csv, name="audit_csv"),
]
