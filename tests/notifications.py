"""`python -m tests.notifications`: 2,000 alerts over real HTTP to a receiver that fails, stalls, says 429 and dies.

The deliverer is a process of its own that is killed at times, and is then given all alerts again, as Kafka would. In
the end each alert must have arrived, under a valid signature, and in the order of its group. Prints what happened.
"""

import contextlib
import http.server
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import click

from streams.notify import outbox, signatures, transport
from streams.notify.outbox import Outbox, Tools
from streams.notify.spool import Entry, Spool
from tests.notifying import SECRET, alert, channel

GROUPS, KILLS, DEATHS = 50, 8, 5
STALL_S = 0.6
FATES = {
    "taken": 0.80,
    "failed": 0.06,
    "limited": 0.04,
    "stalled": 0.02,
    "taken and stalled": 0.02,
    "taken and cut": 0.06,
}


def alerts(count):
    return [alert(f"{n % GROUPS:016x}", n // GROUPS + 1, group_id=f"acme/irc/#{n % GROUPS}") for n in range(count)]


class Hook(http.server.BaseHTTPRequestHandler):
    """Draws what becomes of a request; what it took stands in the server's `arrivals`."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fate = self.server.random.choices(list(FATES), list(FATES.values()))[0]
        self.server.fates[fate] += 1
        if fate.startswith("taken"):
            alert_id, at = self.headers["webhook-id"], int(self.headers["webhook-timestamp"])
            is_signed = signatures.webhook(SECRET, alert_id, at, body) == self.headers["webhook-signature"]
            self.server.arrivals.append((alert_id, is_signed))
        if fate.endswith("stalled"):
            time.sleep(STALL_S)
        if fate.endswith("cut"):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        with contextlib.suppress(OSError):
            self.send_response({"taken": 200, "limited": 429}.get(fate, 500))
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_):
        pass


class Receiver:
    """A server that can die and come back at the same port."""

    def __init__(self, seed):
        self.random, self.fates, self.arrivals, self.port = random.Random(seed), Counter(), [], 0
        self.start()

    def start(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Hook)
        self.server.handle_error = lambda *_: None
        self.server.random, self.server.fates, self.server.arrivals = self.random, self.fates, self.arrivals
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def die(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def deliver(url, path, count):
    """The process that delivers: waits are real but short; ends when nothing is left."""
    transport.TIMEOUT_S = STALL_S / 2
    outbox.FIRST_BACKOFF_S, outbox.LONGEST_BACKOFF_S = 0.01, 0.1
    letters = []
    tools = Tools(transport.send, lambda letter: letters.append(letter) is None)
    mine = Outbox(channel("webhook", url=url, secret=SECRET, per_minute=1_000_000), Spool(Path(path)), tools)
    every = [Entry(one, 0, offset) for offset, one in enumerate(alerts(count))]
    for start in range(0, count, 100):
        mine.put(every[start : start + 100])
        for _ in range(50):
            time.sleep(min(mine.step(), 1.0) if len(mine) else 0.0)
    while len(mine):
        time.sleep(min(mine.step(), 1.0))
    return len(letters)


def run(count, seed):
    """Give (all well, lines)."""
    chance, receiver, begun = random.Random(seed), Receiver(seed), time.monotonic()
    kills = deaths = 0
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "tests.notifications", "--count", str(count)]
        command += ["--deliver", f"http://127.0.0.1:{receiver.port}/", "--spool", f"{directory}/spool.jsonl"]
        child = subprocess.Popen(command)
        while child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(chance.uniform(1.0, 2.5))
                continue
            if kills < KILLS:
                kills += 1
                child.kill()
                child.wait()
                child = subprocess.Popen(command)
            if deaths < DEATHS:
                deaths += 1
                receiver.die()
                time.sleep(0.3)
                receiver.start()
        code = child.returncode
    receiver.die()
    firsts = {}
    for alert_id, _ in receiver.arrivals:
        firsts.setdefault(alert_id, len(firsts))
    by_group = defaultdict(list)
    for alert_id in firsts:
        episode, _, number = alert_id.partition("/")
        by_group[episode].append(int(number))
    in_order = sum(numbers == list(range(1, len(numbers) + 1)) for numbers in by_group.values())
    signed = sum(is_signed for _, is_signed in receiver.arrivals)
    lines = [
        f"the deliverer was killed {kills} times, the receiver died {deaths} times, {time.monotonic() - begun:.0f} s",
        "requests: " + ", ".join(f"{number} {fate}" for fate, number in receiver.fates.most_common()),
        f"signatures: {signed} of {len(receiver.arrivals)} valid, repeats: {len(receiver.arrivals) - len(firsts)}",
        f"notifications: {len(firsts)} of {count} arrived, {in_order} of {len(by_group)} groups in order",
    ]
    is_well = code == 0 and len(firsts) == count and in_order == len(by_group) and signed == len(receiver.arrivals)
    return is_well, lines


@click.command()
@click.option("--count", default=2000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--deliver", "url", hidden=True)
@click.option("--spool", hidden=True)
def main(count, seed, url, spool):
    """Deliver many alerts to a bad receiver, and say whether each arrived once by its key and in order."""
    if url:
        sys.exit(deliver(url, spool, count))
    is_well, lines = run(count, seed)
    click.echo("\n".join(lines))
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
