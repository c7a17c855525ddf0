#include "gateway/listing_style.hpp"

namespace owndir::gateway {

const std::string_view kListingStyle = R"css(
:root {
  color-scheme: light dark;
  --ground: #fbfbfa; --card: #ffffff; --ink: #1c1d1f; --soft: #6a6e75; --line: #e7e7e4; --accent: #2f6f4f; --hover: #f1f5f2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #16181a; --card: #1d2023; --ink: #e9eaec; --soft: #9aa0a8; --line: #2c3034; --accent: #7fc7a0; --hover: #24292b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
header, main, footer { max-width: 64rem; margin-inline: auto; padding-inline: clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(1.5rem, 5vh, 3rem); }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.015em; overflow-wrap: anywhere; }
nav ol { display: flex; flex-wrap: wrap; gap: 0.1rem 0; margin: 0 0 0.35rem; padding: 0; list-style: none; color: var(--soft); }
nav li:not(:last-child)::after { content: "/"; margin-inline: 0.45rem; opacity: 0.6; }
nav a { color: var(--soft); }
a { color: inherit; text-decoration: none; }
a:hover { color: var(--accent); text-decoration: underline; text-underline-offset: 0.2em; }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.summary { margin: 0.3rem 0 1.5rem; color: var(--soft); }
.notice { margin: 0 0 1rem; padding: 0.7rem 1rem; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
table {
  width: 100%; border-collapse: separate; border-spacing: 0;
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden;
}
th { padding: 0.55rem 1rem; text-align: start; font-size: 0.8rem; font-weight: 550; color: var(--soft); }
td { padding: 0; border-top: 1px solid var(--line); }
td.size, td.date, th.size { padding: 0 1rem; text-align: end; white-space: nowrap; color: var(--soft); font-variant-numeric: tabular-nums; }
td.date, th.date { text-align: end; }
tbody tr:hover { background: var(--hover); }
td.name > a, td.name > span { display: flex; align-items: center; gap: 0.75rem; padding: 0.65rem 1rem; overflow-wrap: anywhere; }
td.name > span { color: var(--soft); }
td.name svg { flex: none; width: 1.25rem; height: 1.25rem; fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-linejoin: round; stroke-linecap: round; }
tr.directory td.name { font-weight: 550; }
tr.directory td.name svg { stroke: var(--accent); fill: color-mix(in srgb, var(--accent) 14%, transparent); }
.empty { margin: 0; padding: 3rem 1rem; text-align: center; color: var(--soft); background: var(--card); border: 1px dashed var(--line); border-radius: 12px; }
footer { padding-block: 1.5rem 3rem; color: var(--soft); font-size: 0.85rem; }
@media (max-width: 40rem) {
  td.date, th.date { display: none; }
  th, td.size, th.size, td.name > a, td.name > span { padding-inline: 0.75rem; }
  h1 { font-size: 1.4rem; }
}
)css";

}  // namespace owndir::gateway
