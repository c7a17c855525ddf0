#pragma once
// What the tests of this layer share: a temporary folder, clocks and random bytes that they choose, an io_context that
// is run until something holds. Tests only.

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "rendezvous/record.hpp"

namespace owndir::rendezvous::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    // In memory where there is such a place: what is tested is the order of things, not the disk.
    std::error_code error;
    const bool memory = std::filesystem::is_directory("/dev/shm", error) && ::access("/dev/shm", W_OK) == 0;
    const std::filesystem::path parent = memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "owndir-rendezvous-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return steady_; }
  WallTime wall() const override { return wall_; }
  void pass(std::chrono::steady_clock::duration time) {
    steady_ += time;
    wall_ += std::chrono::duration_cast<WallTime::duration>(time);
  }
  SteadyTime steady_{std::chrono::hours(100)};
  WallTime wall_ = from_unix_ms(1'760'000'000'000);
};

/// The machine's clocks, with another date.
class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(std::chrono::hours ahead) : ahead_(ahead) {}
  SteadyTime steady() const override { return system_clock().steady(); }
  WallTime wall() const override { return system_clock().wall() + ahead_; }

 private:
  const std::chrono::hours ahead_;
};

/// Counts up: every id is different and known.
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    ++count_;
    for (std::size_t i = 0; i < out.size(); ++i)
      out[out.size() - 1 - i] = i < 8 ? static_cast<std::byte>(count_ >> (8 * i)) : std::byte{0};
  }

 private:
  std::uint64_t count_ = 0;
};

/// An id of 16 digits from a number.
inline std::string id_of(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

inline Offer offer_of(std::uint64_t client, std::uint64_t offer) {
  return {id_of(client), id_of(offer), id_of(offer + 0x1000000), 1'760'000'000'000, 600, "phone",
          std::nullopt,  "v=0\r\n"};
}

inline void put(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  if (!file.flush()) ADD_FAILURE() << "cannot write " << path;
}

/// As a sync tool does it: temporary name, then rename.
inline void deliver(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary = path.parent_path() / (".syncthing." + path.filename().string() + ".tmp");
  put(temporary, bytes);
  std::filesystem::rename(temporary, path);
}

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// The names of the records of a kind.
inline std::vector<std::string> records_in(const std::filesystem::path& directory, RecordName::Kind kind) {
  std::vector<std::string> names;
  for (const std::string& name : names_in(directory)) {
    const auto parsed = parse_name(name);
    if (parsed && parsed->kind == kind) names.push_back(name);
  }
  return names;
}

/// The network thread of a test, and its pool.
struct Loop {
  asio::io_context network{1};
  asio::thread_pool files{2};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(network);

  ~Loop() { files.join(); }

  /// Runs until `done()`; false when that takes longer than a test should.
  bool until(const std::function<bool()>& done, std::chrono::seconds limit = std::chrono::seconds(90)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    bool ok = done();
    while (!ok && std::chrono::steady_clock::now() < end) {
      // Not after each handler: looking at a large directory takes longer than most.
      network.run_for(std::chrono::milliseconds(3));
      ok = done();
    }
    return ok;
  }

  /// Runs a coroutine to its end.
  template <class T>
  T run(Awaitable<T> task) {
    std::optional<T> result;
    std::exception_ptr failure;
    asio::co_spawn(network, std::move(task), [&](const std::exception_ptr& error, T value) {
      failure = error;
      result.emplace(std::move(value));
    });
    if (!until([&] { return result.has_value(); })) throw std::runtime_error("a coroutine of a test hangs");
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
  void run(Awaitable<void> task) {
    bool ended = false;
    std::exception_ptr failure;
    asio::co_spawn(network, std::move(task), [&](const std::exception_ptr& error) {
      failure = error;
      ended = true;
    });
    if (!until([&] { return ended; })) throw std::runtime_error("a coroutine of a test hangs");
    if (failure) std::rethrow_exception(failure);
  }
};

}  // namespace owndir::rendezvous::test
