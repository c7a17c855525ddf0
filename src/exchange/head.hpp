#pragma once
// Request and response heads (RFC 9110 section 6), kept byte-exact: order, case, duplicates and bytes outside ASCII of
// fields survive any number of hops. Plain values, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace owndir::exchange {

/// ASCII case-insensitive equality, for field names.
bool iequals(std::string_view a, std::string_view b);

struct Field {
  std::string name;
  std::string value;
  bool operator==(const Field&) const = default;
};

/// An ordered field section (RFC 9110 section 5). Lookups compare names without regard to case.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) : list_(fields) {}

  void add(std::string name, std::string value) { list_.push_back({std::move(name), std::move(value)}); }
  /// Replaces all fields of that name by one, in the place of the first.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  /// The value of the first field of that name.
  std::optional<std::string_view> get(std::string_view name) const;
  bool contains(std::string_view name) const { return get(name).has_value(); }

  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }
  std::size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }
  /// Sum of name and value lengths, bytes.
  std::size_t bytes() const;
  bool operator==(const Fields&) const = default;

 private:
  std::vector<Field> list_;
};

struct RequestHead {
  std::string method;  ///< a token, case-sensitive
  std::string target;  ///< origin-form: path and optional query, as received (RFC 9112 section 3.2.1)
  Fields fields;
  bool operator==(const RequestHead&) const = default;
};

struct ResponseHead {
  std::uint16_t status = 200;
  std::string reason;
  Fields fields;
  bool operator==(const ResponseHead&) const = default;
};

/// The standard phrase of a status code, "" when there is none.
std::string_view standard_reason(std::uint16_t status);

/// RFC 9110 section 5.6.2.
bool is_token(std::string_view text);
/// RFC 9110 section 5.5: no CR, LF or NUL, no other control but HTAB; obs-text (0x80-0xff) is allowed.
bool is_field_value(std::string_view text);
/// Origin-form target or "*": begins with '/', visible ASCII and obs-text only, no space, no '#'.
bool is_target(std::string_view text);

/// Whether a response with this status to this method has no body (RFC 9110 section 6.4.1): 1xx, 204, 304, HEAD.
bool is_bodiless(std::string_view method, std::uint16_t status);

}  // namespace owndir::exchange
