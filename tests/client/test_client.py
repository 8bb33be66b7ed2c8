"""What boto3's own client cannot be asked about: deltas, our own keys, roots, what is refused."""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from contract_script import release

import deltaloft
from deltaloft import Client, DamagedObject, InvalidRequest

SAMPLES: dict[str, Any] = {
    "string": "1",
    "boolean": True,
    "integer": 1,
    "long": 1,
    "timestamp": 0,
    "map": {},
    "list": [],
    "structure": {},
}
# What has an effect; whatever else S3 has, now or later, is refused.
ABOUT_AN_OBJECT = {
    "ACL", "BucketKeyEnabled", "CacheControl", "ContentDisposition", "ContentEncoding",
    "ContentLanguage", "ContentType", "Expires", "GrantFullControl", "GrantRead", "GrantReadACP",
    "GrantWriteACP", "Metadata", "ObjectLockLegalHoldStatus", "ObjectLockMode",
    "ObjectLockRetainUntilDate", "SSEKMSKeyId", "ServerSideEncryption", "StorageClass", "Tagging",
    "WebsiteRedirectLocation",
}  # fmt: skip
READING = {
    "IfMatch", "IfModifiedSince", "IfNoneMatch", "IfUnmodifiedSince", "Range",
    "ResponseCacheControl", "ResponseContentDisposition", "ResponseContentEncoding",
    "ResponseContentLanguage", "ResponseContentType", "ResponseExpires",
}  # fmt: skip
PASSED_ON = {"BypassGovernanceRetention", "ExpectedBucketOwner", "MFA", "RequestPayer"}
LISTING = {"Delimiter", "EncodingType", "MaxKeys", "Prefix"}
HONOURED = {
    "put_object": {*ABOUT_AN_OBJECT, "Body", "ContentLength", "ContentMD5", "IfNoneMatch"},
    "get_object": READING,
    "head_object": READING,
    "get_object_attributes": {"MaxParts", "ObjectAttributes", "PartNumberMarker"},
    "delete_object": {*PASSED_ON, "IfMatch", "VersionId"},
    "delete_objects": {*PASSED_ON, "ChecksumAlgorithm", "Delete"},
    "list_objects": {*LISTING, "Marker"},
    "list_objects_v2": {*LISTING, "ContinuationToken", "FetchOwner", "StartAfter"},
    "copy_object": {
        *ABOUT_AN_OBJECT, "CopySource", "CopySourceIfMatch", "CopySourceIfModifiedSince",
        "CopySourceIfNoneMatch", "CopySourceIfUnmodifiedSince", "MetadataDirective",
        "TaggingDirective",
    },
}  # fmt: skip


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    """Return the code of an error of boto3."""
    return error.value.response["Error"]["Code"]


@pytest.fixture
def releases(s3: Any, bucket: str) -> str:
    """A bucket with three releases in it, two of them stored as deltas at least."""
    for version in range(3):
        s3.put_object(Bucket=bucket, Key=f"app-1.{version}.bin", Body=release(version))
    return bucket


@pytest.mark.parametrize("method", HONOURED)
def test_no_parameter_is_dropped(s3: Any, plain: Any, bucket: str, method: str) -> None:
    """A parameter of S3 either has an effect or is refused by name."""
    model = plain.meta.service_model.operation_model(plain.meta.method_to_api_mapping[method])
    accepted = set()
    required: dict[str, Any] = {"Bucket": bucket}
    for name in model.input_shape.required_members:
        shape = model.input_shape.members[name]
        required.setdefault(name, {"Objects": []} if name == "Delete" else SAMPLES[shape.type_name])
    for name, shape in model.input_shape.members.items():
        sample = b"" if shape.type_name == "blob" else SAMPLES[shape.type_name]
        try:
            getattr(s3, method)(**{**required, name: required.get(name, sample)})
        except ClientError as error:
            if f"{name} is not supported" in error.response["Error"]["Message"]:
                assert 501 == error.response["ResponseMetadata"]["HTTPStatusCode"]
                continue
        accepted.add(name)
    assert HONOURED[method] == accepted - {"Bucket", "Key"}


