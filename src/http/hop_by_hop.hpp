#pragma once
// Fields that belong to one connection and are never passed on (RFC 9110 section 7.6.1). Plain functions, any thread.

#include <string_view>

#include "exchange/head.hpp"

namespace owndir::http {

/// Calls `visit` for each member of a comma-separated list, without surrounding blanks; empty members are skipped.
template <class Visit>
void for_each_token(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view token = list.substr(0, comma);
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    while (!token.empty() && (token.front() == ' ' || token.front() == '\t')) token.remove_prefix(1);
    while (!token.empty() && (token.back() == ' ' || token.back() == '\t')) token.remove_suffix(1);
    if (!token.empty()) visit(token);
  }
}

/// Whether there is anything that remove_hop_by_hop would remove.
bool has_hop_by_hop(const exchange::Fields& fields);

/// Removes Connection, what Connection names, and the other fields of one hop. Fields that frame or route the message
/// stay, whoever names them.
void remove_hop_by_hop(exchange::Fields& fields);

}  // namespace owndir::http
