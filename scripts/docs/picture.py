# SPDX-License-Identifier: MIT
#
# Draws what a file of `cairn bench --csv` says, in one picture: a point for each allocator, its mean time
# and its mean peak memory as ratios to the virtual best of the peers (docs/bench.md says how these are
# made, and `cairn bench` prints the same). Usage: picture.py CSV SVG [--check]; --check changes nothing, and
# fails if the picture is not what would be drawn, or its figures are not those of the table beside the CSV.

import collections
import csv
import math
import statistics
import sys

OWN = ("cairn", "system")  # all others are peers
WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 56, 56

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #333 }
.quiet { fill: #777 } .title { font-weight: 600; font-size: 15px }
line { stroke: #8886 } .best { stroke: #888; stroke-dasharray: 4 4 }
circle { fill: #6b7f99 } .own { fill: #c4501b } .own-text { font-weight: 700 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .quiet { fill: #999 } circle { fill: #8fa6c4 } .own { fill: #f08a4b } }
"""


def runs(path):
    """By program and allocator: wall time and peak memory of each round that counts."""
    found = collections.defaultdict(lambda: collections.defaultdict(dict))
    with open(path, encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            if row["warm_up"] == "0" and row["good"] == "1":
                found[row["program"]][row["allocator"]][row["round"]] = (
                    float(row["wall_seconds"]), float(row["peak_rss_bytes"]))
    return found


def means(found):
    """Each allocator's two geometric means of ratios to the best peer of each program."""
    logarithms = collections.defaultdict(lambda: ([], []))
    for program, by_allocator in found.items():
        for figure in (0, 1):
            if figure == 0 and program in ("web", "nginx"):
                continue  # they run for a fixed time
            medians = {name: statistics.median(one[figure] for one in rounds.values())
                       for name, rounds in by_allocator.items()}
            best = by_allocator[min((name for name in medians if name not in OWN), key=medians.get)]
            for name, rounds in by_allocator.items():
                ratio = statistics.median(rounds[number][figure] / best[number][figure]
                                          for number in rounds if number in best)
                logarithms[name][figure].append(math.log(ratio))
    return {name: tuple(math.exp(statistics.fmean(one)) for one in pair) for name, pair in logarithms.items()}


def draw(points, programs):
    most_x = max(x for x, _ in points.values()) + 0.12
    most_y = max(y for _, y in points.values()) + 0.15
    least = min(0.8, *(min(pair) for pair in points.values()))

    def at(x, y):
        return (LEFT + (x - least) / (most_x - least) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (y - least) / (most_y - least) * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
           f'height="{HEIGHT}" role="img">',
           f"<title>Mean time and peak memory of {programs} programs under {len(points)} allocators</title>",
           f"<style>{STYLE}</style>",
           f'<text class="title" x="{LEFT}" y="24">{programs} programs, each under every allocator</text>',
           f'<text class="quiet" x="{LEFT}" y="42">1 is the best of the peers, chosen anew for each program; '
           "lower left is better</text>"]
    step = 0.2
    for index in range(math.ceil(least / step), int(max(most_x, most_y) / step) + 1):
        value = index * step
        kind = ' class="best"' if index == 5 else ""
        if value <= most_x:
            x = at(value, least)[0]
            out.append(f'<line{kind} x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
                       f'<text class="quiet" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value:.1f}</text>')
        if value <= most_y:
            y = at(least, value)[1]
            out.append(f'<line{kind} x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
                       f'<text class="quiet" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.1f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">time</text>')
    out.append(f'<text transform="translate(20 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) rotate(-90)" '
               'text-anchor="middle">peak memory</text>')
    last = []
    for name, (x, y) in sorted(points.items(), key=lambda item: item[1][1]):
        column, row = at(x, y)
        # From below to above; a label that would lie on another goes up.
        label = row + 4
        for other_column, other_row in last:
            if abs(column - other_column) < 80 and other_row - label < 15:
                label = other_row - 15
        last.append((column, label))
        own = name == "cairn"
        # To the left of its point where another point is in the way.
        on_left = any(0 < there[0] - column < 90 and abs(there[1] - row) < 10 for there in
                      (at(*pair) for other, pair in points.items() if other != name))
        place = f'x="{column - 11:.1f}" text-anchor="end"' if on_left else f'x="{column + 11:.1f}"'
        out.append(f'<circle{" class=" + chr(34) + "own" + chr(34) if own else ""} cx="{column:.1f}" cy="{row:.1f}" '
                   f'r="{7 if own else 5}"/><text{" class=" + chr(34) + "own-text" + chr(34) if own else ""} '
                   f'{place} y="{label:.1f}">{"glibc" if name == "system" else name}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def table_of(path):
    """The means that the table beside the CSV has."""
    with open(path.removesuffix(".csv") + ".txt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    heading = next(line for line in lines if line.startswith("program "))
    row = next(line for line in lines if line.startswith("mean "))
    return {name: tuple(float(word) for word in pair.split("/"))
            for name, pair in zip(heading.split()[1:], row.split()[1:])}


def main(path, picture, check=None):
    found = runs(path)
    points = means(found)
    drawn = draw(points, len(found))
    if check is None:
        with open(picture, "w", encoding="utf-8") as file:
            file.write(drawn)
        return 0
    wrong = []
    with open(picture, encoding="utf-8") as file:
        if file.read() != drawn:
            wrong.append(f"{picture}:1: not what scripts/docs/picture.py draws of {path}")
    for name, pair in table_of(path).items():
        if any(abs(one - other) > 0.0051 for one, other in zip(points[name], pair)):
            wrong.append(f"{path}: {name}: {points[name]}, but the table has {pair}")
    print("\n".join([*wrong, f"{len(points)} allocators, {len(found)} programs, {len(wrong)} faults"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
