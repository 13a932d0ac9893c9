"""Cordial REST v2."""

from starlette.routing import Route


class CordialApi:
    def __init__(self, state):
        self.routes: list[Route] = []
