#include "exchange/body.hpp"

#include <algorithm>

namespace owndir::exchange {
namespace {

class TextBody final : public BodySource {
 public:
  explicit TextBody(std::string content) : owned_(std::move(content)), rest_(owned_), length_(owned_.size()) {}
  explicit TextBody(std::string_view content) : rest_(content), length_(content.size()) {}

  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    const ByteView piece = as_bytes(rest_.substr(0, limit));
    rest_.remove_prefix(piece.size());
    co_return Bytes(piece.begin(), piece.end());
  }
  std::optional<ByteView> at_hand() const override { return as_bytes(rest_); }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::string owned_;
  std::string_view rest_;
  std::uint64_t length_;
};

}  // namespace

Awaitable<Result<std::optional<FileRun>>> BodySource::read_run(std::size_t) {
  co_return std::optional<FileRun>();
}

Body make_body(std::string content) {
  return std::make_unique<TextBody>(std::move(content));
}
Body make_static_body(std::string_view content) {
  return std::make_unique<TextBody>(content);
}

Awaitable<Result<std::string>> read_all(Body body, std::size_t limit) {
  std::string all;
  while (body) {
    Result<Bytes> piece = co_await body->read(64 * 1024);
    if (!piece) co_return fail(std::move(piece.error()));
    if (piece->empty()) break;
    if (all.size() + piece->size() > limit) co_return fail(Errc::too_large, "body");
    all += as_text(*piece);
  }
  co_return all;
}

}  // namespace owndir::exchange
