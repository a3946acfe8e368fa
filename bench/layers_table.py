"""Turns the JSON of bench_layers into a Markdown table: time of one operation, operations a second, payload a second.

usage: layers_table.py FILE
"""
import json
import sys


def time(nanoseconds):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        result = json.load(file)
    print("| operation | time | a second | payload, Gbit/s |\n|---|---|---|---|")
    for row in result["benchmarks"]:
        nanoseconds = row["cpu_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[row["time_unit"]]
        payload = f"{8 * row['bytes_per_second'] / 1e9:.2f}" if "bytes_per_second" in row else ""
        print(f"| {row['name']} | {time(nanoseconds)} | {1e9 / nanoseconds:,.0f} | {payload} |")


main()
