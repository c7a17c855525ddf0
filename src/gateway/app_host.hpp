#pragma once
// Names of apps behind a folder, and the local addresses that stand for them: http://NAME.localhost:PORT/ (RFC 6761
// section 6.3: names below localhost are this machine). Plain functions, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/head.hpp"

namespace owndir::gateway {

/// Request fields between the two ends of a tunnel; whoever puts a request into one removes all other `owndir-` fields.
constexpr std::string_view kAppField = "owndir-app";        ///< which app the request is for
constexpr std::string_view kOriginField = "owndir-origin";  ///< where the client sees it, "http://NAME.localhost:PORT"

/// 1 to 32 of a-z, 0-9 and "-", neither first nor last a "-".
bool is_app_name(std::string_view text);

/// The app that a Host field names: "NAME.localhost", with ":PORT" unless that is 80. Letters of either case.
std::optional<std::string> app_of_host(std::string_view host, std::uint16_t port);

/// Removes every field whose name begins with "owndir-".
void remove_owndir_fields(exchange::Fields& fields);

}  // namespace owndir::gateway
