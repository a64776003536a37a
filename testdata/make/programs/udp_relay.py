"""A bad line between two UDP programs: udp_relay.py FROM TO [drop=c1,s3] [reverse] [twice]

Takes datagrams on port FROM and hands them on to port TO, one client at a time. drop loses datagrams by side (c of the
client, s of the server) and number, from 0. reverse hands on what comes within 30 ms in the opposite order. twice hands
each on two times.
"""
import select
import socket
import sys

TOGETHER = 0.03


def main():
    listen, target, *options = sys.argv[1:]
    drop = {one for option in options if option.startswith("drop=") for one in option[5:].split(",")}
    client_side = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client_side.bind(("127.0.0.1", int(listen)))
    server_side = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server_side.connect(("127.0.0.1", int(target)))
    client, counts = None, {"c": 0, "s": 0}
    while True:
        waiting, timeout = [], None
        while ready := select.select([client_side, server_side], [], [], timeout)[0]:
            for side in ready:
                data, sender = side.recvfrom(65536)
                name = "c" if side is client_side else "s"
                client = sender if name == "c" else client
                if f"{name}{counts[name]}" not in drop:
                    waiting.append((name, data))
                counts[name] += 1
            timeout = TOGETHER if "reverse" in options else 0
        for name, data in reversed(waiting) if "reverse" in options else waiting:
            for _ in range(2 if "twice" in options else 1):
                server_side.send(data) if name == "c" else client_side.sendto(data, client)


main()
