#pragma once
// An upload that can be resumed (docs/fsnode.md, upload): its bytes gather in a hidden file beside the target, which
// stays when this is destroyed early. Blocking; one owner, any thread.

#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "fsnode/info.hpp"

namespace owndir::fsnode {

struct UploadOptions {
  std::string id;  ///< [a-z0-9]{16,64}
  std::uint64_t size = 0;
  bool overwrite = true;
};

class UploadWriter {
 public:
  static Result<UploadWriter> begin(const Tree& tree, const RootedPath& path, const UploadOptions& options);
  UploadWriter(UploadWriter&&) noexcept;
  UploadWriter& operator=(UploadWriter&&) = delete;
  ~UploadWriter();

  /// How many bytes are there already.
  std::uint64_t offset() const { return at_; }
  /// Whether those have to go through hash_some before anything else.
  bool must_hash() const { return hashed_ < at_; }
  /// Some of them; true while there are more.
  Result<bool> hash_some();
  Result<void> append(ByteView data);
  /// 400 when bytes are missing; 409 and the bytes are gone when they have another digest, or something is in the way.
  Result<Info> commit(const std::string& sha256);

 private:
  UploadWriter() = default;
  Result<void> add_to_hash(ByteView data);

  struct Hash;
  RootedPath path_;
  Place place_;
  FileDescriptor file_;
  std::string partial_;
  std::uint64_t size_ = 0;
  bool overwrite_ = true;
  std::uint64_t at_ = 0;
  std::uint64_t hashed_ = 0;
  std::uint64_t flushed_ = 0;
  std::unique_ptr<Hash> hash_;
};

}  // namespace owndir::fsnode
