"""Uploads that are hashed as they come, and downloads that are made as they go: neither is ever held whole."""

from collections.abc import AsyncIterator
from hashlib import sha256
from time import perf_counter
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import UploadFile
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 101 * 1024**2  # a file of 100 MB, and the form around it
READ_BYTES = 256 * 1024
BLOCK = b"sample download, in blocks of 64 bytes or thereabouts. ".ljust(64, b".") * 1024
routes = APIRouter()


class BodyLimit:
    """Ends a request, as it comes in, whose body is longer than the app takes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = MOST_BYTES

        async def receive_counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_counted if scope["type"] == "http" else receive, send)


@routes.post("/upload")
async def upload(request: Request) -> dict[str, object]:
    """Takes a body as it is, or the first file of a form, whose parser spools it to TMPDIR."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await digest(request.stream())
    async with request.form(max_files=1) as form:
        for field in form.values():
            if isinstance(field, UploadFile):
                return {"filename": field.filename, **await digest(chunks(field))}
    raise HTTPException(400, "The form has no file")


async def chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(READ_BYTES):
        yield chunk


async def digest(body: AsyncIterator[bytes]) -> dict[str, object]:
    began, fingerprint, length = perf_counter(), sha256(), 0
    async for chunk in body:
        fingerprint.update(chunk)
        length += len(chunk)
    return {"bytes": length, "sha256": fingerprint.hexdigest(), "ms": round((perf_counter() - began) * 1000)}


@routes.get("/download")
async def download(
    size: Annotated[int, Query(alias="bytes", ge=0, le=4 * 1024**3)] = 1_000_000,
    name: Annotated[str, Query(pattern=r'^[^"\\/\x00-\x1f\x7f]{1,100}$')] = "季度报表 2026.xlsx",
    raw: bool = False,
) -> StreamingResponse:
    """With `raw` the name goes as bare UTF-8, as many servers send it: bytes that a proxy must not touch."""
    answer = StreamingResponse(blocks(size), media_type="application/octet-stream")
    answer.headers["Content-Length"] = str(size)
    value = f'attachment; filename="{name}"' if raw else f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer.raw_headers.append((b"content-disposition", value.encode()))
    return answer


async def blocks(left: int) -> AsyncIterator[bytes]:
    while left > 0:
        yield BLOCK[:left]
        left -= len(BLOCK)
