"""A worker of Absurd for benchmarks/flow-peers: flow_peers_absurd.py work URL CONCURRENCY

Says `ready`, begins at the first line of its input, and ends at the second one or with its input: it never outlives the one who measures.
"""

import sys
import threading

from absurd_sdk import Absurd

STEPS = 8
# As many bytes of JSON as a step of taskqueue-bench has: 43.
VALUE = "x" * 41


def flow(parameters, context):
    for number in range(STEPS):
        context.step(f"step-{number}", lambda: VALUE)


def stop_at_next_line(app):
    sys.stdin.readline()
    app.stop_worker()


def main():
    _, url, concurrency = sys.argv[1:]
    app = Absurd(url, queue_name="flows")
    app.register_task("flow")(flow)
    print("ready", flush=True)
    if sys.stdin.readline():
        threading.Thread(target=stop_at_next_line, args=[app], daemon=True).start()
        app.start_worker(concurrency=int(concurrency))
    app.close()


main()
