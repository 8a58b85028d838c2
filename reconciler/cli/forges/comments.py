"""One comment a purpose on a pull request: written once, edited from then on."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.cli.forges.markers import Marker, marked, read_marker
from reconciler.cli.forges.protocol import Forge, Post


def put_comment(forge: Forge, request: int, marker: Marker, text: str) -> str | None:
    """Write the comment of the marker's name, or edit it where it is there already."""
    found = find(forge.comments(request), marker.name, forge.author)
    body = marked(marker, text)
    return forge.put_comment(request, body, None if found is None else found.number)


def find(posts: Iterable[Post], name: str, author: str) -> Post | None:
    """Return the first post of this name that this author wrote."""
    for post in posts:
        marker = read_marker(post.body)
        if post.author == author and marker is not None and marker.name == name:
            return post
    return None
