"""Pages by cursor: stable while rows come in. Ids are UUIDv7, so the newest id is the newest row."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class ByName(NewestFirst):
    ordering = "name"
