"""A name server and resolver for one zone that counts what it is asked, each answer late by the same time.

It knows the zone, its name server (itself), a CAA record and one address for every name below the zone.
"""
import heapq
import socket
import struct
import threading
import time
from collections import Counter

A, NS, SOA, CAA = 1, 2, 6, 257


def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


class CountingDns(threading.Thread):
    def __init__(self, zone, port=0, delay=0.0, caa="ca.example"):
        super().__init__(daemon=True)
        self.zone, self.delay, self.caa = zone, delay, caa
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.dns = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.is_over = False
        self.reset()

    def reset(self):
        self.asked = Counter()  # (name, type); a query that is sent again has the same number, and counts once
        self.seen = set()
        self.waiting, self.most = set(), 0  # unanswered questions, and the most of them at once

    def stop(self):
        self.is_over = True
        self.join()
        self.socket.close()

    def run(self):
        due = []
        while not self.is_over:
            wait = min(0.05, max(0.0, due[0][0] - time.monotonic())) if due else 0.05
            self.socket.settimeout(wait or 0.0001)
            try:
                query, peer = self.socket.recvfrom(2048)
                heapq.heappush(due, (time.monotonic() + self.delay, len(self.seen), self.note(query, peer), query, peer))
            except TimeoutError:
                pass
            while due and due[0][0] <= time.monotonic():
                _, _, question, query, peer = heapq.heappop(due)
                self.waiting.discard(question)
                self.socket.sendto(self.answer(query), peer)

    @staticmethod
    def parse(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        return ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])[0], at + 5

    def note(self, query, peer):
        name, kind, _ = self.parse(query)
        question = (query[:2], name, kind)
        if question not in self.seen:
            self.seen.add(question)
            self.asked[name, kind] += 1
            self.waiting.add(question)
            self.most = max(self.most, len(self.waiting))
        return question

    def answer(self, query):
        name, kind, end = self.parse(query)
        soa = (wire(self.zone), SOA, wire(f"ns.{self.zone}") + wire(f"h.{self.zone}") + struct.pack("!5I", 1, 2, 3, 4, 5))
        found, authority, rcode = [], [], 0
        if name != self.zone and not name.endswith("." + self.zone):
            rcode = 3
        elif kind == SOA and name == self.zone:
            found = [soa]
        elif kind == NS and name == self.zone:
            found = [(wire(name), NS, wire(f"ns.{self.zone}"))]
        elif kind == CAA and name == self.zone:
            found = [(wire(name), CAA, b"\0\x05issue" + self.caa.encode())]
        elif kind == A:
            found = [(wire(name), A, bytes([127, 0, 0, 1]))]
        else:
            authority = [soa]
        header = query[:2] + struct.pack("!5H", 0x8580 | rcode, 1, len(found), len(authority), 0)
        return header + query[12:end] + b"".join(
            owner + struct.pack("!HHIH", of, 1, 60, len(data)) + data for owner, of, data in found + authority)
