#include "gateway/file_source.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/blocking.hpp"

namespace owndir::gateway {
namespace {

/// Brings a run into memory (Disk::wait), or looks whether it is there by its last bytes (Disk::cached): the kernel
/// reads ahead and drops from the front, so that the end stands for the whole; where it does not, sendfile waits for
/// the disk.
Result<void> is_there(int file, std::uint64_t offset, std::size_t size, Disk disk) {
  if (disk == Disk::wait) {
    constexpr std::size_t kPiece = std::size_t{64} << 10;
    for (std::size_t done = 0; done < size; done += kPiece)
      if (const auto piece = read_exactly(file, offset + done, std::min(kPiece, size - done)); !piece)
        return fail(piece.error());
    return {};
  }
  for (const std::uint64_t place : {offset, offset + size - 1})
    if (const auto byte = read_exactly(file, place, 1, disk); !byte) return fail(byte.error());
  return {};
}

class FileBody final : public exchange::BodySource {
 public:
  FileBody(asio::thread_pool& files, FileDescriptor file, std::vector<Part> parts, std::shared_ptr<const Bytes> content)
      : files_(files), file_(std::move(file)), parts_(std::move(parts)), content_(std::move(content)) {
    for (const Part& part : parts_) length_ += part.text.size() + part.size;
    skip_empty();
  }

  Awaitable<Result<Bytes>> read(std::size_t limit) override {
    if (next_ == parts_.size()) co_return Bytes();
    Part& part = parts_[next_];
    if (!part.text.empty()) {
      const std::size_t size = std::min(limit, part.text.size());
      Bytes piece = to_bytes(std::string_view(part.text).substr(0, size));
      part.text.erase(0, size);
      skip_empty();
      co_return piece;
    }
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(limit, part.size));
    Result<Bytes> piece = read_now(part.offset, size);
    if (!piece && would_block(piece.error())) {
      auto work = [fd = file_.get(), offset = part.offset, size] { return read_exactly(fd, offset, size); };
      piece = co_await run_blocking(files_, work);
    }
    if (piece) take(size);
    co_return piece;
  }

  std::optional<ByteView> at_hand() const override {
    if (next_ == parts_.size()) return ByteView();
    if (!content_ || next_ + 1 != parts_.size() || !parts_[next_].text.empty()) return std::nullopt;
    return ByteView(*content_).subspan(parts_[next_].offset, parts_[next_].size);
  }

  bool has_runs() const override { return !content_; }
  Awaitable<Result<std::optional<exchange::FileRun>>> read_run(std::size_t limit) override {
    if (next_ == parts_.size() || !parts_[next_].text.empty()) co_return std::optional<exchange::FileRun>();
    const Part part = parts_[next_];
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(limit, part.size));
    Result<void> there = is_there(file_.get(), part.offset, size, Disk::cached);
    if (!there && would_block(there.error())) {
      auto work = [fd = file_.get(), part, size] { return is_there(fd, part.offset, size, Disk::wait); };
      there = co_await run_blocking(files_, work);
    }
    if (!there) co_return fail(std::move(there.error()));
    take(size);
    co_return exchange::FileRun{file_.get(), part.offset, size};
  }

  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  Result<Bytes> read_now(std::uint64_t offset, std::size_t size) const {
    if (!content_) return read_exactly(file_.get(), offset, size, Disk::cached);
    const ByteView piece = ByteView(*content_).subspan(offset, size);
    return Bytes(piece.begin(), piece.end());
  }
  void take(std::size_t size) {
    parts_[next_].offset += size;
    parts_[next_].size -= size;
    skip_empty();
  }
  void skip_empty() {
    while (next_ < parts_.size() && parts_[next_].text.empty() && parts_[next_].size == 0) ++next_;
  }

  asio::thread_pool& files_;
  FileDescriptor file_;
  std::vector<Part> parts_;
  std::shared_ptr<const Bytes> content_;
  std::size_t next_ = 0;
  std::uint64_t length_ = 0;
};

}  // namespace

exchange::Body make_file_body(asio::thread_pool& files, FileDescriptor file, std::vector<Part> parts,
                              std::shared_ptr<const Bytes> content) {
  return std::make_unique<FileBody>(files, std::move(file), std::move(parts), std::move(content));
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
