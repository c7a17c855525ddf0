#include "gateway/listing_style.hpp"

namespace owndir::gateway {

const std::string_view kListingStyle = R"css(
.listing-page {
  --d-paper: #faf9f7; --d-card: #fff; --d-ink: #1d1c1a; --d-soft: #625e57; --d-line: #e2dfd9; --d-accent: #0f6b63; --d-wash: #e3f1ee; --d-hover: #f4f2ee;
  color-scheme: light dark; margin: 0; min-height: 100vh; background: var(--d-paper); color: var(--d-ink);
  font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Inter", "Noto Sans", "Cantarell", "DejaVu Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  .listing-page {
    --d-paper: #161615; --d-card: #1f1f1d; --d-ink: #ecebe7; --d-soft: #a5a198; --d-line: #32312e; --d-accent: #6cc9bc; --d-wash: #16302c; --d-hover: #262624;
  }
}
.listing-head, .listing-body { box-sizing: border-box; max-width: 62rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
.listing-head { padding-top: clamp(1.5rem, 6vh, 3.5rem); }
.listing-head h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.018em; overflow-wrap: anywhere; }
.listing-head ol { display: flex; flex-wrap: wrap; margin: 0 0 0.3rem; padding: 0; list-style: none; color: var(--d-soft); font-size: 0.95rem; }
.listing-head li::after { content: "/"; margin-inline: 0.5rem; opacity: 0.5; }
.listing-head li a { color: inherit; text-decoration: none; }
.listing-head a:hover { color: var(--d-accent); text-decoration: underline; text-underline-offset: 0.2em; }
.listing-head p { margin: 0.35rem 0 1.6rem; color: var(--d-soft); font-size: 0.95rem; }
.listing-body { padding-bottom: 4rem; }
.listing-notice { margin: 0 0 1rem; padding: 0.7rem 1.1rem; border: 1px solid var(--d-line); border-radius: 12px; background: var(--d-card); }
.listing-empty { margin: 0; padding: 3.5rem 1rem; text-align: center; color: var(--d-soft); border: 1px dashed var(--d-line); border-radius: 14px; }
.listing-table {
  table-layout: auto; width: 100%; border-collapse: separate; border-spacing: 0; background: var(--d-card);
  border: 1px solid var(--d-line); border-radius: 14px; overflow: hidden;
  box-shadow: 0 1px 2px rgb(30 25 15 / 5%), 0 8px 24px rgb(30 25 15 / 5%);
}
.listing-table thead th {
  position: static; padding: 0.7rem 1.1rem 0.6rem; border: 0; background: none;
  text-align: start; font-size: 0.8rem; font-weight: 500; color: var(--d-soft);
}
.listing-table tbody td { padding: 0; border: 0; border-top: 1px solid var(--d-line); }
.listing-table tr .size, .listing-table tr .date { width: 8rem; padding-inline: 1.1rem; text-align: end; white-space: nowrap; }
.listing-table tbody td.size, .listing-table tbody td.date { color: var(--d-soft); font-size: 0.92rem; font-variant-numeric: tabular-nums; }
.listing-table tr .size { padding-inline-end: 1.2rem; }
.listing-table tbody tr:hover { background: var(--d-hover); }
.listing-table .name > :is(a, span) {
  display: flex; align-items: center; gap: 0.8rem; padding: 0.68rem 1.1rem; color: inherit; text-decoration: none; overflow-wrap: anywhere;
}
.listing-table .name > a:hover bdi { color: var(--d-accent); }
.listing-table a:focus-visible, .listing-head a:focus-visible { outline: 2px solid var(--d-accent); outline-offset: -2px; border-radius: 6px; }
.listing-table .name > span { color: var(--d-soft); }
.listing-table small { margin-inline-start: 0.3rem; font-size: 0.85rem; }
.listing-table svg {
  flex: none; width: 1.3rem; height: 1.3rem; fill: none; stroke: var(--d-soft); stroke-width: 1.4; stroke-linejoin: round; stroke-linecap: round;
}
.listing-table .directory .name { font-weight: 550; }
.listing-table .directory svg { stroke: var(--d-accent); fill: var(--d-wash); }
@media (max-width: 38rem) {
  .listing-table tr .date { display: none; }
  .listing-table thead th, .listing-table tr .size, .listing-table .name > :is(a, span) { padding-inline: 0.85rem; }
  .listing-table small { display: block; margin: 0; line-height: 1.4; }
  .listing-head h1 { font-size: 1.4rem; }
}
)css";

}  // namespace owndir::gateway
