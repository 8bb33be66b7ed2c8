"""Where things live and what metadata says: properties of `layout`, no bucket needed."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltaloft import layout
from deltaloft.bucket import Attributes, ObjectInfo
from deltaloft.errors import DamagedObject, DeltaloftError, InvalidRequest, UnsupportedFormat
from deltaloft.layout import Delta, Foreign, Plain

URL = "s3://bucket/key"
SHA256 = "3f" * 32
BASE = "a0" * 32

_visible = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
_values = st.text(_visible, min_size=1, max_size=40)
_names = st.text(string.ascii_lowercase + string.digits + "-_.", min_size=1, max_size=20).filter(
    lambda name: not name.startswith("dl-")
)
_attributes = st.builds(
    Attributes,
    st.dictionaries(_names, _values | st.just(""), max_size=10),
    content_type=st.none() | _values,
    content_encoding=st.none() | _values | st.sampled_from(["gzip", "vcdiff", "gzip, br"]),
    content_disposition=st.none() | _values,
    content_language=st.none() | _values,
    cache_control=st.none() | _values,
)
_sizes = st.integers(0, 2**46)


def info(attributes: Attributes, size: int = 100) -> ObjectInfo:
    """Return what a bucket would say of an object with these attributes."""
    return ObjectInfo("key", size, "etag", datetime(2026, 1, 1, tzinfo=UTC), attributes)


def delta_metadata(**changes: str | None) -> dict[str, str]:
    """Return the metadata of a sound delta with some names changed or, by None, left out."""
    metadata = {
        "dl-v": "1",
        "dl-sha256": SHA256,
        "dl-size": "123456",
        "dl-base": BASE,
        "dl-base-size": "120000",
        "dl-codec": "vcdiff",
    }
    changed = {"dl-" + name.replace("_", "-"): value for name, value in changes.items()}
    return {k: v for k, v in {**metadata, **changed}.items() if v is not None}


# ---- Metadata --------------------------------------------------------------------------------


@given(_attributes)
def test_plain_attributes_come_back(user: Attributes) -> None:
    """Whatever a user gives with a file comes back from a plain object, and its form is told."""
    stored = layout.plain_attributes(user, sha256=SHA256)
    assert user == layout.user_attributes(stored)
    assert Plain(SHA256) == layout.form_of(info(stored), URL)


@given(_attributes, _sizes, _sizes)
def test_delta_attributes_come_back(user: Attributes, size: int, base_size: int) -> None:
    """Whatever a user gives with a file comes back from a delta, Content-Encoding included."""
    stored = layout.delta_attributes(user, sha256=SHA256, size=size, base=BASE, base_size=base_size)
    assert stored.content_encoding == "vcdiff"
    assert user == layout.user_attributes(stored)
    assert Delta(SHA256, size, BASE, base_size) == layout.form_of(info(stored), URL)


@given(_attributes)
def test_foreign_attributes_are_left_alone(user: Attributes) -> None:
    """An object without dl-v is somebody else's: its attributes are served as they are."""
    user = replace(user, content_encoding="gzip")
    assert Foreign() == layout.form_of(info(user), URL)
    assert user == layout.user_attributes(user)


@given(_attributes)
def test_our_metadata_is_small(user: Attributes) -> None:
    """Our part of the 2 KiB that S3 grants stays under 350 bytes, in the worst of cases."""
    largest = 2**46
    layout.check_attributes(URL, user)
    stored = layout.delta_attributes(
        user, sha256=SHA256, size=largest, base=BASE, base_size=largest
    )
    ours = {k: v for k, v in stored.metadata.items() if k not in user.metadata}
    assert sum(len(name) + len(value) for name, value in ours.items()) < 350
    base = layout.base_attributes("x" * layout.STEM_SIZE)
    assert sum(len(name) + len(value) for name, value in base.metadata.items()) < 350


@pytest.mark.parametrize(
    "attributes",
    [
        Attributes({"dl-size": "1"}),
        Attributes({"dl-anything": "1"}),
        Attributes({"Upper": "1"}),
        Attributes({"": "1"}),
        Attributes({"a b": "1"}),
        Attributes({"a": "zeile\r\nx-amz-acl: public-read"}),
        Attributes({"a": "ü"}),
        Attributes({"a": " blank"}),
        Attributes({"a": "x" * 1700}),
        Attributes(content_type=""),
        Attributes(content_type="text/plain\n"),
        Attributes(content_encoding="x" * 65),
        Attributes(content_disposition="attachment; filename=ü"),
    ],
)
def test_attributes_that_cannot_come_back_are_refused(attributes: Attributes) -> None:
    """What HTTP would change, what is ours, and too much of it is refused before anything else."""
    with pytest.raises(InvalidRequest, match=URL):
        layout.check_attributes(URL, attributes)


