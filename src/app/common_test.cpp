#include "app/common.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "app/local_port.hpp"

namespace owndir::app {
namespace {

namespace fs = std::filesystem;

class StateLock : public testing::Test {
 protected:
  StateLock() {
    std::string pattern = (fs::temp_directory_path() / "owndir-lock-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  ~StateLock() override {
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
  }
  std::string directory_;
};

TEST_F(StateLock, TheSecondToWantADirectoryLearnsWhichProcessHasIt) {
  const auto first = lock_state_directory(directory_);
  ASSERT_TRUE(first) << first.error().to_string();
  const auto second = lock_state_directory(directory_);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(Errc::conflict));
  EXPECT_NE(second.error().context.find("(process " + std::to_string(::getpid()) + ")"), std::string::npos)
      << second.error().context;
}

TEST_F(StateLock, IsFreeAgainOnceItsHolderHasEnded) {
  {
    ASSERT_TRUE(lock_state_directory(directory_));
  }
  EXPECT_TRUE(lock_state_directory(directory_));
}

TEST_F(StateLock, BrowsersStaySignedInForAMonth) {
  const auto first = kept_session(directory_);
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_EQ(first->size(), 64U);
  EXPECT_EQ(*kept_session(directory_), *first);
  const fs::path file = fs::path(directory_) / "session";
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::last_write_time(file, fs::last_write_time(file) - std::chrono::hours(24 * 31));
  const auto later = kept_session(directory_);
  ASSERT_TRUE(later);
  EXPECT_NE(*later, *first);
}

TEST_F(StateLock, WhatIsNoSessionIsReplaced) {
  std::ofstream(directory_ + "/session") << std::string(64, 'z');
  const auto session = kept_session(directory_);
  ASSERT_TRUE(session);
  EXPECT_NE(*session, std::string(64, 'z'));
  EXPECT_EQ(*kept_session(directory_), *session);
}

TEST(LocalPort, KnowsWhatTheNetworkReaches) {
  for (const char* address : {"127.0.0.1", "127.1.2.3", "::1"}) EXPECT_FALSE(is_open_to_network(address)) << address;
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "fd00::1"})
    EXPECT_TRUE(is_open_to_network(address)) << address;
  const auto hosts = local_hosts("192.0.2.1");
  EXPECT_NE(std::find(hosts.begin(), hosts.end(), "192.0.2.1"), hosts.end());
}

}  // namespace
}  // namespace owndir::app