def test_a_delta_looks_like_its_file(s3: Any, plain: Any, releases: str) -> None:
    """Of a delta neither metadata, nor encoding, nor size shows, not in the headers either."""
    s3.put_object(Bucket=releases, Key="x.bin", Body=release(4), ContentEncoding="identity")
    stored = plain.head_object(Bucket=releases, Key="x.bin")
    head = s3.head_object(Bucket=releases, Key="x.bin")
    assert "vcdiff" == stored["ContentEncoding"]
    assert stored["ContentLength"] < 1000
    assert ({}, "identity", len(release(4))) == (
        head["Metadata"],
        head["ContentEncoding"],
        head["ContentLength"],
    )
    headers = head["ResponseMetadata"]["HTTPHeaders"]
    assert [] == [name for name in headers if "dl-" in name]
    assert ("identity", str(len(release(4)))) == (
        headers["content-encoding"],
        headers["content-length"],
    )


def test_damage_is_not_s3s(s3: Any, plain: Any, releases: str) -> None:
    """A file that cannot be given back is a DamagedObject, and no bytes are given."""
    stored = plain.get_object(Bucket=releases, Key="app-1.1.bin")
    body = stored["Body"].read()[:-1]
    kept = {"Metadata": stored["Metadata"], "ContentEncoding": stored["ContentEncoding"]}
    plain.put_object(Bucket=releases, Key="app-1.1.bin", Body=body, **kept)
    with pytest.raises(DamagedObject):
        s3.get_object(Bucket=releases, Key="app-1.1.bin")


def test_our_own_keys_are_nobodys(s3: Any, plain: Any, releases: str) -> None:
    """What is below .deltaloft/ is neither listed, nor read, nor written, nor deleted."""
    listed = plain.list_objects_v2(Bucket=releases, Prefix=".deltaloft/")["Contents"]
    ours = next(each["Key"] for each in listed if "/base/" in each["Key"])
    shown = s3.list_objects_v2(Bucket=releases)["Contents"]
    assert [f"app-1.{version}.bin" for version in range(3)] == [each["Key"] for each in shown]
    target = {"Bucket": releases, "Key": ours}
    for method, more in (
        ("get_object", {}),
        ("head_object", {}),
        ("put_object", {"Body": b""}),
        ("delete_object", {}),
        ("put_object_tagging", {"Tagging": {"TagSet": []}}),
        ("create_multipart_upload", {}),
        ("copy_object", {"CopySource": f"{releases}/app-1.0.bin"}),
    ):
        with pytest.raises(ClientError):
            getattr(s3, method)(**target, **more)
    answer = s3.delete_objects(Bucket=releases, Delete={"Objects": [{"Key": ours}]})
    assert ["InvalidArgument"] == [each["Code"] for each in answer["Errors"]]
    assert plain.head_object(**target)["ContentLength"] == len(release(0))


def test_a_root_is_a_store_of_its_own(
    new_client: Callable[..., Any], plain: Any, bucket: str
) -> None:
    """With a root, keys stay whole, others are refused, and only what is below is listed."""
    s3 = new_client(root="team/a")
    plain.put_object(Bucket=bucket, Key="team/b", Body=b"elsewhere")
    for version in range(2):
        s3.put_object(Bucket=bucket, Key=f"team/a/app-{version}", Body=release(version))
    assert release(1) == s3.get_object(Bucket=bucket, Key="team/a/app-1")["Body"].read()
    for prefix in ("", "tea", "team/a/", "team/a/app"):
        contents = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        assert ["team/a/app-0", "team/a/app-1"] == [each["Key"] for each in contents]
    assert 0 == s3.list_objects_v2(Bucket=bucket, Prefix="team/b")["KeyCount"]
    for key in ("team/b", "team/a/", "app-0"):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key=key)
        assert "InvalidArgument" == code_of(error)
    below = plain.list_objects_v2(Bucket=bucket, Prefix="team/a/.deltaloft/base/")
    assert 1 == below["KeyCount"]


