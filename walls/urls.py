"""Addresses of the screens, and of their settings."""

from django.urls import path

from walls.views import screens, wall

urlpatterns = [
    path("wall/", wall.wall, name="wall"),
    path("wall/board/", wall.board, name="wall_board"),
    path("settings/screens/", screens.screens, name="screens"),
    path("settings/screens/claim/", screens.claim, name="screen_claim"),
    path("settings/screens/<int:pk>/", screens.screen, name="screen"),
    path("settings/screens/<int:pk>/preview/", screens.preview, name="screen_preview"),
    path("settings/screens/<int:pk>/revoke/", screens.revoke, name="screen_revoke"),
]
