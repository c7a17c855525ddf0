#include "app/common.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

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

}  // namespace
}  // namespace owndir::app