def test_bodies_that_boto3_refuses(s3: Any, bucket: str, tmp_path: Path) -> None:
    """A path, a buffer and a stream without a length are bodies, too."""

    class Pipe:
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)

        def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

    (tmp_path / "file").write_bytes(release(1))
    bodies = {
        "path": tmp_path / "file",
        "buffer": memoryview(release(1)),
        "stream": Pipe(release(1)),
    }
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        assert release(1) == s3.get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.mark.parametrize(
    ("promise", "code"),
    [
        ({"ContentLength": 6}, "IncompleteBody"),
        ({"ContentLength": 4}, "IncompleteBody"),
        ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
    ],
)
@pytest.mark.parametrize("wrap", [bytes, io.BytesIO])
def test_a_broken_promise_stores_nothing(
    s3: Any, bucket: str, promise: dict[str, Any], code: str, wrap: Callable[[bytes], Any]
) -> None:
    """A body that is not of the length or digest it should be leaves the old file in place."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=wrap(b"after"), **promise)
    assert code == code_of(error)
    assert b"before" == s3.get_object(Bucket=bucket, Key="k")["Body"].read()


@pytest.mark.parametrize("asked", [{}, {"Range": "bytes=0-99"}])
@pytest.mark.parametrize("stored", [release(1), b"small"])
def test_an_answer_is_of_one_version(
    new_client: Callable[..., Any], releases: str, asked: dict[str, str], stored: bytes
) -> None:
    """A file that is replaced between its HEAD and its GET is answered whole: the new version."""
    target = {"Bucket": releases, "Key": "k"}
    s3, other = new_client(), new_client()
    s3.put_object(**target, Body=stored, Metadata={"version": "old"})
    new = b"another " + stored

    def replace(**_: object) -> None:
        s3.meta.events.unregister("after-call.s3.HeadObject", replace)
        other.put_object(**target, Body=new, Metadata={"version": "new"})

    s3.meta.events.register("after-call.s3.HeadObject", replace)
    answer = s3.get_object(**target, **asked)
    expected = new[:100] if asked else new
    assert (expected, "new", len(expected)) == (
        answer["Body"].read(),
        answer["Metadata"]["version"],
        answer["ContentLength"],
    )


def test_pages_go_on_in_another_process(
    new_client: Callable[..., Any], plain: Any, bucket: str
) -> None:
    """A token is good for any client, and pages are complete, sizes included, however small."""
    first = new_client()
    for number in range(7):
        first.put_object(Bucket=bucket, Key=f"app-{number}", Body=release(number))
    for size in (1, 3, 1000):
        found, token = [], {}
        for _ in range(8):
            page = new_client().list_objects_v2(Bucket=bucket, MaxKeys=size, **token)
            found += [(each["Key"], each["Size"]) for each in page["Contents"]]
            if not page["IsTruncated"]:
                break
            token = {"ContinuationToken": page["NextContinuationToken"]}
        assert [(f"app-{number}", len(release(number))) for number in range(7)] == found
    with pytest.raises(ClientError) as error:
        first.list_objects_v2(Bucket=bucket, ContinuationToken="no token")
    assert "InvalidArgument" == code_of(error)


def test_a_page_begins_behind_what_was_shown(
    new_client: Callable[..., Any], plain: Any, bucket: str
) -> None:
    """The endpoint lists what the page shows and no more, folders that were shown included."""
    keys = [f"a/{number:02}" for number in range(30)] + ["b/1", "b/2", "c"]
    for key in keys:
        plain.put_object(Bucket=bucket, Key=key, Body=b"x")

    def page(asked: dict[str, Any], **options: Any) -> tuple[int, list[str]]:
        told: list[str] = []

        def note(parsed: dict[str, Any], **_: object) -> None:
            told.extend(line["Key"] for line in parsed.get("Contents", []))

        s3 = new_client(**options)
        s3.meta.events.register("after-call.s3.ListObjectsV2", note)
        answer = s3.list_objects_v2(Bucket=bucket, **asked)
        names = [each["Key"] for each in answer.get("Contents", [])]
        return len(told), [each["Prefix"] for each in answer.get("CommonPrefixes", [])] + names

    assert (13, keys[20:]) == page({"StartAfter": "a/19"})
    assert (3, ["b/1", "b/2", "c"]) == page({"StartAfter": "a/29"})
    first = new_client().list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=1)
    assert ["a/"] == [each["Prefix"] for each in first["CommonPrefixes"]]
    token = first["NextContinuationToken"]
    for asked in ({"ContinuationToken": token}, {"StartAfter": "a/"}):
        assert (3, ["b/", "c"]) == page({"Delimiter": "/", **asked})
    assert (2, ["b/1", "b/2"]) == page({"StartAfter": "a"}, root="b")
    assert (1, ["b/2"]) == page({"StartAfter": "b/1"}, root="b")
    assert (0, []) == page({"StartAfter": "c"}, root="b")


def test_the_endpoint_does_not_read_a_delta_for_a_file(s3: Any, plain: Any, releases: str) -> None:
    """A copy of a part is made on the endpoint's side: it is refused where a delta lies."""
    s3.put_object(Bucket=releases, Key="small", Body=b"small")
    upload = s3.create_multipart_upload(Bucket=releases, Key="parts")
    named = {"Bucket": releases, "Key": "parts", "UploadId": upload["UploadId"], "PartNumber": 1}
    for source in (f"{releases}/app-1.1.bin", {"Bucket": releases, "Key": "app-1.1.bin"}):
        with pytest.raises(ClientError) as error:
            s3.upload_part_copy(**named, CopySource=source)
        assert "NotImplemented" == code_of(error)
    s3.upload_part_copy(**named, CopySource=f"{releases}/small")
    s3.abort_multipart_upload(Bucket=releases, Key="parts", UploadId=upload["UploadId"])


