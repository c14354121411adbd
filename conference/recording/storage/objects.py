"""An object storage that speaks S3: Amazon's, MinIO, Garage, Ceph and others, through Amazon's own library.

All of this blocks, and is to be called in threads and processes that nothing waits for. Credentials and the region come
from where Amazon's own programs take them: the variables ``AWS_ACCESS_KEY_ID`` and so on, or a profile.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from conference.recording.about import ABOUT, TYPES, About, from_json
from conference.recording.storage.address import ObjectAddress

PART_BYTES: Final = 8 * 1024 * 1024
"""Files that are larger go up in parts of this size, or of a larger one where there would be too many: each is tried
again by itself."""

MAX_PARTS: Final = 10_000
"""So many S3 takes."""

CONNECT_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 20.0
TRIES: Final = 3

MAX_ABOUT_BYTES: Final = 8 * 1024 * 1024
"""What is known of a recording is no larger; a foreign object of that name may be."""

MISSING_LIBRARY: Final = "Recordings in an object storage need boto3: pip install 'conference[s3]'."

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_REFUSALS = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403", "401"}
)


class StorageError(Exception):
    """The object storage did not do what it was asked for.

    Args:
        sentence: for people; it holds no address and no key.
        detail: for the log.
    """

    def __init__(self, sentence: str, detail: str = "") -> None:
        super().__init__(sentence)
        self.detail = detail


class NoSuchObject(StorageError):
    """It holds no such object."""


class StorageUnavailable(StorageError):
    """The library for it is not there."""


class Download:
    """A part of an object that is being read. Its methods block.

    Args:
        body: of boto3's answer.
        storage: whose sentences its errors get.
    """

    def __init__(self, body: Any, storage: ObjectStorage) -> None:
        self._body = body
        self._storage = storage

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end.

        Raises:
            StorageError: the connection broke.
        """
        with self._storage.sentences():
            return bytes(self._body.read(size))

    def close(self) -> None:
        """Read no more."""
        self._body.close()


