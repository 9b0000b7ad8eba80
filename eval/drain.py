#!/usr/bin/env python3
"""Groups a stream of log lines with Drain3, which `make eval` compares with SIM.ASSIGN.

    PYTHONPATH=target/eval/python eval/drain.py <texts.json >groups.json

Reads a list of texts, in the order of arrival. Writes the version of Drain3, and the number of each text's group.
"""

import json
import sys
from importlib.metadata import version

from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig

# The masks for addresses, hexadecimal and decimal numbers of the example in Drain3's README.
MASKS = {
    "IP": r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})((?=[^A-Za-z0-9])|$)",
    "HEX": r"((?<=[^A-Za-z0-9])|^)(0x[a-f0-9A-F]+)((?=[^A-Za-z0-9])|$)",
    "NUM": r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)",
}


def main():
    config = TemplateMinerConfig()
    config.drain_sim_th = 0.4
    config.drain_depth = 4
    config.masking_instructions = [MaskingInstruction(pattern, name) for name, pattern in MASKS.items()]
    miner = TemplateMiner(config=config)
    groups = [miner.add_log_message(text)["cluster_id"] for text in json.load(sys.stdin)]
    json.dump({"version": version("drain3"), "groups": groups}, sys.stdout)


if __name__ == "__main__":
    main()