def test_copies_between_clients(
    s3: Any, new_client: Callable[..., Any], plain: Any, releases: str
) -> None:
    """The source of a copy may be read by another client, ours or boto3's."""
    plain.put_object(Bucket=releases, Key="foreign", Body=b"foreign", Metadata={"a": "b"})
    for key, client in (("app-1.1.bin", new_client()), ("foreign", plain)):
        source = {"Bucket": releases, "Key": key}
        s3.copy(source, releases, f"copy of {key}", SourceClient=client)
    copied = s3.get_object(Bucket=releases, Key="copy of app-1.1.bin")["Body"].read()
    foreign = s3.get_object(Bucket=releases, Key="copy of foreign")
    assert (release(1), b"foreign", {"a": "b"}) == (
        copied,
        foreign["Body"].read(),
        foreign["Metadata"],
    )


def test_conditions_of_a_delete_are_the_endpoints(s3: Any, releases: str) -> None:
    """A delete on condition is sent as it is: the ETag that a head tells is the stored one."""
    target = {"Bucket": releases, "Key": "app-1.1.bin"}
    etag = s3.head_object(**target)["ETag"]
    with pytest.raises(ClientError) as error:
        s3.delete_object(**target, IfMatch='"00000000000000000000000000000000"')
    assert "PreconditionFailed" == code_of(error)
    s3.delete_object(**target, IfMatch=etag)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(**target)


@pytest.mark.parametrize("text", ["bytes=0-1,3-4", "bytes=-", "bytes=5-2", "lines=0-1", "bytes=x"])
def test_ranges_without_sense_are_refused(s3: Any, releases: str, text: str) -> None:
    """A range that would have to be ignored, or answered in several parts, is an error."""
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=releases, Key="app-1.1.bin", Range=text)
    assert "InvalidArgument" == code_of(error)


def test_a_limit_of_the_bandwidth_is_refused(s3: Any, bucket: str) -> None:
    """A transfer that should be slow is not made at full speed."""
    slow = TransferConfig(max_bandwidth=1000)
    with pytest.raises(ClientError) as error:
        s3.upload_fileobj(io.BytesIO(b"x"), bucket, "k", Config=slow)
    assert "NotImplemented" == code_of(error)


def test_clients_are_made_as_boto3_makes_them(moto_endpoint: str, bucket: str) -> None:
    """Options are boto3's; a Config goes before our own settings, which hold for the rest."""
    with deltaloft.client(
        "s3",
        region_name="eu-central-1",
        endpoint_url=moto_endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="testsecret",
        config=Config(read_timeout=77),
    ) as s3:
        s3.put_object(Bucket=bucket, Key="k", Body=b"made")
        config = s3.meta.config
        assert (77, 5, "eu-central-1") == (
            config.read_timeout,
            config.connect_timeout,
            config.region_name,
        )
        assert b"made" == s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    with pytest.raises(InvalidRequest, match="s3 expected"):
        deltaloft.client("sqs")


