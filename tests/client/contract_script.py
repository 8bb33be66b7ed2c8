"""The calls that boto3's client and ours are both asked, and what is kept of the answers.

`run` makes every call on one client, in two buckets of its own, and returns what came of each: an
answer or an exception, in plain words that do not depend on the moment or on the buckets' names.
Keys that begin with app- are releases that resemble each other: a store keeps all but the first as
deltas.
"""

from __future__ import annotations

import io
import random
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

__all__ = ["Call", "release", "run"]

OLD = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2040, 1, 1, tzinfo=UTC)
EXPIRES = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
TYPES = {"ContentType": "text/x-log", "CacheControl": "no-cache"}

Call = tuple[str, Any]


def release(version: int) -> bytes:
    """Return 100 kB of which the last bytes tell the version."""
    return random.Random(1).randbytes(100_000) + b"version %d" % version


class Stream(io.RawIOBase):
    """A file object that can only be read, like a socket's."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        return self._file.readinto(room)


class Recorder:
    """Makes calls on a client and keeps what came of them."""

    def __init__(self, client: Any, bucket: str, other: str) -> None:
        """Call with `bucket` where a call names none."""
        self.client = client
        self.bucket = bucket
        self.other = other
        self.calls: list[Call] = []

    def __call__(self, method: str, *keys: str, **params: Any) -> Any:
        """Make one call; return the answer as it came, or None."""
        if keys:
            params["Key"] = keys[0]
        params.setdefault("Bucket", self.bucket)
        name = f"{method}:{keys[0]}" if keys else method
        return self.did(name, lambda: getattr(self.client, method)(**params))

    def did(self, name: str, act: Callable[[], Any]) -> Any:
        """Keep what came of an action."""
        try:
            answer = act()
        except Exception as error:
            self.calls.append((name, self._failed(error)))
            return None
        self.calls.append((name, self._plain(answer)))
        return answer

    def _failed(self, error: Exception) -> dict[str, Any]:
        response: Any = getattr(error, "response", {})
        plain = {"raised": type(error).__name__}
        if not response:
            return {**plain, "message": self._named(str(error))}
        plain["operation"] = error.operation_name  # type: ignore[attr-defined]
        plain |= {f"Error.{name}": value for name, value in response["Error"].items()}
        plain["HTTPStatusCode"] = response["ResponseMetadata"]["HTTPStatusCode"]
        return {name: self._plain(value) for name, value in plain.items()}

    def _plain(self, value: Any) -> Any:
        match value:
            case {"ResponseMetadata": metadata, **rest}:
                return {"HTTPStatusCode": metadata["HTTPStatusCode"], **self._plain(rest)}
            case Mapping():
                return {name: self._plain(each) for name, each in value.items()}
            case list() if value and all(isinstance(each, dict) for each in value):
                named = (each.get("Key", each.get("Prefix", number)) for number, each in
                         enumerate(value))  # fmt: skip
                return {self._named(str(name)): self._plain(each)
                        for name, each in zip(named, value, strict=True)}  # fmt: skip
            case str():
                return self._named(value)
            case datetime():
                return value.isoformat() if value.year > 2030 else "a time"
            case _ if hasattr(value, "read"):
                return value.read()
        return value

    def _named(self, text: str) -> str:
        return text.replace(self.other, "OTHER").replace(self.bucket, "BUCKET")


def run(client: Any, bucket: str, other: str, folder: Path) -> list[Call]:
    """Make all calls; `folder` is empty and for files. The buckets are empty again afterwards."""
    do = Recorder(client, bucket, other)
    parts: Iterable[Callable[[Recorder], None]] = (
        _buckets, _puts, _gets, _ranges, _conditions, _heads, _copies, _tags, _acls, _lists,
        _pages, _presigned, _multipart, _mistakes, _deletes, _waiters,
    )  # fmt: skip
    for part in parts:
        part(do)
    _transfers(do, folder)
    _clean(do)
    return do.calls


def _buckets(do: Recorder) -> None:
    do("create_bucket")
    do("create_bucket", Bucket=do.other)
    do("head_bucket")
    do("head_bucket", Bucket="no-such-bucket-of-ours")
    do("get_bucket_location")
    do("get_bucket_versioning")
    listed = do.client.list_buckets()["Buckets"]
    do.did("list_buckets", lambda: {do.bucket, do.other} <= {each["Name"] for each in listed})
    do("put_bucket_tagging", Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
    do("get_bucket_tagging")
    do("delete_bucket_tagging")
    do("get_bucket_cors")


def _puts(do: Recorder) -> None:
    for version in range(4):
        do("put_object", f"app-1.{version}.bin", Body=release(version))
    do("put_object", "app-2.bin", Body=io.BytesIO(release(5)), Metadata={"Colour": "blue"})
    do("put_object", "app-3.bin", Body=release(6), ContentEncoding="identity", **TYPES)
    do("put_object", "app-4.bin", Body=bytearray(release(7)), Expires=EXPIRES)
    do("put_object", "small", Body=b"small")
    do("put_object", "text", Body="blauw: bleu")
    do("put_object", "empty", Body=b"")
    do("put_object", "no body")
    do("put_object", "folder/", Body=b"")
    do("put_object", "folder/a", Body=b"a", ContentLanguage="nl", **TYPES)
    do("put_object", "folder/b", Body=b"b", ContentDisposition='attachment; filename="b"')
    do("put_object", "folder/sub/c", Body=b"c", WebsiteRedirectLocation="/elsewhere")
    do("put_object", "folder/sub/d", Body=b"d", StorageClass="STANDARD")
    do("put_object", "a b+c%20é~!*'()&$@=:,?.txt", Body=b"odd key")
    do("put_object", "ключ/日本", Body=b"unicode key")
    do("put_object", "tagged", Body=b"tagged", Tagging="a=1&b=two%20words")
    do("put_object", "app-5.bin", Body=release(8), Tagging="a=1", Metadata={"x": "y"})
    do("put_object", "small", Body=b"again", IfNoneMatch="*")
    do("put_object", "new", Body=b"new", IfNoneMatch="*")
    do("put_object", "exact", Body=b"exact", ContentLength=5)
    do("put_object", "proven", Body=b"proven", ContentMD5="+zGqduv+O02OWC2/VhBzaA==")
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    do("put_object", "rest", Body=file)
    do("put_object", "small", Body=b"nowhere", Bucket="no-such-bucket-of-ours")


def _gets(do: Recorder) -> None:
    for key in ("app-1.0.bin", "app-1.1.bin", "app-2.bin", "app-3.bin", "app-4.bin", "app-5.bin",
                "small", "text", "empty", "no body", "folder/", "folder/a", "folder/b",
                "folder/sub/c", "folder/sub/d", "a b+c%20é~!*'()&$@=:,?.txt", "ключ/日本", "tagged",
                "exact", "proven", "rest"):  # fmt: skip
        do("get_object", key)
    do("get_object", "missing")
    do("get_object", "small", Bucket="no-such-bucket-of-ours")
    overrides = {"ResponseContentType": "text/html", "ResponseContentLanguage": "de",
                 "ResponseContentDisposition": "inline", "ResponseCacheControl": "max-age=1",
                 "ResponseContentEncoding": "gzip"}  # fmt: skip
    do("get_object", "app-1.1.bin", **overrides)
    do("get_object", "small", **overrides)

    def body(key: str) -> Any:
        return do.client.get_object(Bucket=do.bucket, Key=key)["Body"]

    for key in ("app-1.2.bin", "small"):
        do.did("Body.read", lambda key=key: [body(key).read(3), body(key).read()])
        do.did("Body.iter_chunks", lambda key=key: list(body(key).iter_chunks(30_000)))
        do.did("Body.iter_lines", lambda key=key: list(body(key).iter_lines()))
        do.did("Body.iter", lambda key=key: b"".join(body(key)))
    do.did("Body.with", lambda: body("small").__enter__().read())


def _ranges(do: Recorder) -> None:
    for key in ("app-1.1.bin", "small"):
        for asked in ("bytes=0-3", "bytes=2-", "bytes=-3", "bytes=1-999999999", "bytes=4-4",
                      "bytes=-999999999", "bytes=999999999-"):  # fmt: skip
            do("get_object", key, Range=asked)
    do("get_object", "empty", Range="bytes=0-0")


def _conditions(do: Recorder) -> None:
    for key in ("app-1.2.bin", "small"):
        etag = do.client.head_object(Bucket=do.bucket, Key=key)["ETag"]
        for method in ("get_object", "head_object"):
            do(method, key, IfMatch=etag)
            do(method, key, IfMatch='"00000000000000000000000000000000"')
            do(method, key, IfNoneMatch=etag)
            do(method, key, IfNoneMatch='"00000000000000000000000000000000"')
            do(method, key, IfModifiedSince=OLD)
            do(method, key, IfUnmodifiedSince=OLD)
            do(method, key, IfUnmodifiedSince=FUTURE)
        do("get_object", key, IfMatch=etag, Range="bytes=1-2")


def _heads(do: Recorder) -> None:
    for key in ("app-1.0.bin", "app-1.1.bin", "app-2.bin", "app-3.bin", "app-4.bin", "app-5.bin",
                "small", "empty", "folder/", "folder/a", "folder/b", "folder/sub/c", "tagged",
                "ключ/日本"):  # fmt: skip
        do("head_object", key)
    do("head_object", "missing")
    do("head_object", "small", Bucket="no-such-bucket-of-ours")
    do("get_object_attributes", "app-1.1.bin", ObjectAttributes=["ObjectSize", "ETag"])
    do("get_object_attributes", "small", ObjectAttributes=["ObjectSize", "ETag"])


def _copies(do: Recorder) -> None:
    do("copy_object", "copy/plain", CopySource=f"{do.bucket}/small")
    do("copy_object", "copy/app-1", CopySource={"Bucket": do.bucket, "Key": "app-1.1.bin"})
    do("copy_object", "copy/app-2", CopySource={"Bucket": do.bucket, "Key": "app-2.bin"})
    do("copy_object", "copy/odd", CopySource={"Bucket": do.bucket,
                                              "Key": "a b+c%20é~!*'()&$@=:,?.txt"})  # fmt: skip
    do("copy_object", "copy/tagged", CopySource=f"{do.bucket}/tagged")
    do("copy_object", "app-1", CopySource=f"{do.bucket}/app-1.1.bin", Bucket=do.other)
    do("copy_object", "small", CopySource=f"/{do.bucket}/small", Bucket=do.other)
    replaced: Any = {"MetadataDirective": "REPLACE", "Metadata": {"new": "1"}, **TYPES}
    do("copy_object", "copy/replaced", CopySource=f"{do.bucket}/folder/a", **replaced)
    do("copy_object", "copy/app-3", CopySource=f"{do.bucket}/app-2.bin", **replaced)
    do("copy_object", "app-1.3.bin", CopySource=f"{do.bucket}/app-1.3.bin", **replaced)
    do("copy_object", "copy/retagged", CopySource=f"{do.bucket}/tagged",
       TaggingDirective="REPLACE", Tagging="new=1")  # fmt: skip
    for key in ("copy/plain", "copy/app-1", "copy/app-2", "copy/app-3", "copy/odd", "copy/replaced",
                "app-1.3.bin"):  # fmt: skip
        do("get_object", key)
    do("get_object", "app-1", Bucket=do.other)
    do("copy_object", "small", CopySource=f"{do.bucket}/small")
    do("copy_object", "copy/none", CopySource=f"{do.bucket}/missing")
    do("copy_object", "copy/none", CopySource="no-such-bucket-of-ours/small")
    etag = do.client.head_object(Bucket=do.bucket, Key="small")["ETag"]
    source = f"{do.bucket}/small"
    do("copy_object", "copy/if", CopySource=source, CopySourceIfMatch=etag)
    do("copy_object", "copy/if", CopySource=source, CopySourceIfNoneMatch=etag)
    do("copy_object", "copy/if", CopySource=source, CopySourceIfUnmodifiedSince=OLD)
    do("copy_object", "copy/if", CopySource=source, CopySourceIfModifiedSince=OLD)


def _tags(do: Recorder) -> None:
    for key in ("tagged", "copy/tagged", "copy/retagged", "app-5.bin", "app-1.1.bin", "missing"):
        do("get_object_tagging", key)
    tags: Any = {"TagSet": [{"Key": "k", "Value": "v"}]}
    for key in ("app-1.1.bin", "small"):
        do("put_object_tagging", key, Tagging=tags)
        do("get_object_tagging", key)
        do("delete_object_tagging", key)
        do("get_object_tagging", key)


def _acls(do: Recorder) -> None:
    for key in ("app-1.1.bin", "small"):
        do("get_object_acl", key)
        do("put_object_acl", key, ACL="public-read")
        do("get_object_acl", key)
        do("put_object_acl", key, ACL="private")
    do("put_object", "shared", Body=b"shared", ACL="public-read")
    do("get_object_acl", "shared")
    do("get_object_acl", "missing")
    do("get_bucket_acl")
    do("put_bucket_acl", ACL="public-read")
    do("get_bucket_acl")
    do("put_bucket_acl", ACL="private")


def _lists(do: Recorder) -> None:
    for method in ("list_objects_v2", "list_objects"):
        do(method)
        do(method, Prefix="folder/")
        do(method, Prefix="app-1.")
        do(method, Prefix="nothing")
        do(method, Delimiter="/")
        do(method, Delimiter="/", Prefix="folder/")
        do(method, Delimiter="/", Prefix="fol")
        do(method, Delimiter="-", Prefix="app")
        do(method, MaxKeys=0)
        do(method, Prefix="a", EncodingType="url")
        do(method, Bucket="no-such-bucket-of-ours")
    do("list_objects_v2", StartAfter="copy/app-2")
    do("list_objects_v2", StartAfter="zzz")
    do("list_objects_v2", StartAfter="folder/a", Prefix="folder/")
    do("list_objects_v2", StartAfter="folder/a", Delimiter="/")
    do("list_objects", Marker="copy/app-2")
    do("list_objects", Marker="folder/", Delimiter="/")


def _pages(do: Recorder) -> None:
    def pages(method: str, size: int, **params: Any) -> list[Any]:
        asked = {"Bucket": do.bucket, **params}
        found = []
        for page in do.client.get_paginator(method).paginate(
            **asked, PaginationConfig={"PageSize": size}
        ):
            found.append(
                {
                    "Keys": [(each["Key"], each["Size"]) for each in page.get("Contents", [])],
                    "Prefixes": [each["Prefix"] for each in page.get("CommonPrefixes", [])],
                    "IsTruncated": page["IsTruncated"],
                    "MaxKeys": page["MaxKeys"],
                    "KeyCount": page.get("KeyCount"),
                }
            )
        return found

    for method in ("list_objects_v2", "list_objects"):
        for size in (1, 3, 7, 200):
            do.did(f"{method} paginator", lambda m=method, s=size: pages(m, s))
            do.did(f"{method} paginator", lambda m=method, s=size: pages(m, s, Delimiter="/"))
    pager = do.client.get_paginator("list_objects_v2")
    do.did("build_full_result", lambda: pager.paginate(Bucket=do.bucket, Prefix="folder/",
           PaginationConfig={"MaxItems": 2}).build_full_result()["Contents"])  # fmt: skip
    pages_of_apps = pager.paginate(Bucket=do.bucket, Prefix="app-1")
    do.did("search", lambda: list(pages_of_apps.search("Contents[?Size > `10`].Key")))
    do.did("can_paginate", lambda: [do.client.can_paginate(name) for name in
                                    ("list_objects_v2", "get_object")])  # fmt: skip
    do.did("get_paginator", lambda: do.client.get_paginator("get_object"))


def _presigned(do: Recorder) -> None:
    def fetched(url: str, **options: Any) -> Any:
        request = urllib.request.Request(url, **options)
        try:
            with urllib.request.urlopen(request) as answer:
                kept = ("Content-Type", "Content-Encoding", "Content-Length", "Content-Disposition")
                headers = {name: answer.headers[name] for name in kept}
                return {"status": answer.status, "body": answer.read(), **headers}
        except urllib.error.HTTPError as error:
            return {"status": error.code}

    def presigned(method: str, key: str, **params: Any) -> str:
        given = {"Bucket": do.bucket, "Key": key, **params}
        return str(do.client.generate_presigned_url(method, Params=given, ExpiresIn=600))

    for key in ("app-1.0.bin", "app-1.1.bin", "app-3.bin", "small", "missing"):
        do.did("generate_presigned_url", lambda key=key: fetched(presigned("get_object", key)))
        do.did(
            "generate_presigned_url",
            lambda key=key: fetched(presigned("head_object", key), method="HEAD"),
        )
    inline: Any = {"ResponseContentDisposition": "inline", "ResponseContentType": "text/html"}
    do.did(
        "generate_presigned_url",
        lambda: fetched(presigned("get_object", "app-1.1.bin", **inline)),
    )
    do.did(
        "generate_presigned_url",
        lambda: fetched(presigned("put_object", "by-url"), data=b"by url", method="PUT"),
    )
    do("get_object", "by-url")
    do.did("generate_presigned_url", lambda: do.client.generate_presigned_url("no_such_method"))


def _multipart(do: Recorder) -> None:
    upload: Any = do("create_multipart_upload", "parts", ContentType="text/x-log")
    named = {"Key": "parts", "UploadId": upload["UploadId"]}
    do.calls[-1][1].pop("UploadId")
    etag = do("upload_part", **named, PartNumber=1, Body=b"part")["ETag"]
    do.did("list_parts", lambda: len(do.client.list_parts(Bucket=do.bucket, **named)["Parts"]))
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    do("complete_multipart_upload", **named, MultipartUpload=parts)
    do("get_object", "parts")
    upload = do("create_multipart_upload", "parts")
    do.calls[-1][1].pop("UploadId")
    do("abort_multipart_upload", "parts", UploadId=upload["UploadId"])


def _mistakes(do: Recorder) -> None:
    do("get_object")
    do("get_object", "")
    do("get_object", 5)  # type: ignore[arg-type]
    do("get_object", "small", Bucket="Not/A Bucket")
    do("get_object", "small", NoSuchParameter=1)
    do("put_object", "small", Body=5)
    do("put_object", "small", Metadata={"a": 1})
    do("put_object", "small", Metadata="a")
    do("put_object", "small", Metadata={"é": "x"})
    do("put_object", "small", Metadata={"x": "é"})
    do("head_object")
    do("delete_objects", Delete={})
    do("list_objects_v2", MaxKeys="five")
    do("copy_object", "small", CopySource=5)
    do("copy_object", "small")
    do.did("positional", lambda: do.client.get_object(do.bucket))
    do.did("get_waiter", lambda: do.client.get_waiter("no_such_waiter"))
    do.did("attribute", lambda: do.client.no_such_method)
    do("get_object", "k" * 1025)
    do("put_object", "k" * 1025, Body=b"")
    do("put_object", "badsum", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")


def _deletes(do: Recorder) -> None:
    do("delete_object", "small")
    do("delete_object", "small")
    do("get_object", "small")
    do("delete_object", "app-1.1.bin")
    do("head_object", "app-1.1.bin")
    do("get_object", "app-1.2.bin")
    do("delete_objects", Delete={"Objects": [{"Key": "empty"}, {"Key": "missing"}]})
    do("delete_objects", Delete={"Objects": [{"Key": "copy/app-1"}], "Quiet": True})
    do("delete_object", "small", Bucket="no-such-bucket-of-ours")
    do("delete_bucket")


def _waiters(do: Recorder) -> None:
    quick = {"WaiterConfig": {"Delay": 0, "MaxAttempts": 1}}
    for name, key in (("object_exists", "app-1.2.bin"), ("object_exists", "missing"),
                      ("object_not_exists", "missing"), ("object_not_exists", "text")):  # fmt: skip
        waiter = do.client.get_waiter(name)
        do.did("waiter", lambda w=waiter, k=key: w.wait(Bucket=do.bucket, Key=k, **quick))
    for name in ("bucket_exists", "bucket_not_exists"):
        waiter = do.client.get_waiter(name)
        do.did("waiter", lambda w=waiter: w.wait(Bucket=do.bucket, **quick))
    do.did("waiter_names", lambda: sorted(do.client.waiter_names))
    do.did("exceptions", lambda: do.client.exceptions.NoSuchKey.__name__)
    do.did("meta", lambda: do.client.meta.service_model.service_name)


def _transfers(do: Recorder, folder: Path) -> None:
    for version in (10, 11):
        (folder / f"app-{version}.bin").write_bytes(release(version))
    seen: list[int] = []
    target: Any = {"Bucket": do.bucket, "Key": "app-10.bin"}
    path = str(folder / "app-10.bin")
    do.did("upload_file", lambda: do.client.upload_file(path, **target, Callback=seen.append))
    do.did("upload_file", lambda: sum(seen))
    extra = {"Metadata": {"by": "upload"}, "ContentType": "text/x-log", "Tagging": "a=1"}
    config = TransferConfig(multipart_threshold=8 << 20, max_concurrency=2)
    other = {"Bucket": do.bucket, "Key": "app-11.bin"}
    do.did("upload_file", lambda: do.client.upload_file(
        folder / "app-11.bin", **other, ExtraArgs=extra, Config=config))  # fmt: skip
    do("get_object", "app-10.bin")
    do("get_object", "app-11.bin")
    do.did("upload_file", lambda: do.client.upload_file(path, **target, ExtraArgs={"No": 1}))
    do.did("upload_file", lambda: do.client.upload_file(5, **target))
    do.did("upload_file", lambda: do.client.upload_file(str(folder / "no"), **target) is None)
    do.calls[-1][1]["message"] = ""  # the folder is in it
    nowhere = {"Bucket": "no-such-bucket-of-ours", "Key": "k"}
    do.did("upload_file", lambda: do.client.upload_file(path, **nowhere))
    do.calls[-1][1]["message"] = ""
    do.did("upload_fileobj", lambda: do.client.upload_fileobj(io.BytesIO(b"obj"), do.bucket, "obj"))
    do.did("upload_fileobj", lambda: do.client.upload_fileobj(
        Stream(release(12)), do.bucket, "app-12.bin"))  # fmt: skip
    do("get_object", "app-12.bin")
    do.did("upload_fileobj", lambda: do.client.upload_fileobj(5, do.bucket, "obj"))
    do.did("upload_fileobj", lambda: do.client.upload_fileobj(io.BytesIO(b"x"), **nowhere))
    got = folder / "got"
    seen.clear()
    do.did("download_file", lambda: do.client.download_file(
        do.bucket, "app-10.bin", str(got), Callback=seen.append))  # fmt: skip
    do.did("download_file", lambda: (got.read_bytes(), sum(seen)))
    do.did("download_file", lambda: do.client.download_file(do.bucket, "missing", str(got)))
    do.did("download_file", lambda: do.client.download_file(
        do.bucket, "app-10.bin", str(got), ExtraArgs={"No": 1}))  # fmt: skip
    into = io.BytesIO()
    do.did("download_fileobj", lambda: do.client.download_fileobj(do.bucket, "app-11.bin", into))
    do.did("download_fileobj", into.getvalue)
    do.did("download_fileobj", lambda: do.client.download_fileobj(do.bucket, "missing", into))
    do.did("download_fileobj", lambda: do.client.download_fileobj(do.bucket, "app-10.bin", 5))
    source = {"Bucket": do.bucket, "Key": "app-11.bin"}
    seen.clear()
    do.did("copy", lambda: do.client.copy(source, do.other, "app-copy", Callback=seen.append))
    do.did("copy", lambda: sum(seen))
    do("get_object", "app-copy", Bucket=do.other)
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"n": "1"}}
    do.did("copy", lambda: do.client.copy(source, do.bucket, "app-13.bin", ExtraArgs=replaced))
    do("get_object", "app-13.bin")
    do.did("copy", lambda: do.client.copy({**source, "Key": "missing"}, do.bucket, "x"))
    do.did("copy", lambda: do.client.copy("bucket/key", do.bucket, "x"))
    do.did("copy", lambda: do.client.copy(source, do.bucket, "x", SourceClient=do.client))
    do("list_objects_v2", Prefix="app-1")


def _clean(do: Recorder) -> None:
    for bucket in (do.bucket, do.other):
        for page in do.client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                do.client.delete_object(Bucket=bucket, Key=each["Key"])
    do("list_objects_v2")
