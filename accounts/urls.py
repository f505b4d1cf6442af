"""Addresses of signing in and of what people set for themselves."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import token_views, views

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("profile/", views.profile, name="profile"),
    path("profile/password/", views.OwnPasswordView.as_view(), name="password_change"),
    path("profile/tokens/", token_views.tokens, name="tokens"),
    path("profile/tokens/<int:pk>/revoke/", token_views.revoke, name="token_revoke"),
]
