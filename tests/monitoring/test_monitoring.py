#!/usr/bin/env python3
"""docs/monitoring/ as an operator uses it: a server with the module, redis_exporter with the script, and Prometheus with
the job and the alerts. Every query of the alerts and of the dashboard must be answered, with data.

    MODULE=libsimile.so PROGRAMS=target/tools/debian tests/monitoring/test_monitoring.py
"""

import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
FILES = PROJECT / "docs/monitoring"
PROGRAMS = Path(os.environ["PROGRAMS"])
DEADLINE = 120  # seconds, for what takes one on an idle machine


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, is_so):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            if found := is_so():
                return found
        except OSError:  # nobody listens yet
            pass
        time.sleep(0.1)
    raise AssertionError(f"waited {DEADLINE} s until {what}")


def get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.server, cls.exporter, cls.prometheus = free_port(), free_port(), free_port()
        cls.start("redis-server", "--port", cls.server, "--bind", "127.0.0.1", "--save", "", "--maxmemory", "100mb",
                  "--dir", cls.directory, "--loadmodule", os.environ["MODULE"])
        wait_until("the server answers", lambda: "PONG" in cls.redis("PING"))
        script = (FILES / "simile.lua").read_text().replace("local scopes = {}", "local scopes = {'errors'}")
        (cls.directory / "simile.lua").write_text(script)
        cls.start(PROGRAMS / "prometheus-redis-exporter", "--redis.addr", f"redis://127.0.0.1:{cls.server}",
                  "--web.listen-address", f"127.0.0.1:{cls.exporter}", "--script", cls.directory / "simile.lua")
        cls.fill()
        job = (FILES / "prometheus.yml").read_text().replace("localhost:9121", f"localhost:{cls.exporter}")
        (cls.directory / "prometheus.yml").write_text("global:\n  scrape_interval: 1s\n" + job)
        (cls.directory / "alerts.yml").write_text((FILES / "alerts.yml").read_text())
        cls.start(PROGRAMS / "prometheus", "--config.file", cls.directory / "prometheus.yml",
                  "--storage.tsdb.path", cls.directory / "data", "--web.listen-address", f"127.0.0.1:{cls.prometheus}")
        wait_until("Prometheus is ready", lambda: get(f"http://127.0.0.1:{cls.prometheus}/-/ready"))

    @classmethod
    def start(cls, program, *options):
        log = open(cls.directory / f"{Path(program).name}.log", "w")
        process = subprocess.Popen([str(word) for word in (program, *options)], stdout=log, stderr=log)

        def stop():
            process.kill()
            process.wait()
            log.close()

        cls.addClassCleanup(stop)

    @classmethod
    def redis(cls, *words):
        command = ["redis-cli", "-p", str(cls.server), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    @classmethod
    def fill(cls):
        cls.redis("SIM.RECORD", "errors", "issue-1", "TEXT", "message", "timeout")
        cls.redis("SIM.COMPARE", "errors", "issue-1", "1", "message")

    def query(self, expression):
        """The samples of an expression: pairs of labels and a value."""
        parameters = urllib.parse.urlencode({"query": expression})
        try:
            answer = json.loads(get(f"http://127.0.0.1:{self.prometheus}/api/v1/query?{parameters}"))
        except urllib.error.HTTPError as error:
            self.fail(f"{expression}: {error.read().decode()}")
        return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]

    def test_the_metrics_have_their_names_and_labels(self):
        [(labels, scopes)] = wait_until("the scopes are counted", lambda: self.query("simile_scopes"))
        self.assertEqual(scopes, 1)
        self.assertEqual(sorted(labels), ["__name__", "instance", "job"])
        [(labels, items)] = wait_until("the items are counted", lambda: self.query("simile_index_items"))
        self.assertEqual((labels["scope"], labels["index"], items), ("errors", "message", 1))
        self.assertEqual(sorted(labels), ["__name__", "index", "instance", "job", "scope"])
        self.assertEqual(self.query("redis_script_values"), [])

    def test_every_panel_of_the_dashboard_shows_data(self):
        dashboard = json.loads((FILES / "dashboard.json").read_text())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
                wait_until(f"{panel['title']} has data", lambda: self.query(expression))

    def rules(self):
        groups = json.loads(get(f"http://127.0.0.1:{self.prometheus}/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def test_the_alerts_are_loaded_and_their_metrics_exist(self):
        self.assertGreaterEqual(len(self.rules()), 7)
        for metric in set(re.findall(r"\b(?:simile|redis)_\w+", " ".join(rule["query"] for rule in self.rules()))):
            wait_until(f"{metric} has data", lambda: self.query(metric))
        wait_until("the rules are evaluated", lambda: all(rule["health"] == "ok" for rule in self.rules()))

    def test_the_metrics_of_the_exporter_that_the_page_names_exist(self):
        self.redis("SIM.RECORD", "errors")  # an error
        page = (PROJECT / "docs/monitoring.md").read_text()
        named = set(re.findall(r"`(redis_[a-z_]+)`", page)) - {"redis_script_values", "redis_exporter"}
        self.assertTrue(named)
        metrics = get(f"http://127.0.0.1:{self.exporter}/metrics")
        for metric in named:
            self.assertRegex(metrics, rf"(?m)^{metric}\b")

    def test_promtool_accepts_the_files_and_each_alert_is_raised_when_it_should_be(self):
        for words in (["check", "config", FILES / "prometheus.yml"], ["test", "rules", "alerts.yml"]):
            command = [str(PROGRAMS / "promtool"), *map(str, words)]
            ran = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        alerts = set(re.findall(r"alert: (\w+)", (FILES / "alerts.yml").read_text()))
        tested = set(re.findall(r"alertname: (\w+)", (PROJECT / "tests/monitoring/alerts.yml").read_text()))
        self.assertEqual(alerts, tested)


if __name__ == "__main__":
    unittest.main()
