"""A ZeroMQ peer of the real libzmq: sends what its standard input asks for, one command per line.

    peer.py PUSH|PUB|HEARTBEAT bind|connect ENDPOINT…      it tells `at ENDPOINT` for each, then `ok` after each command

    parts TEXT TEXT …     a message of these parts, tab-separated
    many COUNT FIRST      so many entries, whose `line` counts on from FIRST; it waits while the queue is full
    fat COUNT FIRST       the same with messages of 1000 bytes
    big BYTES             a message of one entry of about so many bytes
    subscribers COUNT     waits until so many have subscribed
"""

import json
import sys

import zmq

kind, side, *endpoints = sys.argv[1:]
context = zmq.Context()
socket = context.socket(zmq.XPUB if kind == "PUB" else zmq.PUSH)
socket.setsockopt(zmq.SNDHWM, 1000)
socket.setsockopt(zmq.RECONNECT_IVL, 50)
if kind == "PUB":
    socket.setsockopt(zmq.XPUB_NODROP, 1)
    socket.setsockopt(zmq.XPUB_VERBOSE, 1)
if kind == "HEARTBEAT":
    # A PUSH peer that closes connections on which no answer comes.
    socket.setsockopt(zmq.HEARTBEAT_IVL, 200)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 2000)
for endpoint in endpoints:
    (socket.bind if side == "bind" else socket.connect)(endpoint)
    print("at", socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)

for line in sys.stdin:
    command, _, rest = line.rstrip("\n").partition(" ")
    if command == "parts":
        socket.send_multipart([part.encode() for part in rest.split("\t")])
    elif command == "many":
        count, first = map(int, rest.split())
        for number in range(first, first + count):
            socket.send(b'{"message":"entry","line":%d}' % number)
    elif command == "fat":
        count, first = map(int, rest.split())
        for number in range(first, first + count):
            socket.send(b'{"message":"%s","line":%d}' % (b"x" * 1000, number))
    elif command == "big":
        socket.send_string(json.dumps({"message": "x" * int(rest), "line": 1}))
    elif command == "subscribers":
        for _ in range(int(rest)):
            assert socket.recv().startswith(b"\x01")
    else:
        sys.exit(f"unknown command {command!r}")
    print("ok", flush=True)
# At the end of its input it waits until all is sent.
socket.close(linger=20_000)
context.term()
print("sent", flush=True)
