#include "gateway/conditions.hpp"

#include <fmt/compile.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace owndir::gateway {
namespace {

constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Whether one of a list of entity tags is `etag` (or the list is "*"). Weak tags match only in a weak comparison.
bool lists(std::string_view list, std::string_view etag, bool weak_comparison) {
  std::size_t i = 0;
  while (i < list.size()) {
    if (list[i] == ' ' || list[i] == '\t' || list[i] == ',') {
      ++i;
      continue;
    }
    if (list[i] == '*') return true;
    const bool weak = list.substr(i, 2) == "W/";
    if (weak) i += 2;
    if (i >= list.size() || list[i] != '"') return false;
    const std::size_t close = list.find('"', i + 1);
    if (close == list.npos) return false;
    if (list.substr(i, close + 1 - i) == etag && (weak_comparison || !weak)) return true;
    i = close + 1;
  }
  return false;
}

bool any_lists(const exchange::Fields& request, std::string_view name, std::string_view etag, bool weak_comparison) {
  for (const auto& field : request)
    if (exchange::iequals(field.name, name) && lists(field.value, etag, weak_comparison)) return true;
  return false;
}

std::optional<std::int64_t> date_field(const exchange::Fields& request, std::string_view name) {
  const auto value = request.get(name);
  return value ? parse_http_date(*value) : std::nullopt;
}

}  // namespace

std::string http_date(std::int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds time{seconds(unix_seconds)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format(FMT_COMPILE("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT"), kDays[weekday(day).c_encoding() % 7],
                     static_cast<unsigned>(date.day()), kMonths[(static_cast<unsigned>(date.month()) - 1) % 12],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  using namespace std::chrono;
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" || text[7] != ' ' ||
      text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return std::nullopt;
  unsigned month_number = 0;
  for (unsigned i = 0; i < kMonths.size(); ++i)
    if (text.substr(8, 3) == kMonths[i]) month_number = i + 1;
  const auto d = number(text.substr(5, 2));
  const auto y = number(text.substr(12, 4));
  const auto h = number(text.substr(17, 2));
  const auto m = number(text.substr(20, 2));
  const auto s = number(text.substr(23, 2));
  if (month_number == 0 || !d || !y || !h || !m || !s || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
  const year_month_day date(year(*y), month(month_number), day(static_cast<unsigned>(*d)));
  if (!date.ok()) return std::nullopt;
  return (sys_days(date) + hours(*h) + minutes(*m) + seconds(*s)).time_since_epoch().count();
}

Validators validators_of(const struct stat& info) {
  return {fmt::format(FMT_COMPILE("\"{:x}-{:x}-{:x}\""), static_cast<unsigned long long>(info.st_ino),
                      static_cast<unsigned long long>(info.st_size),
                      static_cast<unsigned long long>(info.st_mtim.tv_sec) * 1'000'000'000ULL +
                          static_cast<unsigned long long>(info.st_mtim.tv_nsec)),
          info.st_mtim.tv_sec};
}

Verdict evaluate(const exchange::Fields& request, const Validators& current) {
  if (request.contains("If-Match")) {
    if (!any_lists(request, "If-Match", current.etag, false)) return Verdict::precondition_failed;
  } else if (const auto since = date_field(request, "If-Unmodified-Since")) {
    if (current.modified > *since) return Verdict::precondition_failed;
  }
  if (request.contains("If-None-Match")) {
    if (any_lists(request, "If-None-Match", current.etag, true)) return Verdict::not_modified;
  } else if (const auto since = date_field(request, "If-Modified-Since")) {
    if (current.modified <= *since) return Verdict::not_modified;
  }
  return Verdict::proceed;
}

bool range_applies(const exchange::Fields& request, const Validators& current) {
  if (!request.contains("Range")) return false;
  const auto condition = request.get("If-Range");
  if (!condition) return true;
  // Only a strong validator vouches for the bytes; a date of whole seconds is one only as an exact match.
  if (condition->starts_with('"')) return *condition == current.etag;
  const auto date = parse_http_date(*condition);
  return date && *date == current.modified;
}

}  // namespace owndir::gateway
