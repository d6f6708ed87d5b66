"""Style and script of the page of runs: both inside the page, and nothing loaded from anywhere."""

MARK = "rlhp runs --html"
"""By which a page that may be replaced is known."""

STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; }
h1 { font-size: 1.3em; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .25em .6em; text-align: left; vertical-align: top; }
thead th { position: sticky; top: 0; background: Canvas; border-bottom: 2px solid; padding: 0; white-space: nowrap; }
thead button { font: inherit; font-weight: bold; background: none; border: 0; padding: .4em .6em; cursor: pointer; }
thead th[aria-sort="ascending"] button::after { content: " \\2191"; }
thead th[aria-sort="descending"] button::after { content: " \\2193"; }
tbody th { font-weight: normal; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.failed td, tr.damaged td, tr.killed td { font-style: italic; }
tr.failed th, tr.damaged th, tr.killed th { font-weight: bold; }
.notes { white-space: pre-wrap; opacity: .8; border-left: 3px solid #8886; padding-left: .6em; }
label { margin-left: 1.5em; }
@media print {
  @page { size: landscape; margin: 1cm; }
  body { font-size: 8pt; margin: 0; }
  .screen { display: none; }
  thead th { position: static; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
}
"""

SCRIPT = """
"use strict";
const body = document.querySelector("tbody");
const heads = [...document.querySelectorAll("thead th")];
const rows = [...body.rows];
const cellValue = (row, i) => {
  const cell = row.cells[i];
  if (cell.dataset.value === undefined) return cell.textContent.trim() || null;
  if (cell.dataset.value === "") return null;
  const number = Number(cell.dataset.value);
  return Number.isNaN(number) ? cell.dataset.value : number;
};
const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b
  : String(a).localeCompare(String(b), "en", {numeric: true});
heads.forEach((head, i) => head.querySelector("button")?.addEventListener("click", () => {
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keyed = rows.map(row => [cellValue(row, i), row]);
  keyed.sort(([a], [b]) => a === null ? (b === null ? 0 : 1) : b === null ? -1 : sign * compare(a, b));
  body.append(...keyed.map(([, row]) => row));
}));
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
    shown += !row.hidden;
  }
  document.getElementById("shown").textContent = words.length ? shown + " shown" : "";
});
"""
