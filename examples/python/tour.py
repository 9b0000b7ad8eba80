"""Groups of error reports: create, record, classify, compare, explain.

    python tour.py [--port 6379] [--cluster]
"""

import argparse

from redis import Redis
from redis.cluster import RedisCluster

from simile import Scope, Text

REPORTS = {
    "issue-1": "connection to db-7 refused after 30000 ms",
    "issue-2": "connection to cache-2 refused after 500 ms",
    "issue-3": "division by zero in report 4711",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=6379)
    arguments.add_argument("--cluster", action="store_true", help="the server is a node of a cluster")
    given = arguments.parse_args()
    connect = RedisCluster if given.cluster else Redis
    client = connect(host="127.0.0.1", port=given.port, decode_responses=True)

    errors = Scope(client, "tour:errors")
    errors.create(bands=4, rows=1, shingle="WORDS 1", mask=True, interval=0)
    for issue, message in REPORTS.items():
        errors.record(issue, Text("message", message))
        print(f"recorded {issue}: {message}")

    message = "connection to db-1 refused after 10000 ms"
    print(f"\nWhat is similar to this? {message}")
    for match in errors.classify(Text("message", message), limit=2):
        print(f"  {match.score:.2f}  {match.item!s}")

    print("\nWhat is similar to issue-2?")
    for match in errors.compare("issue-2", "message"):
        print(f"  {match.score:.2f}  {match.item!s}")

    explanation = errors.explain("message", "issue-2", "issue-1")
    print(f"\nWhy are issue-2 and issue-1 similar? The score is {explanation.score:.2f}:")
    for number, band in enumerate(explanation.bands):
        met = "they meet" if band.buckets else "they differ"
        print(f"  band {number}: {band.share:.2f}  {met}")

    errors.drop()


if __name__ == "__main__":
    main()
