"""Chat and job streams over SSE. As in the real app, a stream lives in one process, and no other knows it."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

KEPT_STREAMS = 200
HEADERS = {"Cache-Control": "no-cache", "Connection": "keep-alive", "X-Accel-Buffering": "no"}
PASSAGES = {
    "en": "Each word here is one server-sent event, on its way to you the moment it was written. ".split(" "),
    "zh": list("这里的每个字都是一个服务器推送事件，写出的一刻就已上路。"),
}
Count = Annotated[int, Query(ge=0, le=1_000_000)]
Pace = Annotated[int, Query(ge=0, le=3_600_000)]
Event = dict[str, Any]
routes = APIRouter()
begun: dict[str, "Stream"] = {}
answering: set[int] = set()


@dataclass
class Stream:
    """Event `seq` is due at `began_s + seq * pace_s`: whoever comes back is given what was missed, then follows."""

    session_id: str
    words: list[str]
    total: int
    pace_s: float
    id: str = field(default_factory=lambda: str(uuid4()))
    began_s: float = field(default_factory=monotonic)
    aborted_s: float = math.inf
    aborted: asyncio.Event = field(default_factory=asyncio.Event)

    def abort(self) -> None:
        self.aborted_s = min(self.aborted_s, monotonic())
        self.aborted.set()

    async def events(self, after_seq: int) -> AsyncIterator[Event]:
        for seq in range(after_seq + 1, self.total + 1):
            due_s = self.began_s + seq * self.pace_s
            with suppress(asyncio.TimeoutError):
                if due_s > monotonic():
                    await asyncio.wait_for(self.aborted.wait(), due_s - monotonic())
            if due_s > self.aborted_s:
                yield {"type": "aborted", "stream_id": self.id, "seq": seq}
                return
            word = self.words[(seq - 1) % len(self.words)]
            yield {"type": "token", "stream_id": self.id, "seq": seq, "content": word}
        yield {"type": "completed", "stream_id": self.id, "seq": self.total + 1}


class Ask(BaseModel):
    session_id: str = ""
    stream_id: str = ""
    after_seq: int = 0


@routes.post("/chat/stream")
async def stream(ask: Ask | None = None, n: Count | None = None, ms: Pace = 40, lang: str = "en") -> StreamingResponse:
    words = PASSAGES.get(lang, PASSAGES["en"])
    new = Stream((ask or Ask()).session_id, words, len(words) if n is None else n, ms / 1000)
    begun[new.id] = new
    for oldest in list(begun)[:-KEPT_STREAMS]:
        del begun[oldest]
    return answer(new.events(0))


@routes.post("/chat/subscribe")
async def subscribe(ask: Ask) -> StreamingResponse:
    found = find(ask)
    return answer(found.events(max(ask.after_seq, 0)) if found else unknown(ask.stream_id))


@routes.post("/chat/abort")
async def abort(ask: Ask) -> dict[str, bool]:
    found = find(ask)
    if found:
        found.abort()
    return {"aborted": found is not None}


@routes.post("/chat/approve")
async def approve(ask: Ask) -> dict[str, bool]:
    """Where the real app lets a tool go on: only the process that runs the stream can."""
    return {"approved": find(ask) is not None}


@routes.get("/jobs/{job_id}/events")
async def job(
    job_id: str, n: Count = 600, ms: Pace = 1_000, last_event_id: Annotated[int, Header(ge=0)] = 0
) -> StreamingResponse:
    return answer(job_events(job_id, last_event_id, n, ms / 1000))


@routes.get("/streams")
async def count() -> dict[str, int]:
    """How many are open: seen from outside, that one has stopped."""
    return {"open": len(answering)}


def find(ask: Ask) -> Stream | None:
    found = begun.get(ask.stream_id)
    return found if found is not None and found.session_id == ask.session_id else None


async def unknown(stream_id: str) -> AsyncIterator[Event]:
    """What the real app says of a stream that another process owns."""
    yield {"type": "completed", "stream_id": stream_id, "seq": 0}


async def job_events(job_id: str, after_seq: int, total: int, pace_s: float) -> AsyncIterator[Event]:
    """For EventSource: a client that comes back with the last id is not told the same twice."""
    for seq in range(after_seq + 1, total + 1):
        yield {"job_id": job_id, "seq": seq, "status": "running" if seq < total else "completed"}
        await asyncio.sleep(pace_s)


def answer(events: AsyncIterator[Event]) -> StreamingResponse:
    return StreamingResponse(encode(events), media_type="text/event-stream", headers=HEADERS)


async def encode(events: AsyncIterator[Event]) -> AsyncIterator[str]:
    answering.add(id(events))
    try:
        async for event in events:
            number = f"id: {event['seq']}\n" if "job_id" in event else ""
            yield f"{number}data: {json.dumps(event, ensure_ascii=False)}\n\n"
    finally:
        answering.discard(id(events))
