"""localstripe on the loopback interface, its books in memory only.

Where it lacks what Stripe documents and our client uses, it is added here, and only that; what it does with a
PaymentIntent is its own. Differences that stay, and that our client bears:

- Idempotency keys are ignored.
- A declined payment is answered 402 with the type invalid_request_error; Stripe says card_error.
- A failed PaymentIntent keeps its payment_method; Stripe takes it away. Both refuse to confirm it again.
- latest_charge is an object; Stripe gives its id unless it is expanded.
- A card that needs its owner leaves the PaymentIntent in requires_action, whatever error_on_requires_action says.
- Webhooks come for payment_intent.succeeded and .payment_failed only, once, after a second.
"""

import argparse
import operator
import os
import socket
import sys
import threading

from aiohttp import web
from localstripe import resources
from localstripe.resources import PaymentIntent

# It keeps its books in a file that all its processes share.
resources.Store.dump_to_disk = lambda self: None

make = PaymentIntent.__init__


def make_described(self, description=None, **data):
    make(self, **data)
    self.description = description


PaymentIntent.__init__ = make_described


def confirm(id, error_on_requires_action=None, **data):
    return PaymentIntent._api_confirm(id, **data)


COMPARE = {'gt': operator.gt, 'gte': operator.ge, 'lt': operator.lt, 'lte': operator.le}


def list_by_time(cls, url, created=None, **data):
    """Newest first, and only those that were created within the bounds."""
    page = super(PaymentIntent, cls)._api_list_all(url, **data)
    bounds = [(COMPARE[name], int(value)) for name, value in (created or {}).items()]
    page._list = [i for i in reversed(page._list) if all(holds(i.created, bound) for holds, bound in bounds)]
    return page


PaymentIntent._api_list_all = classmethod(list_by_time)
# The server reads its routes from here when it is imported.
resources.extra_apis[:] = [
    (method, url, confirm if url == '/v1/payment_intents/{id}/confirm' else call)
    for method, url, call in resources.extra_apis
]

from localstripe import server  # noqa: E402


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--port', type=int, default=8420, help='0: any free one')
    parser.add_argument('--until-input-ends', action='store_true')
    arguments = parser.parse_args()
    if arguments.until_input_ends:
        threading.Thread(target=end_with_input, daemon=True).start()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', arguments.port))
    # Whoever connects from now on waits until it is served.
    listener.listen()
    print(f'url=http://127.0.0.1:{listener.getsockname()[1]}', flush=True)
    web.run_app(server.app, sock=listener, print=None, access_log=None)


if __name__ == '__main__':
    main()
