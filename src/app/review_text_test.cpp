#include "app/review_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace owndir::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

site::Review review_of(std::size_t files) {
  site::Review review;
  review.modules = {""};
  review.files = files;
  for (std::size_t i = 0; i < files; ++i) review.file_changes.added.push_back(".owndir/" + std::to_string(i) + ".js");
  return review;
}

TEST(ReviewText, AFirstApprovalNamesTheFilesThatWillRun) {
  const std::string text = review_text(review_of(2));
  EXPECT_THAT(text, HasSubstr("modules (2 files,"));
  EXPECT_THAT(text, HasSubstr("nothing of this folder was approved before"));
  EXPECT_THAT(text, HasSubstr("    + .owndir/0.js\n    + .owndir/1.js\n"));
}

TEST(ReviewText, ALongListIsCutAndCounted) {
  const std::string text = review_text(review_of(50));
  EXPECT_THAT(text, HasSubstr("+ .owndir/19.js\n    + … and 30 more\n"));
  EXPECT_THAT(text, Not(HasSubstr(".owndir/20.js")));
}

TEST(ReviewText, OneFileIsOneFile) {
  EXPECT_THAT(review_text(review_of(1)), HasSubstr("(1 file, "));
}

TEST(ReviewText, AWithdrawnApprovalIsNotNothing) {
  site::Review review = review_of(1);
  review.revoked = true;
  const std::string text = review_text(review);
  EXPECT_THAT(text, HasSubstr("the approval was withdrawn on "));
  EXPECT_THAT(text, HasSubstr("+ .owndir/0.js"));
  EXPECT_THAT(text, Not(HasSubstr("approved before")));
}

TEST(ReviewText, SaysWhatChangedInOneLine) {
  EXPECT_EQ(changes_text({}), "");
  site::Snapshot before, after;
  before.files = {{"a.js", "1", 0, false}, {"b.js", "1", 0, false}};
  EXPECT_EQ(changes_text(site::difference_of(before, before)), "");
  after.files = {{"a.js", "2", 0, false}, {"c.js", "1", 0, false}};
  EXPECT_EQ(changes_text(site::difference_of(before, after)), "a.js, c.js (new), b.js (removed)");
  site::Difference many;
  many.changed = {"1", "2", "3", "4", "5"};
  EXPECT_EQ(changes_text(many), "1, 2, 3 and 2 more");
}

TEST(ReviewText, NamesWhatWasProbablyMeantToBeAModule) {
  site::Review review;
  EXPECT_EQ(hints_text(review, "  "), "");
  review.hints = {{".owndir/Index.jsx", "is no module"}};
  EXPECT_EQ(hints_text(review, "  "), "\n  .owndir/Index.jsx is no module");
}

}  // namespace
}  // namespace owndir::app
