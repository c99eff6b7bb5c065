"""A captured terminal screen (tmux capture-pane -e) on standard input becomes an SVG picture on standard output."""

import re
import sys
import unicodedata
from html import escape

# The sixteen colours of a terminal, by their numbers; the bright ones as the others.
COLOURS = ["#1c1f26", "#ff6b6b", "#7bd88f", "#e5c07b", "#6cb6ff", "#c792ea", "#56d4dd", "#d7dae0"]
FAINT = "#7d8590"
PLAIN, GROUND = "#d7dae0", "#0f1217"
WIDE, TALL = 8.4, 18


def colour(number):
    return FAINT if number == 8 else COLOURS[number % 8]


def cells(line):
    """Characters with their style, in the order of the columns."""
    style = {"fg": PLAIN, "bold": False, "reverse": False}
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        match = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if not match:
            yield from ((char, dict(style)) for char in part if char >= " ")
            continue
        codes = [int(code or 0) for code in match.group(1).split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                style = {"fg": PLAIN, "bold": False, "reverse": False}
            elif code == 1:
                style["bold"] = True
            elif code in (7, 27):
                style["reverse"] = code == 7
            elif code == 39:
                style["fg"] = PLAIN
            elif 30 <= code <= 37:
                style["fg"] = colour(code - 30)
            elif 90 <= code <= 97:
                style["fg"] = colour(code - 90 + 8)
            elif code == 38 and codes[:1] == [5]:
                style["fg"] = colour(codes[1])
                codes = codes[2:]


def runs(line):
    """Neighbours of one style together, parted at spaces: column, columns, text, style."""
    column, run = 0, None
    for char, style in cells(line):
        wide = 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        same = run and run[3] == style and (char == " ") == (run[2][-1] == " ")
        if same:
            run[2] += char
            run[1] += wide
        else:
            if run:
                yield run
            run = [column, wide, char, style]
        column += wide
    if run:
        yield run


def main():
    title = sys.argv[1]
    lines = sys.stdin.read().rstrip("\n").split("\n")
    columns = max(sum(run[1] for run in runs(line)) for line in lines)
    width, height = columns * WIDE + 24, len(lines) * TALL + 24
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img">')
    print(f"<title>{escape(title)}</title>")
    print(f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>')
    print('<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14" xml:space="preserve">')
    for row, line in enumerate(lines):
        for column, wide, text, style in runs(line):
            x, y = 12 + column * WIDE, 12 + row * TALL
            ink = GROUND if style["reverse"] else style["fg"]
            if style["reverse"]:
                print(f'<rect x="{x:.1f}" y="{y}" width="{wide * WIDE:.1f}" height="{TALL}" fill="{style["fg"]}"/>')
            if text.strip():
                bold = ' font-weight="bold"' if style["bold"] else ""
                length = f' textLength="{wide * WIDE:.1f}" lengthAdjust="spacingAndGlyphs"'
                print(f'<text x="{x:.1f}" y="{y + 14}" fill="{ink}"{bold}{length}>{escape(text)}</text>')
    print("</g></svg>")


main()
