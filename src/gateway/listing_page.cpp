#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "gateway/html.hpp"
#include "gateway/listing.hpp"
#include "gateway/target.hpp"

namespace owndir::gateway {
namespace {

constexpr std::size_t kRows = 5000;  ///< drawn without script; the JSON listing has the rest

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return {text.data(), static_cast<std::size_t>(size)};
}

struct Date {
  std::string iso;
  std::string day;
};

Date date_of(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_seconds time = floor<seconds>(sys_time<milliseconds>(milliseconds(unix_ms)));
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::array<char, 48> text{};
  const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                                 static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                 static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                                 static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  Date both;
  both.iso.assign(text.data(), static_cast<std::size_t>(size));
  both.day = both.iso.substr(0, both.iso.find('T'));
  return both;
}

constexpr std::string_view kFolderIcon =
    R"(<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M2.5 5.5c0-.8.7-1.5 1.5-1.5h3.6l2 2.2H16c.8 0 1.5.7 1.5 1.5v7c0 .8-.7 1.5-1.5 1.5H4c-.8 0-1.5-.7-1.5-1.5z"/></svg>)";
constexpr std::string_view kFileIcon =
    R"(<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M5 2.5h6l4 4v9.5c0 .8-.7 1.5-1.5 1.5h-8.5c-.8 0-1.5-.7-1.5-1.5v-12c0-.8.7-1.5 1.5-1.5z"/><path d="M11 2.5v4h4"/></svg>)";

void append_breadcrumb(std::string& html, const Listing& listing, std::string_view folder_name) {
  const auto& segments = listing.path.segments();
  if (segments.empty()) return;
  html += "<nav aria-label=\"Folders above\"><ol>";
  for (std::size_t depth = 0; depth < segments.size(); ++depth) {
    html += "<li><a href=\"";
    for (std::size_t up = depth; up < segments.size(); ++up) html += "../";
    html.append("\"><bdi>")
        .append(depth == 0 ? escape_name(folder_name) : escape_name(segments[depth - 1]))
        .append("</bdi></a></li>");
  }
  html += "</ol></nav>";
}

std::string_view words(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::outside: return "it leads out of the folder";
    case Obstacle::broken: return "it leads to nothing";
    case Obstacle::special: break;
  }
  return "neither a file nor a folder";
}

void append_row(std::string& html, const Entry& entry) {
  const bool directory = entry.type == EntryType::directory;
  const std::string name = "<bdi>" + escape_name(entry.name) + "</bdi>";
  html.append("<tr class=\"").append(directory ? "directory" : "file").append("\"><td class=\"name\">");
  if (entry.type == EntryType::other) {
    html.append("<span>").append(kFileIcon).append("<span>").append(name);
    html.append(" <small>cannot be opened: ").append(words(entry.obstacle)).append("</small></span></span>");
  } else {
    html.append("<a href=\"").append(percent_encode(entry.name)).append(directory ? "/\">" : "\">");
    html.append(directory ? kFolderIcon : kFileIcon).append(name).append("</a>");
  }
  html += "</td><td class=\"size\">";
  if (entry.type == EntryType::file)
    html.append("<span title=\"")
        .append(grouped(entry.size))
        .append(" bytes\">")
        .append(human_size(entry.size))
        .append("</span>");
  const Date date = date_of(entry.modified_ms);
  html.append("</td><td class=\"date\"><time datetime=\"").append(date.iso).append("\" title=\"").append(date.iso);
  html.append("\">").append(date.day).append("</time></td></tr>\n");
}

std::string summary(const Listing& listing) {
  std::uint64_t files = 0;
  std::uint64_t folders = 0;
  std::uint64_t bytes = 0;
  for (const Entry& entry : listing.entries) {
    (entry.type == EntryType::directory ? folders : files) += 1;
    bytes += entry.size;
  }
  std::string text;
  if (folders > 0) text += grouped(folders) + (folders == 1 ? " folder" : " folders");
  if (files > 0) {
    if (!text.empty()) text += ", ";
    text += grouped(files) + (files == 1 ? " file" : " files") + ", " + human_size(bytes);
  }
  return text;
}

}  // namespace

std::string listing_page(const Listing& listing, std::string_view folder_name, const PageAssets& assets) {
  const auto& segments = listing.path.segments();
  const std::string_view title = segments.empty() ? folder_name : std::string_view(segments.back());
  const std::size_t rows = std::min(listing.entries.size(), kRows);
  std::string html;
  html.reserve(2048 + rows * 420);
  html += page_start(title);
  for (const std::string& url : assets.styles)
    html.append("<link rel=\"stylesheet\" href=\"").append(url).append("\">\n");
  for (const std::string& url : assets.scripts)
    html.append("<script defer src=\"").append(url).append("\"></script>\n");
  html.append("</head>\n<body class=\"listing-page\" data-owndir-name=\"")
      .append(escape_name(folder_name))
      .append("\">\n<header class=\"listing-head\">\n");
  append_breadcrumb(html, listing, folder_name);
  html.append("<h1><bdi>").append(escape_name(title)).append("</bdi></h1>\n<p>").append(summary(listing));
  html.append("</p>\n</header>\n<main class=\"listing-body\" data-owndir-listing=\"")
      .append(url_path(listing.path, true))
      .append("\">\n");
  if (listing.entries.empty()) {
    html += "<p class=\"listing-empty\">This folder is empty.</p>\n";
  } else {
    if (rows < listing.total)
      html.append("<p class=\"listing-notice\">")
          .append(grouped(listing.total))
          .append(" entries are in this folder; the first ")
          .append(grouped(rows))
          .append(" are shown.</p>\n");
    html +=
        "<table class=\"listing-table\">\n<thead><tr><th scope=\"col\" class=\"name\">Name</th><th scope=\"col\" "
        "class=\"size\">Size</th>"
        "<th scope=\"col\" class=\"date\">Modified</th></tr></thead>\n<tbody>\n";
    for (std::size_t i = 0; i < rows; ++i) append_row(html, listing.entries[i]);
    html += "</tbody>\n</table>\n";
  }
  html += "</main>\n</body>\n</html>\n";
  return html;
}

}  // namespace owndir::gateway
