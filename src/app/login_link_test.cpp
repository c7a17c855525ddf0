#include "app/login_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.hpp"

namespace owndir::app {
namespace {

using ::testing::StartsWith;

class FakeClock final : public Clock {
 public:
  SteadyTime steady() const override { return {}; }
  WallTime wall() const override { return now; }
  WallTime now = from_unix_ms(1'700'000'000'000);
};

class LoginLink : public ::testing::Test {
 protected:
  LoginLink() : lock_(lock_state_directory(state_.path().string())) {
    EXPECT_TRUE(lock_);
    EXPECT_TRUE(leave_address(place(), "http://127.0.0.1:8710"));
  }
  std::string place() const { return state_.path().string(); }
  std::string key() {
    const auto link = leave_link(place(), clock_);
    EXPECT_TRUE(link) << (link ? "" : link.error().to_string());
    return link ? link->substr(link->find('=') + 1) : "";
  }

  TestFolder state_;
  FakeClock clock_;
  Result<FileDescriptor> lock_;
};

TEST_F(LoginLink, OpensTheSessionOnce) {
  const auto link = leave_link(place(), clock_);
  ASSERT_TRUE(link);
  EXPECT_THAT(*link, StartsWith("http://127.0.0.1:8710/@/login?key="));
  const std::string given = link->substr(link->find('=') + 1);
  EXPECT_FALSE(take_key(place(), "", clock_));
  EXPECT_FALSE(take_key(place(), std::string(given.size(), '0'), clock_));
  EXPECT_TRUE(take_key(place(), given, clock_)) << "wrong attempts leave it as it is";
  EXPECT_FALSE(take_key(place(), given, clock_));
}

TEST_F(LoginLink, OnlyTheNewestCountsAndOnlyForTenMinutes) {
  const std::string first = key(), second = key();
  EXPECT_FALSE(take_key(place(), first, clock_));
  clock_.now += std::chrono::minutes(11);
  EXPECT_FALSE(take_key(place(), second, clock_));
  EXPECT_FALSE(std::filesystem::exists(state_.path() / "login-key"));
}

TEST_F(LoginLink, IsReadableByTheOwnerAlone) {
  key();
  for (const char* name : {"login-key", "address"})
    EXPECT_EQ(std::filesystem::status(state_.path() / name).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(LoginLink, ThereIsNoneWhereNothingRuns) {
  *lock_ = FileDescriptor();
  const auto link = leave_link(place(), clock_);
  ASSERT_FALSE(link);
  EXPECT_TRUE(link.error().is(Errc::not_found));
}

TEST_F(LoginLink, WhatIsNoKeyOpensNothing) {
  for (const char* text : {"", "[]", "{\"key\":7,\"until\":9}", "{\"key\":\"00000000000000000000000000000000\"}"}) {
    state_.write("login-key", text);
    EXPECT_FALSE(take_key(place(), std::string(32, '0'), clock_)) << text;
  }
}

}  // namespace
}  // namespace owndir::app
