#!/usr/bin/python3
"""A long, lossy line between two network devices: every packet arrives late, and some never.

    wan.py DEVICE DEVICE        (as root; both devices carry nothing else, and their offloads are off: offloads.py)

One command a line on standard input, one answer a line on standard output; it ends when standard input does. A
direction is named by the device at which its packets come in; without one, a command is for both.

    delay MS [DEVICE]     one way
    loss P [DEVICE]       the share of packets lost, 0 to 1
    loss-flow PORT P      instead of that, for TCP flows from or to that port; 0 ends it
    cut, heal             nothing passes, and what was under way is lost; all passes again
    stats                 JSON, by device: packets, dropped, bytes; overrun: lost because this program was too slow
    flows                 JSON, since it was asked last: "PORT-PORT" (from, to) of each TCP flow → packets, bytes
    look TEXT             from here on, counts the packets that this is in, in clear text
    seen                  how many those were
"""

import gc
import json
import os
import random
import select
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress

SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE = 263, 6, 23, 33
ETH_P_ALL = 3
LARGEST_PACKET = 2048  # an MTU of 1500, and the Ethernet header
AT_ONCE = 64  # packets of one direction before the other one has its turn
QUEUED_BYTES = 1 << 24


class Direction:
    def __init__(self, name):
        self.name = name
        self.inlet = packet_socket(name)
        self.outlet = None
        self.delay_s = 0.0
        self.loss = 0.0
        self.under_way = deque()
        self.packets = self.dropped = self.bytes = self.overrun = 0

    def take(self, line):
        inlet, under_way = self.inlet, self.under_way
        due_s = time.monotonic() + self.delay_s
        # A line whose delay becomes shorter does not reorder what is on it.
        if under_way:
            due_s = max(due_s, under_way[-1][0])
        for _ in range(AT_ONCE):
            try:
                packet = inlet.recv(LARGEST_PACKET)
            except (BlockingIOError, OSError):
                return
            self.packets += 1
            self.bytes += len(packet)
            if line.is_lost(packet, self.loss):
                self.dropped += 1
            else:
                under_way.append((due_s, packet))

    def deliver(self):
        under_way = self.under_way
        now_s = time.monotonic()
        while under_way and under_way[0][0] <= now_s:
            packet = under_way.popleft()[1]
            try:
                self.outlet.send(packet)
            except OSError:  # its device is full, or gone
                self.dropped += 1

    def stats(self):
        # Reading them resets them.
        self.overrun += struct.unpack("II", self.inlet.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        return {name: getattr(self, name) for name in ("packets", "dropped", "bytes", "overrun")}


class Line:
    def __init__(self, one, other):
        self.directions = [Direction(one), Direction(other)]
        for direction, reverse in zip(self.directions, reversed(self.directions)):
            direction.outlet = reverse.inlet
        self.loss_by_port = {}
        self.flows = {}
        self.is_cut = False
        self.looked_for = None
        self.seen = 0

    def is_lost(self, packet, loss):
        if self.looked_for is not None and self.looked_for in packet:
            self.seen += 1
        # IPv4 over Ethernet, and TCP in it.
        if len(packet) > 37 and packet[12:14] == b"\x08\x00" and packet[23] == 6:
            start = 14 + (packet[14] & 15) * 4
            ports = packet[start : start + 4]
            flow = self.flows.get(ports)
            if flow is None:
                flow = self.flows[ports] = [0, 0]
            flow[0] += 1
            flow[1] += len(packet)
            if self.loss_by_port:
                loss = self.loss_by_port.get(ports[:2], self.loss_by_port.get(ports[2:], loss))
        return self.is_cut or (loss > 0 and random.random() < loss)

    def until_due_s(self):
        dues = [direction.under_way[0][0] for direction in self.directions if direction.under_way]
        return max(0.0, min(dues) - time.monotonic()) if dues else None

    def answer(self, words):
        verb, *rest = words
        if verb in ("delay", "loss"):
            value = float(rest[0])
            for direction in self.directions:
                if len(rest) == 1 or direction.name == rest[1]:
                    setattr(direction, *(("delay_s", value / 1000) if verb == "delay" else ("loss", value)))
        elif verb == "loss-flow":
            port = struct.pack("!H", int(rest[0]))
            self.loss_by_port.pop(port, None)
            if float(rest[1]) > 0:
                self.loss_by_port[port] = float(rest[1])
        elif verb in ("cut", "heal"):
            self.is_cut = verb == "cut"
            if self.is_cut:
                for direction in self.directions:
                    direction.dropped += len(direction.under_way)
                    direction.under_way.clear()
        elif verb == "stats":
            return json.dumps({direction.name: direction.stats() for direction in self.directions})
        elif verb == "flows":
            seen, self.flows = self.flows, {}
            names = {ports: "%d-%d" % struct.unpack("!HH", ports) for ports in seen}
            return json.dumps({names[ports]: {"packets": p, "bytes": b} for ports, (p, b) in seen.items()})
        elif verb == "look":
            self.looked_for, self.seen = rest[0].encode(), 0
        elif verb == "seen":
            return str(self.seen)
        else:
            raise ValueError(f"no command {verb}")
        return "ok"


def packet_socket(device):
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)  # what we send is not what comes in
    made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUED_BYTES)
    made.bind((device, 0))
    made.setblocking(False)
    return made


def answer_lines(line, text):
    for command in text.splitlines():
        try:
            said = line.answer(command.split())
        except (ValueError, IndexError, struct.error) as error:
            said = f"error: {error}"
        print(said, flush=True)


def main(one, other):
    gc.disable()  # nothing here is a circle, and a pause is jitter
    with suppress(PermissionError):  # a busy machine must not be the line's delay
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    line = Line(one, other)
    sockets = {direction.inlet: direction for direction in line.directions}
    commands = sys.stdin.fileno()
    half = b""
    print("ok", flush=True)
    while True:
        ready, _, _ = select.select([commands, *sockets], [], [], line.until_due_s())
        for each in ready:
            if each != commands:
                sockets[each].take(line)
        for direction in line.directions:
            direction.deliver()
        if commands in ready:
            text = os.read(commands, 4096)
            if not text:
                return
            whole, newline, half = (half + text).rpartition(b"\n")
            answer_lines(line, (whole + newline).decode())


main(*sys.argv[1:3])
