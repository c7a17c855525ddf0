#include "http/response_plan.hpp"

#include <charconv>

#include "exchange/field_value.hpp"
#include "http/hop_by_hop.hpp"

namespace owndir::http {
namespace {

using exchange::iequals;

Result<std::optional<std::uint64_t>> declared_length(const exchange::Fields& fields) {
  std::optional<std::uint64_t> length;
  for (const auto& field : fields) {
    if (!iequals(field.name, "content-length")) continue;
    std::uint64_t value = 0;
    const char* const end = field.value.data() + field.value.size();
    const auto [stop, ec] = std::from_chars(field.value.data(), end, value);
    if (length || ec != std::errc() || stop != end) return fail(Errc::protocol, "Content-Length of the response");
    length = value;
  }
  return length;
}

Result<void> check_head(const exchange::ResponseHead& head) {
  if (head.status < 200 || head.status > 999) return fail(Errc::protocol, "status " + std::to_string(head.status));
  if (!exchange::is_field_value(head.reason)) return fail(Errc::protocol, "reason phrase of the response");
  for (const auto& field : head.fields)
    if (!exchange::is_token(field.name) || !exchange::is_passable_value(field.value))
      return fail(Errc::protocol, "a field of the response");
  return {};
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

Result<ResponsePlan> plan_response(const exchange::Response& response, std::string_view method, bool http_1_1,
                                   bool keep_alive) {
  if (auto checked = check_head(response.head); !checked) return fail(std::move(checked.error()));
  const bool as_they_are = !has_hop_by_hop(response.head.fields);  // as a rule: then they need not be copied
  exchange::Fields changed;
  if (!as_they_are) remove_hop_by_hop(changed = response.head.fields);
  const exchange::Fields& fields = as_they_are ? response.head.fields : changed;
  const auto declared = declared_length(fields);
  if (!declared) return fail(declared.error());

  ResponsePlan plan;
  plan.close = !keep_alive;
  const std::uint16_t status = response.head.status;
  bool with_length = true;
  if (exchange::is_bodiless(method, status)) {
    with_length = status != 204;
  } else {
    plan.with_body = response.body != nullptr;
    const auto known = response.body ? response.body->length() : std::optional<std::uint64_t>(0);
    if (*declared && known && **declared != *known)
      return fail(Errc::protocol, "Content-Length " + std::to_string(**declared) + " of a body of " +
                                      std::to_string(*known) + " bytes");
    plan.length = *declared ? *declared : known;
    plan.chunked = !plan.length && http_1_1;
    plan.close = plan.close || (!plan.length && !http_1_1);
  }

  plan.head.reserve(64 + fields.bytes() + fields.size() * 4);
  plan.head.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(response.head.reason).append("\r\n");
  for (const auto& field : fields)
    if (with_length || !iequals(field.name, "content-length")) append_field(plan.head, field.name, field.value);
  if (plan.length && !*declared) append_field(plan.head, "Content-Length", std::to_string(*plan.length));
  if (plan.chunked) append_field(plan.head, "Transfer-Encoding", "chunked");
  if (plan.close) append_field(plan.head, "Connection", "close");
  plan.head += "\r\n";
  return plan;
}

std::string short_answer(const Refusal& refusal) {
  const std::string body = refusal.text + "\n";
  const std::string_view reason = exchange::standard_reason(refusal.status);
  std::string answer = "HTTP/1.1 " + std::to_string(refusal.status) + " ";
  answer.append(reason).append(
      "\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store"
      "\r\nConnection: close\r\nContent-Length: ");
  answer.append(std::to_string(body.size())).append("\r\n").append(refusal.fields).append("\r\n");
  return answer.append(body);
}

}  // namespace owndir::http
