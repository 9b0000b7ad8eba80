#!/usr/bin/env python3
"""Writes what is in a file of Zstandard to standard output."""

import sys

import zstandard

with open(sys.argv[1], "rb") as source:
    zstandard.ZstdDecompressor().copy_stream(source, sys.stdout.buffer)
