"""One page of HTML with everything in it: no script, no font, no image from anywhere."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from html import escape

from deltaloft.sizes import human
from deltaloft.statistics import charts
from deltaloft.statistics.summary import Summary

__all__ = ["page"]

_SHOWN = 20  # bases and prefixes; the rest is one row

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --pale: #6b7885; --grid: #d9dfe5;
  --paper: #fff; --card: #f5f7f9; --files: #9aa7b4; --stored: #0b6e4f; --delta: #e07a1f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf0; --pale: #94a1ad; --grid: #2e3944;
  --paper: #12181e; --card: #1b232b; --files: #66727e; --stored: #3fbf8f; --delta: #f0a050; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 860px; margin: 2.5rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; overflow-wrap: anywhere; } h2 { margin-top: 2.4rem; }
p, figcaption { color: var(--pale); }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.4rem 0; }
.tile { background: var(--card); border-radius: .6rem; padding: .7rem 1.1rem; flex: 1 1 9rem; }
.tile b { display: block; font-size: 1.5rem; }
figure { margin: 0; } svg { width: 100%; height: auto; font-size: 12px; fill: var(--pale); }
svg .name { text-anchor: end; } .grid { stroke: var(--grid); }
.line { fill: none; stroke-width: 2.5; } .line.files { stroke: var(--files); }
.line.stored { stroke: var(--stored); } .key::before { content: "■ "; }
.whole { fill: var(--grid); } .base { fill: var(--stored); } .delta { fill: var(--delta); }
.key.files::before { color: var(--files); } .key.stored::before { color: var(--stored); }
.key.delta::before { color: var(--delta); } .key.whole::before { color: var(--grid); }
.point { fill-opacity: .75; } .c0 { fill: #0b6e4f; } .c1 { fill: #e07a1f; } .c2 { fill: #4063d8; }
.c3 { fill: #b5338a; } .c4 { fill: #8a8d22; } .c5 { fill: #2299aa; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--pale); }
td, th { padding: .25rem .5rem; border-bottom: 1px solid var(--grid); overflow-wrap: anywhere; }
td.n, th.n { text-align: right; white-space: nowrap; } code { font-size: .9em; }
"""


def page(summary: Summary, *, made: datetime) -> str:
    """Return the page; `made` is the time that it tells."""
    title = f"{summary.url}/{summary.prefix}".rstrip("/")
    parts = [
        f"<h1>{escape(title)}</h1><p>as of {made:%Y-%m-%d %H:%M %Z}</p>",
        _tiles(summary),
        _history(summary),
        _bases(summary),
        _drift(summary),
        _prefixes(summary),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _tiles(summary: Summary) -> str:
    tiles = [
        (f"{summary.totals.keys:,}", f"keys, {summary.totals.deltas:,} of them deltas"),
        (human(summary.totals.logical_size), "in files"),
        (human(summary.stored_size), "stored, bases included"),
        (f"{summary.saved_share:z.1%}", f"saved: {human(summary.saved_size)}"),
    ]
    if summary.unused_bases:
        tiles.append((f"{summary.unused_bases:,}", f"unused bases: {human(summary.unused_size)}"))
    made = "".join(f'<div class="tile"><b>{a}</b>{b}</div>' for a, b in tiles)
    return f'<div class="tiles">{made}</div>'


def _history(summary: Summary) -> str:
    if not summary.history:
        return "<p>Nothing is stored here.</p>"
    series = [
        ("files", [(each.when, each.logical_size) for each in summary.history]),
        ("stored", [(each.when, each.stored_size) for each in summary.history]),
    ]
    chart = charts.lines(series, human)
    return _figure(
        "Savings over time",
        chart,
        '<span class="key files">files</span> <span class="key stored">stored</span>, summed up'
        " by the time at which what is there now was stored",
    )


def _bases(summary: Summary) -> str:
    if not summary.bases:
        return ""
    rows = [
        (use.sha256[:12], use.size or 0, use.totals.stored_size, use.totals.logical_size)
        for use in summary.bases[:_SHOWN]
    ]
    more = len(summary.bases) - len(rows)
    return _figure(
        "What each base costs",
        charts.bars(rows, human),
        '<span class="key stored">base</span> <span class="key delta">its deltas</span>'
        ' <span class="key whole">the files they give back</span>'
        + (f"; {more:,} cheaper bases are not shown" if more else ""),
    )


def _drift(summary: Summary) -> str:
    if not summary.drift:
        return ""
    groups = defaultdict(list)
    for each in summary.drift:
        groups[each.base].append((each.when, each.share))
    return _figure(
        "Drift",
        charts.points(list(groups.values()), lambda share: f"{share:z.1%}"),
        "each delta's size as a share of its file's; one colour for each base, six in turn",
    )


def _prefixes(summary: Summary) -> str:
    ranked = sorted(summary.prefixes.items(), key=lambda item: -item[1].logical_size)
    rows = "".join(
        f"<tr><td><code>{escape(name) or '/'}</code></td>"
        + "".join(
            f'<td class="n">{each}</td>'
            for each in (f"{of.keys:,}", human(of.logical_size), human(of.stored_size))
        )
        + "</tr>"
        for name, of in ranked[:_SHOWN]
    )
    if not rows:
        return ""
    more = len(ranked) - _SHOWN
    rest = f"<p>{more:,} smaller ones are not shown.</p>" if more > 0 else ""
    heads = "".join(
        f'<th class="n">{each}</th>' for each in ("keys", "files", "stored, without bases")
    )
    return f"<h2>By prefix</h2><table><tr><th>prefix</th>{heads}</tr>{rows}</table>{rest}"


def _figure(title: str, chart: str, words: str) -> str:
    return f"<h2>{title}</h2><figure>{chart}<figcaption>{words}</figcaption></figure>"