@pytest.mark.parametrize(
    ("metadata", "error", "says"),
    [
        (delta_metadata(v="2"), UnsupportedFormat, "dl-v=1 expected, found '2'"),
        (delta_metadata(v=""), UnsupportedFormat, "dl-v"),
        (delta_metadata(codec="unpack/2"), UnsupportedFormat, "'unpack/2'"),
        (delta_metadata(codec=None), DamagedObject, "dl-codec"),
        (delta_metadata(base=None), DamagedObject, "dl-base"),
        (delta_metadata(base=BASE.upper()), DamagedObject, "dl-base"),
        (delta_metadata(base=f"{BASE}\n"), DamagedObject, "dl-base"),
        (delta_metadata(base="../../etc/passwd"), DamagedObject, "dl-base"),
        (delta_metadata(base_size=None), DamagedObject, "dl-base-size"),
        (delta_metadata(size=None), DamagedObject, "dl-size"),
        (delta_metadata(size="-1"), DamagedObject, "dl-size"),
        (delta_metadata(size="1e9"), DamagedObject, "dl-size"),
        (delta_metadata(size="٣"), DamagedObject, "dl-size"),
        (delta_metadata(size=str(2**46 + 1)), DamagedObject, "dl-size"),
        (delta_metadata(size="9" * 5000), DamagedObject, "dl-size"),
        (delta_metadata(sha256=None), DamagedObject, "dl-sha256"),
        (delta_metadata(sha256="x"), DamagedObject, "dl-sha256"),
        (delta_metadata(v=None), DamagedObject, "lost its metadata"),
        ({"dl-v": "1"}, DamagedObject, "dl-sha256"),
    ],
)
def test_metadata_that_makes_no_sense_is_typed(
    metadata: dict[str, str], error: type[DeltaloftError], says: str
) -> None:
    """Inconsistent metadata is a DamagedObject, a later format an UnsupportedFormat, by name."""
    with pytest.raises(error) as caught:
        layout.form_of(info(Attributes(metadata)), URL)
    assert URL in str(caught.value)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kept", [(), ("dl-v", "dl-sha256", "dl-size")])
def test_a_delta_whose_metadata_was_stripped_is_not_served_raw(kept: tuple[str, ...]) -> None:
    """A copy that lost metadata but not its Content-Encoding is damaged, not somebody's file."""
    metadata = {k: v for k, v in delta_metadata().items() if k in kept}
    with pytest.raises(DamagedObject, match="lost its metadata"):
        layout.form_of(info(Attributes(metadata, content_encoding="vcdiff")), URL)


@given(
    st.dictionaries(
        st.sampled_from([*delta_metadata(), "dl-content-encoding", "dl-stem", "other"]),
        st.text(max_size=80) | st.sampled_from(["1", SHA256, "123", "vcdiff"]),
    ),
    st.none() | st.text(max_size=10) | st.just("vcdiff"),
)
def test_hostile_metadata_never_crashes(metadata: dict[str, str], encoding: str | None) -> None:
    """Any metadata at all has a form or a typed error, and a stem that fits."""
    attributes = Attributes(metadata, content_encoding=encoding)
    try:
        form = layout.form_of(info(attributes), URL)
    except (DamagedObject, UnsupportedFormat):
        form = Foreign()
    assert isinstance(form, Foreign | Plain | Delta)
    layout.user_attributes(attributes)
    assert len(layout.base_stem(attributes)) <= layout.STEM_SIZE


# ---- Keys ------------------------------------------------------------------------------------


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_any_key_may_be_used(key: str) -> None:
    """Keys are S3's: no name is changed, none but ours is refused."""
    if "/.deltaloft/" not in f"/{key}":
        assert key == layout.check_key("s3://bucket", key)
        assert not layout.is_ours(key)


@pytest.mark.parametrize(
    "key", ["", "x" * 1025, "ü" * 513, "\ud800", ".deltaloft/base/x", "a/.deltaloft/bases"]
)
def test_keys_that_cannot_be_are_refused(key: str) -> None:
    """Empty, too long, no UTF-8, or below .deltaloft/, which is ours at any depth."""
    with pytest.raises(InvalidRequest):
        layout.check_key("s3://bucket", key)


@pytest.mark.parametrize("key", ["ü" * 512, ".deltaloft", "x.deltaloft/y", "../x", "/", "a.delta"])
def test_keys_that_only_look_odd_are_fine(key: str) -> None:
    """1,024 bytes are a key, and so is what merely resembles ours."""
    assert key == layout.check_key("s3://bucket", key)
    assert not layout.is_ours(key)


def test_what_is_ours_is_told_apart() -> None:
    """Bases and the index are no user's keys."""
    assert layout.base_key(SHA256) == f".deltaloft/base/{SHA256}"
    assert layout.is_ours(layout.base_key(SHA256))
    assert layout.is_ours(layout.INDEX_KEY)
    assert layout.is_ours("team-a/.deltaloft/bases")


def test_only_digests_name_bases() -> None:
    """What else lies below base/ is no base."""
    assert layout.base_digest(layout.base_key(SHA256)) == SHA256
    for key in ("x", SHA256.upper(), SHA256 + "/x"):
        assert layout.base_digest(layout.base_key(key)) is None
    assert layout.base_digest(SHA256) is None
