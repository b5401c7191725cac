"""A worker of DBOS for benchmarks/flow-peers, and what fills its queue.

  flow_peers_dbos.py fill URL FLOWS
  flow_peers_dbos.py work URL CONCURRENCY POOL EXECUTOR

A worker says `ready`, begins at the first line of its input, and ends at the second one or with its input: it never outlives the one who measures.
"""

import concurrent.futures
import sys

from dbos import DBOS

STEPS = 8
# As many bytes of JSON as a step of taskqueue-bench has: 43.
VALUE = "x" * 41
QUEUE = "flows"
# Seconds between two looks for work, of which each takes what there is room for. The default of 1 would be most of what is measured.
POLLING = 0.05


@DBOS.step()
def step():
    return VALUE


@DBOS.workflow()
def flow(number):
    for _ in range(STEPS):
        step()


def launch(url, **settings):
    # What is enqueued under one version of the application only its workers take.
    DBOS(config={"name": "flow-peers", "application_version": "1", "system_database_url": url, "log_level": "ERROR", **settings})
    DBOS.launch()


def fill(url, flows):
    """Enqueues before there is a queue of that name to poll, so that no flow begins yet."""
    launch(url)
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: DBOS.enqueue_workflow(QUEUE, flow, number), range(int(flows))))


def work(url, concurrency, pool, executor):
    launch(url, sys_db_pool_size=int(pool), executor_id=executor)
    print("ready", flush=True)
    if sys.stdin.readline():
        DBOS.register_queue(QUEUE, worker_concurrency=int(concurrency), polling_interval_sec=POLLING)
        sys.stdin.readline()


def main():
    verb, *arguments = sys.argv[1:]
    try:
        {"fill": fill, "work": work}[verb](*arguments)
    finally:
        DBOS.destroy()


main()
