#pragma once
// The answer to a request for something that cannot be had. A person who goes there gets a page that says what happened
// and what to do next, complete in itself; a program gets the same sentences as text. Plain functions.

#include <string>

#include "exchange/handler.hpp"

namespace owndir::gateway {

struct Refusal {
  std::uint16_t status = 404;
  std::string title;  ///< a few words
  std::string what;   ///< what happened: a sentence
  std::string next;   ///< what to do: a sentence, or empty
  /// The page links to the folder above the address and to the top: false where those are refused too.
  bool has_links = true;
  unsigned reload_s = 0;  ///< the page looks again after so many seconds; 0: it does not
};

/// A person goes to an address, rather than a script asking for data.
bool navigates(const exchange::RequestHead& head);

exchange::Response refuse(const Refusal& refusal, const exchange::RequestHead& head);

/// In the words that the gateway has for such a status, or such an error of a file.
Refusal refusal_of(std::uint16_t status);
Refusal refusal_of(const Error& error);

}  // namespace owndir::gateway
