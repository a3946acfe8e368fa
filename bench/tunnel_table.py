"""Turns the figures of bench/tunnel into a Markdown table with ratios, and into JSON.

usage: tunnel_table.py FIGURES --wireguard NAME --load LOAD --seconds N --path-seconds N [--json FILE]
FIGURES has lines of "section, metric, subject, value", split by tabs. What was measured twice keeps the last value.
"""
import argparse
import json
import os
import subprocess

SUBJECTS = ("raw", "wireguard-go", "bamgate")


def read(path):
    sections = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            section, metric, subject, value = line.rstrip("\n").split("\t")
            row = sections.setdefault(section, {}).setdefault(metric, {})
            row[subject] = None if value == "null" else float(value)
    return sections


def figure(value):
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(one, other):
    if one is None or not other:
        return "-"
    return f"{one / other:.2f}" if one >= other / 10 else f"{one / other:.3f}"


def heading(section, arguments):
    if section == "cable":
        return f"### Over a cable ({arguments.seconds} s a figure)"
    return f"### Over 100 Mbit/s, 50 ms and {section} ({arguments.path_seconds} s a figure)"


def table(rows):
    lines = ["| | raw | wireguard-go | bamgate | bamgate : raw | bamgate : wireguard-go |",
             "|---|---|---|---|---|---|"]
    for metric, row in rows.items():
        raw, go, ours = (row.get(subject) for subject in SUBJECTS)
        lines.append(f"| {metric} | {figure(raw)} | {figure(go)} | {figure(ours)} | {ratio(ours, raw)} | {ratio(ours, go)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("figures")
    for name in ("--wireguard", "--load", "--seconds", "--path-seconds"):
        parser.add_argument(name, required=True)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    sections = read(arguments.figures)
    kernel = subprocess.run(["uname", "-r"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"wireguard-go is {arguments.wireguard}; kernel {kernel}, {os.cpu_count()} cores, "
          f"load average {arguments.load} before the run.")
    for section, rows in sections.items():
        print(f"\n{heading(section, arguments)}\n\n{table(rows)}")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"wireguard": arguments.wireguard, "kernel": kernel, "load": float(arguments.load),
                       "sections": sections}, file)


main()
