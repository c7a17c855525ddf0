#include "gateway/file_source.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/blocking.hpp"

namespace owndir::gateway {
namespace {

class FileBody final : public exchange::BodySource {
 public:
  FileBody(asio::thread_pool& files, FileDescriptor file, std::vector<Part> parts, Bytes first)
      : files_(files), file_(std::move(file)), parts_(std::move(parts)), first_(std::move(first)) {
    for (const Part& part : parts_) length_ += part.text.size() + part.size;
  }

  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    while (next_ < parts_.size() && parts_[next_].text.empty() && parts_[next_].size == 0) ++next_;
    if (next_ == parts_.size()) co_return Bytes();
    Part& part = parts_[next_];
    if (!part.text.empty()) {
      const std::size_t size = std::min(limit, part.text.size());
      Bytes piece = to_bytes(std::string_view(part.text).substr(0, size));
      part.text.erase(0, size);
      co_return piece;
    }
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(limit, part.size));
    if (!first_.empty() && first_.size() <= size) {
      part.offset += first_.size();
      part.size -= first_.size();
      co_return std::exchange(first_, {});
    }
    first_.clear();
    Result<Bytes> piece = read_exactly(file_.get(), part.offset, size, Disk::cached);
    if (!piece && would_block(piece.error())) {
      auto work = [fd = file_.get(), offset = part.offset, size] { return read_exactly(fd, offset, size); };
      piece = co_await run_blocking(files_, work);
    }
    if (piece) {
      part.offset += size;
      part.size -= size;
    }
    co_return piece;
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  asio::thread_pool& files_;
  FileDescriptor file_;
  std::vector<Part> parts_;
  Bytes first_;
  std::size_t next_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace

exchange::Body make_file_body(asio::thread_pool& files, FileDescriptor file, std::vector<Part> parts, Bytes first) {
  return std::make_unique<FileBody>(files, std::move(file), std::move(parts), std::move(first));
}

bool would_block(const Error& error) {
  return error.code == std::errc::resource_unavailable_try_again;
}

Result<Bytes> read_exactly(int file, std::uint64_t offset, std::size_t size, Disk disk) {
  Bytes bytes(size);
  std::size_t have = 0;
  while (have < size) {
    const iovec space = {bytes.data() + have, size - have};
    const ssize_t got =
        ::preadv2(file, &space, 1, static_cast<off_t>(offset + have), disk == Disk::cached ? RWF_NOWAIT : 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EOPNOTSUPP && disk == Disk::cached) errno = EAGAIN;  // a file system that cannot tell
    if (got < 0) return fail_errno("reading the file");
    if (got == 0) return fail(Errc::conflict, "the file became shorter while it was read");
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace owndir::gateway
