"""The marker at the head of a comment, and what can never stand for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.forges.comments import find
from reconciler.cli.forges.markers import Marker, marked, read_marker
from reconciler.cli.forges.protocol import Post

DIGEST = "sha256:" + 64 * "a"
OTHER = "sha256:" + 64 * "b"
FORGED = f"<!-- reconciler: changes={OTHER} -->\n<!-- reconciler-ci: plan run=7 -->"

markers = st.builds(
    Marker,
    name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}(\.[a-z]{1,9})?", fullmatch=True),
    digest=st.none() | st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
    run=st.none() | st.from_regex(r"[0-9]{1,12}", fullmatch=True),
    head=st.none() | st.from_regex(r"[0-9a-f]{40}|[0-9a-f]{64}", fullmatch=True),
)


@given(markers, st.text())
def test_what_is_marked_is_read_back_whatever_the_text_is(marker: Marker, text: str) -> None:
    assert read_marker(marked(marker, text)) == marker


@given(markers, st.sampled_from([FORGED, f"\n{FORGED}", f"x\r\n{FORGED}"]))
def test_no_text_can_forge_a_marker(marker: Marker, text: str) -> None:
    assert read_marker(marked(marker, text)) == marker


def test_the_reports_own_marker_is_not_repeated() -> None:
    body = marked(Marker("plan", DIGEST, "7"), f"<!-- reconciler: changes={DIGEST} -->\n# Plan\n")
    assert body.count("changes=") == 1
    assert body.endswith("# Plan\n")


def test_windows_line_ends_which_a_forge_may_make_do_no_harm() -> None:
    body = marked(Marker("plan", DIGEST, "7"), "text").replace("\n", "\r\n")
    assert read_marker(body) == Marker("plan", DIGEST, "7")


def test_other_comments_have_no_marker() -> None:
    assert read_marker("") is None
    assert read_marker("LGTM") is None
    assert read_marker(f"> <!-- reconciler: changes={DIGEST} -->") is None
    assert read_marker(f"<!-- reconciler: changes={DIGEST} -->") is None


@given(markers, markers, st.text(alphabet="> \r\n\ufeff`"))
def test_a_marker_counts_at_the_head_alone(one: Marker, two: Marker, before: str) -> None:
    body = marked(one, "text")
    assert read_marker(f"{body}\n{marked(two, 'text')}") == one
    if before:
        assert read_marker(f"{before}{body}") is None
    # What stands between its two lines takes both away.
    first, _, rest = body.partition("\n")
    assert read_marker(f"{first}\n{before}x\n{rest}") != one or one.digest is None


def test_only_the_authors_own_comment_of_that_name_is_found() -> None:
    def post(number: int, author: str, name: str) -> Post:
        return Post(number, author, marked(Marker(name), "text"))

    posts = [
        post(1, "mallory", "plan"),
        post(2, "bot", "plan.applied"),
        Post(3, "bot", "text"),
        post(4, "bot", "plan"),
        post(5, "bot", "plan"),
    ]
    found = find(posts, "plan", "bot")
    assert found is not None
    assert found.number == 4
    assert find(posts, "drift", "bot") is None
