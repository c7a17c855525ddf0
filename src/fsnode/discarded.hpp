#pragma once
// Owns what works on the disk for the length of its call, so that ending it does not block. Network thread.

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>

#include "base/blocking.hpp"

namespace owndir::fsnode {

/// Whenever the call ends, what it leaves is cleared away on a file thread.
template <class Writer>
class Discarded {
 public:
  Discarded(asio::thread_pool& files, Writer writer)
      : files_(files), writer_(std::make_unique<Writer>(std::move(writer))) {}
  Discarded(const Discarded&) = delete;
  Discarded& operator=(const Discarded&) = delete;
  ~Discarded() {
    if (writer_) asio::post(files_, [writer = std::move(writer_)]() mutable { writer.reset(); });
  }
  Writer& operator*() { return *writer_; }
  Writer* operator->() { return writer_.get(); }

  /// Clears away and waits for it.
  Awaitable<void> now() {
    const auto work = [this] {
      writer_.reset();
      return true;
    };
    co_await run_blocking(files_, work);
  }

 private:
  asio::thread_pool& files_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace owndir::fsnode