def test_no_answer_is_botocores_to_tell(fresh_cache: Callable[[], Any]) -> None:
    """An endpoint that does not answer is the exception that boto3's callers know."""
    nowhere = boto3.client(
        "s3", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1})
    )
    with Client(nowhere, cache=fresh_cache()) as s3:
        with pytest.raises(EndpointConnectionError):
            s3.get_object(Bucket="bucket", Key="k")
        with pytest.raises(EndpointConnectionError):
            s3.put_object(Bucket="bucket", Key="k", Body=b"")


def test_a_delta_tells_no_checksums_of_its_own(s3: Any, plain: Any, releases: str) -> None:
    """A checksum in an answer is that of the file; where S3 has another, there is none."""
    body = release(9)
    expected = plain.put_object(Bucket=releases, Key="plain", Body=b"small")["ChecksumCRC32"]
    assert expected == s3.put_object(Bucket=releases, Key="k", Body=b"small")["ChecksumCRC32"]
    stored = s3.put_object(Bucket=releases, Key="app-9.bin", Body=body)
    headers = stored["ResponseMetadata"]["HTTPHeaders"]
    assert [] == [name for name in headers if name.startswith("x-amz-checksum")]
    answers = [
        stored,
        s3.head_object(Bucket=releases, Key="app-9.bin"),
        s3.get_object(Bucket=releases, Key="app-9.bin"),
        *s3.list_objects_v2(Bucket=releases, Prefix="app-9")["Contents"],
    ]
    assert [] == [name for answer in answers for name in answer if name.startswith("Checksum")]


def test_versions_are_the_endpoints(s3: Any, plain: Any, bucket: str) -> None:
    """Where a bucket keeps versions, answers name them, and a marker can be removed by name."""
    plain.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    target = {"Bucket": bucket, "Key": "app-1.bin"}
    s3.put_object(Bucket=bucket, Key="app-0.bin", Body=release(0))
    version = s3.put_object(**target, Body=release(1))["VersionId"]
    assert version == plain.head_object(**target)["VersionId"]
    assert version == s3.get_object(**target)["VersionId"]
    marker = s3.delete_object(**target)
    assert marker["DeleteMarker"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(**target)
    s3.delete_object(**target, VersionId=marker["VersionId"])
    assert release(1) == s3.get_object(**target)["Body"].read()


def test_many_threads_share_a_client(s3: Any, releases: str) -> None:
    """Answers of calls at the same time are not mixed up."""

    def answer(number: int) -> tuple[bytes, str, str]:
        key = f"thread-{number}"
        etag = s3.put_object(Bucket=releases, Key=key, Body=key, Metadata={"n": key})["ETag"]
        found = s3.get_object(Bucket=releases, Key=key)
        assert etag == found["ETag"]
        header = found["ResponseMetadata"]["HTTPHeaders"]["x-amz-meta-n"]
        return found["Body"].read(), found["Metadata"]["n"], header

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(answer, range(24)))
    names = [f"thread-{number}" for number in range(24)]
    assert [(name.encode(), name, name) for name in names] == answers


def test_a_client_keeps_to_its_codec(
    new_client: Callable[..., Any], plain: Any, bucket: str
) -> None:
    """With codec="vcdiff" no delta of the client's looks inside what is deflated."""
    for number, s3 in enumerate((new_client(), new_client(codec="vcdiff"))):
        for version in range(2):
            words = [f"{random.Random(each).getrandbits(28):x}" for each in range(30_000)]
            words[version * 97] = f"release{version}"
            body = gzip.compress(" ".join(words).encode(), mtime=0)
            s3.put_object(Bucket=bucket, Key=f"{number}/app-{version}.gz", Body=body)
        told = plain.head_object(Bucket=bucket, Key=f"{number}/app-1.gz")["Metadata"]
        assert ("unpack/1", "vcdiff")[number] == told["dl-codec"]