class ObjectStorage:
    """The recordings in a part of a bucket: a folder of objects for each, named by its id.

    Args:
        address: where they are.
        endpoint: the address of the storage; ``None``: what ``AWS_ENDPOINT_URL_S3`` says, else Amazon's.

    Raises:
        StorageUnavailable: boto3 is missing.
        StorageError: it cannot be used as the environment is set.
    """

    def __init__(self, address: ObjectAddress, endpoint: str | None = None) -> None:
        try:
            import boto3  # an extra, and half a second of work: for those who use it
            from botocore import exceptions
            from botocore.config import Config
        except ImportError:
            raise StorageUnavailable(MISSING_LIBRARY) from None
        self.address = address
        self._errors = exceptions
        with self.sentences():
            self._client: Any = boto3.session.Session().client(
                "s3",
                endpoint_url=endpoint,
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                    retries={"mode": "standard", "total_max_attempts": TRIES},
                    max_pool_connections=16,
                    # As others than Amazon want it: no bucket in the name of the host, no checksums behind the body.
                    s3=None if endpoint is None else {"addressing_style": "path"},
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )

    # What is there

    def all(self) -> Iterator[About]:
        """What is known of each recording that is there whole. Of others' objects nothing is believed.

        Raises:
            StorageError: it cannot be asked.
        """
        for recording_id in self._ids():
            with suppress(NoSuchObject):  # it is on its way, or was deleted just now
                about = self.about(recording_id)
                if about is not None and about.status == "ready":
                    yield about

    def about(self, recording_id: str) -> About | None:
        """What is known of a recording; ``None`` if that makes no sense.

        Raises:
            NoSuchObject: it is not there, or not whole yet.
            StorageError: it cannot be asked.
        """
        download, size = self.open(recording_id, ABOUT)
        try:
            text = download.read(MAX_ABOUT_BYTES + 1) if size <= MAX_ABOUT_BYTES else b""
        finally:
            download.close()
        about = from_json(text)
        return replace(about, stored=True) if about is not None and about.id == recording_id else None

    def _ids(self) -> Iterator[str]:
        begins = f"{self.address.prefix}/" if self.address.prefix else ""
        with self.sentences():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.address.bucket, Prefix=begins, Delimiter="/"
            )
            for page in pages:
                for one in page.get("CommonPrefixes", ()):
                    recording_id = str(one.get("Prefix", "")).removeprefix(begins).rstrip("/")
                    if _ID.fullmatch(recording_id):
                        yield recording_id

    def open(self, recording_id: str, name: str, part: tuple[int, int] | None = None) -> tuple[Download, int]:
        """Begin to read a file of a recording.

        Args:
            recording_id: which.
            name: of the file.
            part: its first byte and its last; ``None`` for all of it.

        Returns:
            What reads it, and how many bytes it will give.

        Raises:
            NoSuchObject: it is not there.
            StorageError: it cannot be asked.
        """
        more = {} if part is None else {"Range": f"bytes={part[0]}-{part[1]}"}
        with self.sentences():
            answer = self._client.get_object(
                Bucket=self.address.bucket, Key=self.address.key(recording_id, name), **more
            )
        return Download(answer["Body"], self), int(answer["ContentLength"])

    def fetch(self, recording_id: str, name: str, folder: Path) -> None:
        """Bring a file of a recording into a folder.

        Raises:
            NoSuchObject: it is not there.
            StorageError: it cannot be had whole.
            OSError: it cannot be written.
        """
        download, size = self.open(recording_id, name)
        try:
            with (folder / name).open("xb") as file:
                while data := download.read(PART_BYTES):
                    file.write(data)
                if file.tell() != size:
                    raise StorageError("The object storage broke off.")
        finally:
            download.close()

    # What goes there

    def put_file(self, recording_id: str, path: Path, kind: str) -> None:
        """Put a file there, unless it is there already, and make sure that it is there whole.

        Args:
            recording_id: whose.
            path: of the file, by whose name it can be found.
            kind: its media type.

        Raises:
            StorageError: it is not there, or not whole.
            OSError: the file cannot be read.
        """
        key, size = self.address.key(recording_id, path.name), path.stat().st_size
        with path.open("rb") as file:
            about = {"sha256": hashlib.file_digest(file, "sha256").hexdigest()}
            if self._is_there(key, size, about):
                return
            file.seek(0)
            part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
            if size <= part_bytes:
                self._put(key, file.read(), kind, about)
            else:
                self._put_parts(key, file, part_bytes, kind, about)
        if not self._is_there(key, size, about):
            raise StorageError(f"The object storage took {path.name}, and does not show it as it was sent.")

    def put_about(self, about: About) -> None:
        """Put there what is known of a recording. With that, it is there for whoever looks: it comes last.

        Raises:
            StorageError: it is not there.
        """
        data = json.dumps(asdict(replace(about, stored=True))).encode()
        self._put(self.address.key(about.id, ABOUT), data, "application/json", {})

    def delete(self, recording_id: str) -> None:
        """Delete a recording, and what has come of one that was on its way. One that is gone is no error.

        Raises:
            StorageError: something may be left.
        """
        begins = self.address.key(recording_id) + "/"
        for name in TYPES:
            self._break_off(begins + name)
        with self.sentences():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.address.bucket, Prefix=begins)
            keys = [str(one["Key"]) for page in pages for one in page.get("Contents", ())]
            for key in sorted(keys, key=lambda one: one == begins + ABOUT):  # what is known of it last, as in a folder
                self._client.delete_object(Bucket=self.address.bucket, Key=key)

    def _is_there(self, key: str, size: int, about: Mapping[str, str]) -> bool:
        try:
            with self.sentences():
                found = self._client.head_object(Bucket=self.address.bucket, Key=key)
        except NoSuchObject:
            return False
        return int(found["ContentLength"]) == size and about.items() <= found.get("Metadata", {}).items()

    def _put(self, key: str, data: bytes, kind: str, about: Mapping[str, str]) -> None:
        whose = {"Bucket": self.address.bucket, "Key": key}
        self._send(self._client.put_object, data, **whose, ContentType=kind, Metadata=about)

    def _put_parts(self, key: str, file: BinaryIO, part_bytes: int, kind: str, about: Mapping[str, str]) -> None:
        self._break_off(key)
        whose = {"Bucket": self.address.bucket, "Key": key}
        with self.sentences():
            upload = self._client.create_multipart_upload(**whose, ContentType=kind, Metadata=about)["UploadId"]
        try:
            parts, number = [], 0
            while data := file.read(part_bytes):
                number += 1
                answer = self._send(self._client.upload_part, data, **whose, UploadId=upload, PartNumber=number)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            with self.sentences():
                self._client.complete_multipart_upload(**whose, UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(StorageError), self.sentences():
                self._client.abort_multipart_upload(**whose, UploadId=upload)
            raise

    def _break_off(self, key: str) -> None:
        """Forget the parts of what went up before and was cut short: nobody sees them, and they are paid for."""
        whose = {"Bucket": self.address.bucket, "Key": key}
        try:
            with self.sentences():
                begun = self._client.list_multipart_uploads(Bucket=self.address.bucket, Prefix=key).get("Uploads", ())
                for one in begun:
                    if one["Key"] == key:
                        self._client.abort_multipart_upload(**whose, UploadId=one["UploadId"])
        except NoSuchObject:  # somebody else has just done it
            return

    def _send(self, call: Callable[..., Mapping[str, Any]], data: bytes, **more: Any) -> Mapping[str, Any]:
        """What is sent is there as it was: its tag is its MD5, where the storage encrypts nothing."""
        md5 = hashlib.md5(data, usedforsecurity=False)  # S3 asks for it, against damage on the way
        with self.sentences():
            answer = call(Body=data, ContentMD5=base64.b64encode(md5.digest()).decode(), **more)
        tag = _MD5.fullmatch(str(answer.get("ETag", "")))
        if tag and "ServerSideEncryption" not in answer and tag[1] != md5.hexdigest():
            raise StorageError("The object storage has got other bytes than were sent.")
        return answer

    # What goes wrong

    @contextmanager
    def sentences(self) -> Iterator[None]:
        """Whatever boto3 raises within is a `StorageError`."""
        errors = self._errors
        try:
            yield
        except errors.ClientError as error:
            raise self._refusal(error) from None
        except (errors.NoCredentialsError, errors.PartialCredentialsError):
            sentence = (
                "There are no credentials for the object storage: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
            raise StorageError(sentence) from None
        except (errors.ConnectTimeoutError, errors.ReadTimeoutError):
            raise StorageError("The object storage did not answer in time.") from None
        except (errors.EndpointConnectionError, errors.HTTPClientError, OSError) as error:
            raise StorageError("The object storage cannot be reached.", _short(error)) from None
        except (errors.BotoCoreError, ValueError) as error:
            raise StorageError("The object storage cannot be used as the server is set up.", _short(error)) from None

    def _refusal(self, error: Any) -> StorageError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return StorageError("There is no such bucket in the object storage.", self.address.bucket)
        if code in ("NoSuchKey", "NoSuchUpload") or status == 404:
            return NoSuchObject("The object storage does not have it.")
        if code in _REFUSALS or status in (401, 403):
            return StorageError(f"The object storage refuses the server's credentials ({_printable(code)}).")
        return StorageError(f"The object storage answered {status} ({_printable(code)}).")


def _short(error: object) -> str:
    return _printable(str(error).splitlines()[0][:200].rstrip(".") if str(error) else type(error).__name__)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
