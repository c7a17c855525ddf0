#include "modules/runtime.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/bytes.hpp"
#include "base/child_process.hpp"

extern char** environ;

namespace owndir::modules {
namespace {

namespace fs = std::filesystem;

/// What a build's result depends on, in a fixed order; the packages are covered by the manifest that lists them.
constexpr const char* kDecisive[] = {"host.cjs", "host-main.cjs", "manifest.json", "runtime/runtime.js",
                                     "runtime/runtime.css"};

std::vector<fs::path> candidates() {
  if (const char* share = std::getenv("OWNDIR_SHARE"); share != nullptr && *share != '\0') return {share};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return {};
  std::vector<fs::path> found = {program.parent_path().parent_path() / "share/owndir"};
  // A program of the build tree lies somewhere below the tree's root.
  for (fs::path up = program.parent_path(); up.has_relative_path(); up = up.parent_path())
    if (fs::exists(up / "CMakeCache.txt", error)) found.push_back(up / "share/owndir");
  return found;
}

Result<std::string> digest_of(const fs::path& share) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) return fail(Errc::internal, "SHA-256");
  std::vector<fs::path> files;
  for (const char* name : kDecisive) files.push_back(share / name);
  std::error_code error;
  std::vector<fs::path> defaults;
  for (fs::recursive_directory_iterator it(share / "client-default", error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error)) defaults.push_back(it->path());
  std::sort(defaults.begin(), defaults.end());
  files.insert(files.end(), defaults.begin(), defaults.end());
  std::string text(OWNDIR_VERSION);
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    text.append("\n").append(fs::relative(path, share, error).string()).append(" ");
    text.append(std::istreambuf_iterator<char>(file), {});
    EVP_DigestUpdate(hash.get(), text.data(), text.size());
    text.clear();
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(hash.get(), digest.data(), &size) != 1) return fail(Errc::internal, "SHA-256");
  return to_hex(std::as_bytes(std::span(digest)).first(16));
}

}  // namespace

Result<Runtime> find_runtime() {
  Runtime runtime;
  const std::vector<fs::path> places = candidates();
  std::error_code error;
  for (const fs::path& place : places) {
    if (!fs::exists(place / "host.cjs", error)) continue;
    runtime.share = fs::weakly_canonical(place, error).string();
    break;
  }
  if (runtime.share.empty())
    return fail(Errc::not_found, "the runtime data is missing: no host.cjs in " +
                                     (places.empty() ? std::string("share/owndir") : places.front().string()) +
                                     "; install owndir completely, or set OWNDIR_SHARE to its share/owndir");
  runtime.host = runtime.share + "/host.cjs";
  const char* const chosen = std::getenv("OWNDIR_NODE");
  auto node = find_program(chosen == nullptr ? "node" : chosen);
  if (!node && chosen == nullptr) node = find_program("nodejs");
  if (!node)
    return fail(
        Errc::not_found,
        "the folder's modules need Node.js 18 or later, and there is no 'node' in PATH; install it (Debian: apt "
        "install nodejs), or set OWNDIR_NODE");
  runtime.node = *node;
  auto digest = digest_of(runtime.share);
  if (!digest) return fail(std::move(digest.error()));
  runtime.digest = std::move(*digest);
  return runtime;
}

std::vector<std::string> child_environment() {
  std::vector<std::string> all;
  bool chosen = false;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
    chosen = chosen || all.back().starts_with("NODE_ENV=");
  }
  if (!chosen) all.emplace_back("NODE_ENV=production");
  return all;
}

}  // namespace owndir::modules
