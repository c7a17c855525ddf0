#include "gateway/ranges.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "exchange/head.hpp"

namespace owndir::gateway {
namespace {

constexpr std::size_t kMaxRanges = 64;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Digits only; a number beyond 64 bits counts as the largest, because it lies beyond any file.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint64_t value = 0;
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() ? value : UINT64_MAX;
}

/// Joins `range` with every part that it overlaps or touches, in the place of the first of these.
void add(std::vector<Range>& parts, Range range) {
  const auto near = [&](const Range& part) {
    return part.first <= (range.last == UINT64_MAX ? range.last : range.last + 1) && range.first <= part.last + 1;
  };
  auto place = std::find_if(parts.begin(), parts.end(), near);
  if (place == parts.end()) {
    parts.push_back(range);
    return;
  }
  for (;;) {
    place->first = std::min(place->first, range.first);
    place->last = std::max(place->last, range.last);
    range = *place;
    const auto more = std::find_if(place + 1, parts.end(), near);
    if (more == parts.end()) return;
    range = *more;
    parts.erase(more);
  }
}

}  // namespace

RangeSet parse_ranges(std::string_view field, std::uint64_t size) {
  RangeSet set;
  const std::size_t equals = field.find('=');
  if (equals == field.npos || !exchange::iequals(field.substr(0, equals), "bytes")) return set;
  std::string_view list = field.substr(equals + 1);
  std::vector<Range> parts;
  std::size_t count = 0;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view spec = trimmed(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (spec.empty()) continue;
    if (++count > kMaxRanges) return set;
    const std::size_t dash = spec.find('-');
    if (dash == spec.npos) return set;
    const auto first = number(spec.substr(0, dash));
    const auto last = number(spec.substr(dash + 1));
    if (!first && dash != 0) return set;
    if (!last && dash + 1 != spec.size()) return set;
    if (!first && !last) return set;
    if (first && last && *last < *first) return set;
    if (size == 0) continue;
    if (!first) {
      if (*last > 0) add(parts, {*last >= size ? 0 : size - *last, size - 1});
    } else if (*first < size) {
      add(parts, {*first, last ? std::min(*last, size - 1) : size - 1});
    }
  }
  if (count == 0) return set;
  set.kind = parts.empty() ? RangeSet::Kind::unsatisfiable : RangeSet::Kind::partial;
  set.parts = std::move(parts);
  return set;
}

}  // namespace owndir::gateway
