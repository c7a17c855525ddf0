#pragma once
// Changes to the tree (docs/fsnode.md, Operations): makeDir, touch, move, delete. What may take long goes in steps, so
// that it can be given up in between and shares its thread. Blocking; one owner, any thread.

#include <optional>
#include <vector>

#include "fsnode/tree.hpp"

namespace owndir::fsnode {

/// With parents; a directory that exists is fine.
Result<void> make_directory(const Tree& tree, const RootedPath& path);

/// Sets the times to now, or makes an empty file.
Result<void> touch(const Tree& tree, const RootedPath& path);

/// Walks a directory without following links, looking for names that are protected (reserved_names.hpp).
class ProtectedSearch {
 public:
  explicit ProtectedSearch(RootedFolder top) : top_(std::move(top)) { left_.emplace_back(); }

  enum class State { more, clean, found };
  /// At least one directory, at most about `entries`.
  Result<State> step(std::size_t entries);
  RootedFolder& top() { return top_; }

 private:
  RootedFolder top_;
  std::vector<RootedPath> left_;
};

class Move {
 public:
  static Result<Move> begin(const Tree& tree, const RootedPath& from, const RootedPath& to, bool overwrite);

  /// The final path once it is done.
  Result<std::optional<RootedPath>> step(std::size_t entries);

 private:
  Move() = default;
  Result<void> rename() const;

  const Tree* tree_ = nullptr;
  Place from_;
  bool directory_ = false;
  RootedPath to_;
  bool overwrite_ = false;
  std::optional<ProtectedSearch> search_;
};

class Remove {
 public:
  static Result<Remove> begin(const Tree& tree, const RootedPath& path);

  /// True once it is done.
  Result<bool> step(std::size_t entries);

 private:
  Remove() = default;
  Result<bool> remove_some(std::size_t entries);

  std::optional<Place> place_;  ///< nothing when there is nothing to remove
  std::optional<ProtectedSearch> search_;
  std::optional<RootedFolder> top_;
  std::vector<RootedPath> left_;  ///< directories; each after those that hold it
};

}  // namespace owndir::fsnode
