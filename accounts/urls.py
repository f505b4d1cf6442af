"""Addresses of signing in and of what people set for themselves."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import audit_views, token_views, views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("profile/", views.profile, name="profile"),
    path("profile/password/", views.OwnPasswordView.as_view(), name="password_change"),
    path("profile/tokens/", token_views.tokens, name="tokens"),
    path("profile/tokens/<int:pk>/revoke/", token_views.revoke, name="token_revoke"),
    path("settings/audit/", audit_views.audit, name="audit"),
    path("settings/audit/export.csv", audit_views.audit_csv, name="audit_csv"),
]
