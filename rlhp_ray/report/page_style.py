"""Style of the report: inside the page, for screens of any width and for paper."""

STYLE = """
:root { --line: #c8c8c8; --soft: #f3f3f1; --ink: #1a1a1a; --accent: #0072B2; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: #fff; margin: 0 auto; padding: 1em 1.5em;
  max-width: 1500px; }
h1 { font-size: 1.35em; margin: 0 0 .2em; overflow-wrap: anywhere; }
h2 { font-size: 1.25em; margin: 1.6em 0 .4em; padding-top: .4em; border-top: 3px solid var(--ink);
  overflow-wrap: anywhere; }
h3 { font-size: 1.05em; margin: 1.2em 0 .3em; }
figure h3 { margin-top: 0; }
p { margin: .3em 0; }
a { color: var(--accent); }
.made { color: #555; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .25em .7em .25em 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--ink); font-weight: 600; }
tbody th { font-weight: 500; overflow-wrap: anywhere; }
.answers { width: 100%; }
.answers .env th { background: var(--soft); font-weight: 700; padding: .35em .5em; }
.answers .env th span { font-weight: 400; }
.verdict { font-weight: 700; }
.verdict::before { content: attr(data-mark) " "; }
.price { white-space: nowrap; }
.return { font-weight: 700; font-size: 1.1em; white-space: nowrap; }
small { color: #444; display: block; font-size: .87em; }
.asked { white-space: pre-wrap; overflow-wrap: anywhere; }
.warning { border-left: 5px solid #D55E00; background: var(--soft); padding: .5em .9em; margin: .8em 0; }
.warning ul { margin: .2em 0; padding-left: 1.2em; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34em), 1fr)); gap: 1.6em 2em; }
figure { margin: 0; min-width: 0; }
figure img { width: 100%; max-width: 640px; height: auto; display: block; }
figure .scroll table, .settings, .seeds .scroll table { font-size: .85em; }
.settings, .seeds { margin-bottom: 1em; }
.seeds p { max-width: 60em; font-size: .9em; }
figcaption { font-size: .9em; color: #333; margin-bottom: .4em; max-width: 44em; }
.videos { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17em), 1fr)); gap: 1em; }
.videos video { width: 100%; max-height: 26em; background: #000; display: block; }
.runs { font-size: .88em; }
@media (max-width: 720px) {
  body { padding: .7em; }
  .answers thead { position: absolute; clip-path: inset(50%); }
  .answers tr, .answers th, .answers td { display: block; border: 0; padding: .1em 0; }
  .answers tr { border-bottom: 1px solid var(--line); padding: .5em 0; }
  .answers td[data-label]::before { content: attr(data-label) ": "; color: #555; font-weight: 400; font-size: .87em; }
  .return { white-space: normal; }
}
@media print {
  @page { margin: 1.2cm; }
  body { font-size: 9.5pt; padding: 0; max-width: none; }
  .figures { grid-template-columns: 1fr 1fr; }
  figure, .answers tr, .warning { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  .scroll table { font-size: 7pt; }
  .videos video { display: none; }
  a { color: inherit; }
}
"""
