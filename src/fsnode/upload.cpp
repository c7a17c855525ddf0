#include "fsnode/upload.hpp"

#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/reserved_names.hpp"
#include "fsnode/file_writer.hpp"

namespace owndir::fsnode {
namespace {

constexpr std::size_t kHashed = 8 << 20;  ///< at a time, of what is there already
constexpr std::uint64_t kFlushEvery = 16 << 20;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};

Result<void> may_replace(const Place& place, const RootedPath& path, bool overwrite) {
  struct stat old{};
  if (::fstatat(place.folder.get(), place.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) < 0) return {};
  if (S_ISDIR(old.st_mode)) return refuse(Errc::conflict, path, "is a directory");
  if (!overwrite) return fail(Errc::conflict, "existing file found at " + shown(path));
  if (!S_ISREG(old.st_mode)) return refuse(Errc::conflict, path, "is neither a file nor a directory");
  if (::faccessat(place.folder.get(), place.name.c_str(), W_OK, AT_EACCESS) < 0) return explain_errno(path, "written");
  return {};
}

}  // namespace

struct UploadWriter::Hash {
  std::unique_ptr<EVP_MD_CTX, FreeContext> context{::EVP_MD_CTX_new()};
};

UploadWriter::UploadWriter(UploadWriter&&) noexcept = default;
UploadWriter::~UploadWriter() = default;

Result<UploadWriter> UploadWriter::begin(const Tree& tree, const RootedPath& path, const UploadOptions& options) {
  if (path.is_root()) return refuse(Errc::conflict, path, "is a directory");
  auto place = tree.target_place(path, "written");
  if (!place) return fail(std::move(place.error()));
  if (auto may = may_replace(*place, path, options.overwrite); !may) return fail(std::move(may.error()));
  UploadWriter writer;
  writer.path_ = path;
  writer.place_ = std::move(*place);
  writer.partial_ = partial_name(options.id);
  writer.size_ = options.size;
  writer.overwrite_ = options.overwrite;
  const int folder = writer.place_.folder.get();
  writer.file_ = FileDescriptor(
      ::openat(folder, writer.partial_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666));
  struct stat state{};
  if (!writer.file_ || ::fstat(writer.file_.get(), &state) < 0) return explain_errno(path, "written");
  if (!S_ISREG(state.st_mode)) return refuse(Errc::conflict, path, "cannot be uploaded: its partial file is no file");
  // Against another server on the same folder; calls of this one take turns.
  if (::flock(writer.file_.get(), LOCK_EX | LOCK_NB) < 0)
    return refuse(Errc::conflict, path, "is being uploaded by somebody else with the same id");
  writer.at_ = static_cast<std::uint64_t>(state.st_size);
  if (writer.at_ > options.size) {
    if (::ftruncate(writer.file_.get(), 0) < 0) return explain_errno(path, "written");
    writer.at_ = 0;
  }
  if (auto room = check_room(folder, options.size - writer.at_, path); !room) return fail(std::move(room.error()));
  writer.hash_ = std::make_unique<Hash>();
  if (!writer.hash_->context || ::EVP_DigestInit_ex(writer.hash_->context.get(), ::EVP_sha256(), nullptr) != 1)
    return fail(Errc::internal, "SHA-256 is not available");
  return writer;
}

Result<void> UploadWriter::add_to_hash(ByteView data) {
  if (::EVP_DigestUpdate(hash_->context.get(), data.data(), data.size()) != 1)
    return fail(Errc::internal, "SHA-256 failed");
  hashed_ += data.size();
  return {};
}

Result<bool> UploadWriter::hash_some() {
  std::array<std::byte, 65536> buffer;
  for (std::size_t done = 0; done < kHashed && hashed_ < at_;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), at_ - hashed_));
    const ssize_t got = ::pread(file_.get(), buffer.data(), size, static_cast<off_t>(hashed_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return explain_errno(path_, "read");
    if (got == 0) return refuse(Errc::conflict, path_, "cannot be uploaded: its partial file became shorter");
    if (auto added = add_to_hash(std::span(buffer).first(static_cast<std::size_t>(got))); !added)
      return fail(std::move(added.error()));
    done += static_cast<std::size_t>(got);
  }
  return must_hash();
}

Result<void> UploadWriter::append(ByteView data) {
  if (data.size() > size_ - at_) return fail(Errc::malformed, "more data came for " + shown(path_) + " than its size");
  while (!data.empty()) {
    const ssize_t put = ::pwrite(file_.get(), data.data(), data.size(), static_cast<off_t>(at_));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return explain_errno(path_, "written");
    const auto size = static_cast<std::size_t>(put);
    if (auto added = add_to_hash(data.first(size)); !added) return added;
    at_ += size;
    data = data.subspan(size);
  }
  if (at_ - flushed_ >= kFlushEvery) {
    ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    flushed_ = at_;
  }
  return {};
}

Result<Info> UploadWriter::commit(const std::string& sha256) {
  if (at_ != size_) return fail(Errc::malformed, "less data came for " + shown(path_) + " than its size");
  std::array<std::byte, 32> digest;
  if (::EVP_DigestFinal_ex(hash_->context.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr) != 1)
    return fail(Errc::internal, "SHA-256 failed");
  const int folder = place_.folder.get();
  if (to_hex(digest) != sha256) {
    ::unlinkat(folder, partial_.c_str(), 0);
    return fail(Errc::conflict, "what arrived is not what was sent: upload " + shown(path_) + " again");
  }
  if (auto may = may_replace(place_, path_, overwrite_); !may) return fail(std::move(may.error()));
  struct stat old{};
  if (::fstatat(folder, place_.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0 &&
      ::fchmod(file_.get(), old.st_mode & 07777) < 0)
    errno = 0;  // bits that the file system lacks
  if (::fsync(file_.get()) < 0) return explain_errno(path_, "written");
  if (auto placed = put_in_place(place_, partial_, !overwrite_); !placed) return fail(std::move(placed.error()));
  struct stat state{};
  if (::fstat(file_.get(), &state) < 0) return explain_errno(path_, "written");
  return make_info(state, path_.segments().back());
}

}  // namespace owndir::fsnode
