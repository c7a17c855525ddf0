#pragma once
// The pages and words of `owndir proxy` itself. Plain functions.

#include <string>
#include <vector>

#include "exchange/handler.hpp"
#include "gateway/upstream.hpp"

namespace owndir::gateway {

/// `/@/info`: as a served folder's, with the apps.
std::string apps_info(const UpstreamsOptions& options);

/// `/@/apps`: a person chooses. `host`: the request's Host, from which `NAME.localhost:PORT` is made. `guarded`: before
/// the client's port stands what signs the browser in at an app (LocalGuard), so that links lead through it.
exchange::Response apps_page(const UpstreamsOptions& options, std::string_view host, bool guarded);

exchange::Response unknown_app(const UpstreamsOptions& options, std::string_view name,
                               const exchange::RequestHead& head);
exchange::Response not_for_http(const Upstream& app, const exchange::RequestHead& head);
exchange::Response no_answer(const Upstream& app, const Error& error, const exchange::RequestHead& head);

}  // namespace owndir::gateway
