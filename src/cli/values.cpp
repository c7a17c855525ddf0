#include "cli/values.hpp"

#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace owndir::cli {

CLI::Validator whole_number(std::int64_t low, std::int64_t high, std::string what) {
  const auto check = [low, high, what = std::move(what)](const std::string& text) -> std::string {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value >= low && value <= high) return "";
    return "'" + text + "' is not " + what + ": give a number from " + std::to_string(low) + " to " +
           std::to_string(high);
  };
  return {check, "NUMBER", "number"};
}

CLI::Validator numeric_address() {
  const auto check = [](const std::string& text) -> std::string {
    boost::system::error_code error;
    boost::asio::ip::make_address(text, error);
    if (!error) return "";
    return "'" + text +
           "' is not a numeric address: give one of this computer, such as 127.0.0.1, ::1 or 192.168.1.20 (0.0.0.0: "
           "all "
           "of them)";
  };
  return {check, "ADDRESS", "address"};
}

CLI::Validator folder() {
  const auto check = [](const std::string& text) -> std::string {
    const auto kind = CLI::detail::check_path(text.c_str());
    if (kind == CLI::detail::path_type::directory) return "";
    if (kind == CLI::detail::path_type::file) return text + " is a file; give the folder that it is in";
    return "there is no folder " + text + "; make it first, or mend the name";
  };
  return {check, "DIR", "folder"};
}

CLI::Validator one_of(std::vector<std::string> words) {
  const auto check = [words = std::move(words)](const std::string& text) -> std::string {
    std::string list;
    for (const std::string& word : words) {
      if (word == text) return "";
      list += (list.empty() ? "" : &word == &words.back() ? " or " : ", ") + word;
    }
    return "'" + text + "' is not known: give " + list;
  };
  return {check, "WORD", "word"};
}

}  // namespace owndir::cli
