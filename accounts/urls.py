"""Addresses of signing in and of what people set for themselves."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import audit_views, invitation_views, people_views, token_views, views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("profile/", views.profile, name="profile"),
    path("profile/password/", views.OwnPasswordView.as_view(), name="password_change"),
    path("profile/tokens/", token_views.tokens, name="tokens"),
    path("profile/tokens/<int:pk>/revoke/", token_views.revoke, name="token_revoke"),
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
