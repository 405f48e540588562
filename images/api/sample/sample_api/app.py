"""The app: health, plain answers, and what the other modules add."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import gethostname
from typing import Annotated

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, WebSocket
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response

from . import files, streams
from .settings import read_settings

settings = read_settings(os.environ)
routes = APIRouter(prefix="/api/v1")
who = {"hostname": gethostname(), "pid": os.getpid(), "release": settings.release}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.status = "ok"
    yield
    app.state.status = "draining"


@routes.get("/health")
async def health(request: Request) -> dict[str, str]:
    return {"status": request.app.state.status}


async def set_status(request: Request) -> dict[str, str]:
    """For whoever is on this machine: an edge would have said for whom it asks."""
    if "x-forwarded-for" in request.headers:
        raise HTTPException(404)
    request.app.state.status = "draining" if request.url.path.endswith("/drain") else "ok"
    return await health(request)


@routes.get("/whoami")
async def whoami() -> dict[str, object]:
    return {**who, "auth": settings.has_auth, "database": settings.has_database}


@routes.api_route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
async def echo(request: Request) -> dict[str, object]:
    """What reached the app, as it reached it: the far side of every question about forwarding."""
    body = await files.digest(request.stream())
    url = b"?".join(filter(None, (request.scope["raw_path"], request.scope["query_string"])))
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    client = ":".join(map(str, request.client or ()))
    return {**who, "method": request.method, "url": url.decode("latin-1"), "from": client, "headers": headers, **body}


@routes.get("/slow")
async def slow(ms: Annotated[int, Query(ge=0, le=3_600_000)] = 2_000) -> dict[str, int]:
    await asyncio.sleep(ms / 1000)
    return {"waited": ms}


@routes.get("/status/{code}")
async def status(code: int) -> Response:
    if not 200 <= code <= 599:
        raise HTTPException(400, "A status is a number from 200 to 599")
    return Response(status_code=code) if code in (204, 304) else JSONResponse({"status": code}, code)


@routes.websocket("/ws")
async def ws(socket: WebSocket) -> None:
    await socket.accept()
    while (message := await socket.receive())["type"] == "websocket.receive":
        await socket.send({**message, "type": "websocket.send"})


routes.include_router(files.routes)
routes.include_router(streams.routes)
app = FastAPI(lifespan=lifespan, openapi_url=None)
app.include_router(routes)
app.add_api_route("/internal/drain", set_status, methods=["POST"])
app.add_api_route("/internal/resume", set_status, methods=["POST"])
app.add_middleware(files.BodyLimit)
app.add_middleware(
    CORSMiddleware,
    allow_origins=settings.cors_origins,
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
